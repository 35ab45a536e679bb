"""The traces that a study needs: of each framework on each workload and arm, and of the reference.

The reference is the framework `numpy` in its idiomatic execution, whether or not a study lists it.
"""

import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from benchmarks import datasets, frameworks
from benchmarks.common import machine
from benchmarks.common.errors import Problem
from benchmarks.common.progress import Progress
from benchmarks.common.store import digest
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import EXECUTIONS, Execution
from benchmarks.identity import exaggerated, quantity, rehearsal, studied
from benchmarks.identity.quantity import Trace
from benchmarks.identity.trace import BATCH_SIZE, record_beginning, record_trace, set_up
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.plan import Plan
from benchmarks.study.study import Study, Workload, plan
from benchmarks.training.dependencies import certified_conditions

REFERENCE = ("numpy", "idiomatic")
PRECISIONS = ("float64", "float32")
STUDIED = "fused"
"""The execution that a study trains with."""


class File(NamedTuple):
    """A file of traces: one framework in one precision, to be certified or only to be compared with."""

    framework: str
    precision: str
    certified: bool = True

    @property
    def executions(self) -> tuple[Execution, ...]:
        """The executions that are traced."""
        return EXECUTIONS if self.certified else (REFERENCE[1],)

    @property
    def path(self) -> Path:
        """Its place in the folder of traces."""
        return Path(self.precision) / f"{self.framework}.safetensors"


def files(names: list[str]) -> list[File]:
    """The files that the certificates of these frameworks are made from.

    Where the reference is not one of them, only what they are compared with is traced of it.
    """
    of_frameworks = [File(name, precision) for name in names for precision in PRECISIONS]
    of_reference = [] if REFERENCE[0] in names else [File(REFERENCE[0], "float64", certified=False)]
    return of_reference + of_frameworks


class Subject(NamedTuple):
    """What a trace is of: one arm of a workload in one execution.

    `plan` is that of the study at the smallest of the batch sizes.
    """

    workload: Workload
    arm: Arm
    execution: Execution
    plan: Plan

    @property
    def name(self) -> str:
        """Its name in the file of traces."""
        return quantity.trace_name(self.workload.slug, self.workload.model, self.arm.name, self.execution)


def record(subject: Subject, framework: ModuleType, data: Dataset, *, precision: str) -> Trace:
    """Everything that is recorded of a subject in one precision."""
    workload, arm, execution, planned = subject
    common = {"model": workload.model, "execution": execution, "precision": precision}
    setup = set_up(framework, data, arm, **common)
    smallest = min(workload.sizes)
    optimizers = {size: arm.optimizer_at(size, total_steps=rehearsal.STEPS) for size in workload.sizes}
    on_all = set_up(framework, data, arm, first=None, **common)
    rehearsed = replace(on_all, optimizer=optimizers[smallest])
    if precision == "float32":
        return {
            **record_beginning(setup),
            **exaggerated.with_harsh_settings(setup, BATCH_SIZE),
            **exaggerated.with_extreme_parameters(setup, BATCH_SIZE),
            **rehearsal.in_float32(rehearsed, data, optimizers),
        }
    if execution == STUDIED:
        of_study = studied.by_the_study(framework, planned, data, precision=precision)
    else:
        of_study = studied.by_the_arm(rehearsed, data, smallest)
    return {
        **record_trace(setup),
        **exaggerated.with_settings_exaggerated(setup, BATCH_SIZE),
        **exaggerated.with_harsh_settings(setup, BATCH_SIZE),
        **exaggerated.with_extreme_parameters(setup, BATCH_SIZE),
        **of_study,
        **rehearsal.record_rehearsal(rehearsed, data, optimizers),
    }


def subjects(study: Study, file: File) -> list[Subject]:
    """Everything of a study that is traced for a file."""
    return [
        Subject(workload, arm, execution, smallest_plan(study, workload, arm, file.framework))
        for workload in study.workloads
        for arm in study.arms
        for execution in file.executions
    ]


def smallest_plan(study: Study, workload: Workload, arm: Arm, framework: str) -> Plan:
    """The study's plan at the smallest of the batch sizes."""
    size = min(workload.sizes)
    return plan(study, workload=workload, framework=framework, arm=arm, batch_size=size, seed=0)


def attempt(subject: Subject, framework: ModuleType, data: Dataset, *, precision: str) -> Trace | str:
    """What is recorded of a subject, or the error for which it gets no certificate; its traceback is printed.

    Raises:
        Problem: something that a person has to fix first.
    """
    try:
        return record(subject, framework, data, precision=precision)
    except Problem:
        raise
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"


def traces(
    study: Study, file: File, data: dict[str, Dataset], *, threads: int
) -> Iterator[tuple[str, Trace | str]]:
    """Every trace of a file, or the error in its place, with its name."""
    framework = frameworks.load(file.framework)
    framework.configure(threads=threads, device=study.device, precision=file.precision)
    wanted = subjects(study, file)
    progress = Progress(f"traces of {file.framework} in {file.precision}", len(wanted))
    for subject in wanted:
        yield subject.name, attempt(subject, framework, data[subject.workload.slug], precision=file.precision)
        progress.advance()


def conditions_by_arm(study: Study, file: File, data: dict[str, Dataset], *, threads: int) -> dict[str, str]:
    """The digest of what each arm's certificate holds for, by the name of the trace."""
    return {
        subject.name: digest(
            certified_conditions(subject.plan, data=data[subject.workload.slug], threads=threads)
        )
        for subject in subjects(study, file)
    }


def write(study: Study, file: File, data: list[Path], *, threads: int, output: Path) -> None:
    """Trace one framework on these data sets, and write what belongs into a file of traces.

    A certificate holds for the number of threads that the study computes with. What is only compared with
    takes one: where several traces are made at once, the threads of small products wait for one another.
    """
    threads = (threads or machine.cores()) if file.certified else 1
    read = {path.stem: datasets.read(path) for path in data}
    found = dict(traces(study, file, read, threads=threads))
    quantity.write_traces(found, conditions_by_arm(study, file, read, threads=threads), output)
