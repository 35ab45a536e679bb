"""Trace one framework on every workload and arm of a study, for its certificates."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import datasets, frameworks
from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.identity import files
from benchmarks.identity.quantity import Trace
from benchmarks.identity.trace import case_of, record_losses, record_trace
from benchmarks.study.study import Study


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


def write(study: Study, framework: str, data: list[Path], *, precision: str, output: Path) -> None:
    """Trace one framework on the data sets in these files, and write every trace into one."""
    paths = {path.stem: path for path in data}
    files.write(dict(traces(study, framework, paths, precision=precision)), output)
