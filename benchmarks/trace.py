"""Trace one framework on every workload and arm of a study, for its certificates."""

import argparse
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from benchmarks import datasets, frameworks, record
from benchmarks.errors import told_plainly
from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.identity.trace import BATCH_SIZE, Trace, record_trace
from benchmarks.study import Study


def traces(study: Study, name: str, data: dict[str, Path]) -> Trace:
    """Every trace of a framework; the names are `dataset/model/arm/execution/quantity`."""
    framework = frameworks.load(name)
    framework.configure(threads=1, device=study.device, precision="float64")
    found = {}
    for workload in study.workloads:
        dataset = datasets.read(data[workload.dataset])
        for arm in study.arms:
            for execution in EXECUTIONS:
                trace = record_trace(
                    framework,
                    dataset,
                    model=workload.model,
                    optimizer=arm.optimizer(BATCH_SIZE),
                    execution=execution,
                )
                where = f"{workload.dataset}/{workload.model}/{arm.name}/{execution}"
                found.update({f"{where}/{quantity}": value for quantity, value in trace.items()})
    return found


def main() -> None:
    """Trace and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trace", description=__doc__)
    parser.add_argument("--study", type=Study.model_validate_json, required=True, help="the study, as JSON")
    parser.add_argument("--framework", required=True)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="the .npz files, DATASET.npz")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    with told_plainly():
        data = {path.stem: path for path in arguments.data}
        found = traces(arguments.study, arguments.framework, data)
        contiguous = {name: np.ascontiguousarray(value) for name, value in found.items()}
        record.write_bytes(save(contiguous), arguments.output)


if __name__ == "__main__":
    main()
