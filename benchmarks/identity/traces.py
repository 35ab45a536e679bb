"""The traces that a study needs: each of its arms on each of its workloads, in each execution."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from benchmarks import datasets, frameworks
from benchmarks.common import machine
from benchmarks.common.progress import Progress
from benchmarks.common.store import digest
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import EXECUTIONS, Execution
from benchmarks.identity import quantity, rehearsal
from benchmarks.identity.quantity import Trace
from benchmarks.identity.trace import (
    BATCH_SIZE,
    record_first_step,
    record_losses,
    record_trace,
    set_up,
)
from benchmarks.recipe.arm import Arm
from benchmarks.study.study import Study, Workload, plan
from benchmarks.training.dependencies import certified_conditions


class Subject(NamedTuple):
    """What a trace is of: one arm of a workload in one execution, and the batch sizes to rehearse."""

    workload: Workload
    arm: Arm
    execution: Execution

    @property
    def name(self) -> str:
        """Its name in the file of traces."""
        return quantity.trace_name(self.workload.slug, self.workload.model, self.arm.name, self.execution)


def record(subject: Subject, framework: ModuleType, data: Dataset, *, precision: str) -> Trace:
    """Everything that is recorded of a subject in one precision."""
    workload, arm, execution = subject
    common = {"model": workload.model, "execution": execution, "precision": precision}
    setup = set_up(framework, data, arm, **common)
    smallest = min(workload.sizes)
    rehearsed = replace(
        set_up(framework, data, arm, first=None, **common),
        optimizer=arm.optimizer_at(smallest, total_steps=rehearsal.STEPS),
    )
    if precision == "float32":
        return {**record_first_step(setup), **record_losses(setup), **rehearsal.repeated(rehearsed, smallest)}
    return {
        **record_trace(setup),
        **rehearsal.with_settings_exaggerated(setup, BATCH_SIZE),
        **rehearsal.record_rehearsal(rehearsed, data, workload.sizes),
    }


def subjects(study: Study) -> list[Subject]:
    """Everything of a study that is traced."""
    return [
        Subject(workload, arm, execution)
        for workload in study.workloads
        for arm in study.arms
        for execution in EXECUTIONS
    ]


def traces(
    study: Study, name: str, data: dict[str, Dataset], *, precision: str, threads: int
) -> Iterator[tuple[str, Trace]]:
    """Every trace of a framework, with its name; with the number of threads that the study computes with."""
    framework = frameworks.load(name)
    framework.configure(threads=threads, device=study.device, precision=precision)
    of_study = subjects(study)
    progress = Progress(f"traces of {name} in {precision}", len(of_study))
    for subject in of_study:
        yield subject.name, record(subject, framework, data[subject.workload.slug], precision=precision)
        progress.advance()


def conditions_by_arm(study: Study, name: str, data: dict[str, Dataset], *, threads: int) -> dict[str, str]:
    """The digest of what each arm's certificate holds for, by the name of the trace."""
    return {
        subject.name: digest(
            certified_conditions(
                plan(
                    study,
                    workload=subject.workload,
                    framework=name,
                    arm=subject.arm,
                    batch_size=min(subject.workload.sizes),
                    seed=0,
                ),
                data=data[subject.workload.slug],
                threads=threads,
            )
        )
        for subject in subjects(study)
    }


def write(
    study: Study, framework: str, data: list[Path], *, precision: str, threads: int, output: Path
) -> None:
    """Trace one framework on the data sets in these files, and write all traces into one file."""
    threads = threads or machine.cores()
    read = {path.stem: datasets.read(path) for path in data}
    found = dict(traces(study, framework, read, precision=precision, threads=threads))
    quantity.write_traces(found, conditions_by_arm(study, framework, read, threads=threads), output)
