"""Compare the traces of every framework with the reference and write identity.json.

The reference is the first framework of the study in its idiomatic execution.
"""

import argparse
import json
from pathlib import Path

from safetensors.numpy import load_file

from benchmarks import record
from benchmarks.errors import told_plainly
from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.identity.certificate import BOUND, Certificate, differences, worst
from benchmarks.identity.trace import BATCH_SIZE, STEPS, Trace
from benchmarks.study import Study


def load(path: Path) -> dict[str, Trace]:
    """The traces of one framework, by `dataset/model/arm/execution`."""
    found: dict[str, Trace] = {}
    for name, value in load_file(path).items():
        where, quantity = name.rsplit("/", 1)
        found.setdefault(where, {})[quantity] = value
    return found


def certificates(study: Study, traces: dict[str, dict[str, Trace]]) -> list[Certificate]:
    """One certificate for each (workload, arm, framework, execution)."""
    return [
        certificate(
            traces,
            names={"dataset": workload.dataset, "model": workload.model, "arm": arm.name},
            framework=framework,
            execution=execution,
            reference=study.frameworks[0],
        )
        for workload in study.workloads
        for arm in study.arms
        for framework in study.frameworks
        for execution in EXECUTIONS
    ]


def certificate(
    traces: dict[str, dict[str, Trace]],
    *,
    names: dict[str, str],
    framework: str,
    execution: str,
    reference: str,
) -> Certificate:
    """Compare one trace with the reference of its workload and arm."""
    where = "/".join(names.values())
    found = differences(
        traces[framework][f"{where}/{execution}"], traces[reference][f"{where}/{EXECUTIONS[0]}"]
    )
    return Certificate(
        **names,
        framework=framework,
        execution=execution,
        reference=f"{reference} {EXECUTIONS[0]}",
        certified=max(found.values()) <= BOUND,
        largest_difference=max(found.values()),
        differs_by=worst(found),
        differences=found,
    )


def main() -> None:
    """Compare and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.certify", description=__doc__)
    parser.add_argument("--study", type=Study.model_validate_json, required=True, help="the study, as JSON")
    parser.add_argument("--traces", type=Path, nargs="+", required=True, help="FRAMEWORK.safetensors of each")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    with told_plainly():
        made = certificates(arguments.study, {path.stem: load(path) for path in arguments.traces})
        content = {
            "bound": BOUND,
            "steps": STEPS,
            "batch_size": BATCH_SIZE,
            "precision": "float64",
            "certificates": [c.model_dump() for c in made],
        }
        record.write_text(json.dumps(content, indent=1) + "\n", arguments.output)
        for c in made:
            print(f"{c.dataset} {c.model} {c.arm} {c.framework} {c.execution}: {c.verdict}")


if __name__ == "__main__":
    main()
