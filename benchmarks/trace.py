"""Trace one framework on every workload and arm of a study, for its certificates."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmarks import datasets, frameworks
from benchmarks.errors import told_plainly
from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.identity import files
from benchmarks.identity.quantity import Trace
from benchmarks.identity.trace import case_of, record_losses, record_trace
from benchmarks.study import Study


def traces(study: Study, name: str, data: dict[str, Path], *, precision: str) -> Iterator[tuple[str, Trace]]:
    """Every trace of a framework with its name; in float32 it is the learning curve alone.

    One thread: the batches are small, and traces of several frameworks may be made side by side.
    """
    framework = frameworks.load(name)
    framework.configure(threads=1, device=study.device, precision=precision)
    recorded = record_trace if precision == "float64" else record_losses
    for workload in study.workloads:
        dataset = datasets.read(data[workload.slug])
        for arm in study.arms:
            for execution in EXECUTIONS:
                case = case_of(
                    framework,
                    dataset,
                    arm,
                    model=workload.model,
                    execution=execution,
                    precision=precision,
                )
                yield files.where(workload.slug, workload.model, arm.name, execution), recorded(case)


def main() -> None:
    """Trace and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trace", description=__doc__)
    parser.add_argument("--study", type=Study.model_validate_json, required=True, help="the study, as JSON")
    parser.add_argument("--framework", required=True)
    parser.add_argument("--precision", choices=["float64", "float32"], required=True)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the .npz files, DATASET.npz")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    with told_plainly():
        data = {path.stem: path for path in given.data}
        found = traces(given.study, given.framework, data, precision=given.precision)
        files.write(dict(found), given.output)


if __name__ == "__main__":
    main()
