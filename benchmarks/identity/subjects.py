"""What the certificates of a study are made of: files of traces, and the subject of each trace.

The reference is the framework `numpy` in its idiomatic execution, whether or not a study lists it.
"""

from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks.frameworks.trainer import EXECUTIONS, Execution
from benchmarks.identity import quantity
from benchmarks.identity.trace import optimizer_of
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.plan import Plan
from benchmarks.study.study import Study, Workload, plan

REFERENCE = ("numpy", "idiomatic")
PRECISIONS = ("float64", "float32")
STUDIED = "fused"
"""The execution that a study trains with."""


class File(NamedTuple):
    """A file of traces: one framework in one precision, to be certified or only to be compared with."""

    framework: str
    precision: str
    certified: bool = True

    def device(self, of_study: str) -> str:
        """Where it is traced, by the setting of a study: what is only compared with is NumPy's, on a CPU."""
        return of_study if self.certified else "cpu"

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

    `plans` are those of the study, one for each batch size.
    """

    workload: Workload
    arm: Arm
    execution: Execution
    plans: list[Plan]

    @property
    def name(self) -> str:
        """Its name in the file of traces."""
        return quantity.trace_name(self.workload.slug, self.workload.model, self.arm.name, self.execution)


class Part(NamedTuple):
    """What is recorded of a subject at once and kept.

    It is the study's own runs, cut short; or whole runs, followed by the reference; or all else, its steps.
    In float64, the former have the learning rates of their arm; and batches of all runs grow as the arm's.
    The rest is recorded of one arm for all that differ by these alone, since it holds at any.
    """

    subject: Subject
    of: Literal["runs", "whole runs", "steps"]

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.subject.name if self.of == "steps" else f"{self.subject.name}, {self.of}"

    @property
    def is_by_the_study(self) -> bool:
        """Whether the study's own code makes the runs, and not the reference."""
        return self.of == "runs" and self.subject.execution == STUDIED


def parts_of(subject: Subject, study: Study, precision: str) -> list[Part]:
    """The parts of a subject: its runs, if the study or the reference makes some, and everything else."""
    alike = traced_as(subject.arm, study.arms)
    # In float32 every run has the same tiny rate, whatever that of its arm. Its name tells it from another's.
    grown = alike.model_copy(update={"name": subject.arm.name, "growth": subject.arm.growth})
    followed = of_arm(subject, grown, study)
    of_runs = subject if precision == "float64" else followed
    # A run without growth has the most steps, and what is counted over them holds for fewer too.
    others = of_arm(subject, alike.model_copy(update={"growth": None}), study)
    has_runs = subject.execution == STUDIED or is_reference(subject, precision)
    runs = [Part(of_runs, "runs"), Part(followed, "whole runs")] if has_runs else []
    return [*runs, Part(others, "steps")]


def of_arm(subject: Subject, arm: Arm, study: Study) -> Subject:
    """The same subject with another arm."""
    plans = plans_of(study, subject.workload, arm, subject.plans[0].cell.framework)
    return subject._replace(arm=arm, plans=plans)


def traced_as(arm: Arm, arms: list[Arm]) -> Arm:
    """Of the arms that differ from this one in their runs alone, the one with the lowest rate in a trace.

    At a high rate, rounding grows over the steps of a trace until nothing can be told from it.
    """
    alike = [each for each in arms if each.in_a_trace == arm.in_a_trace]
    return min(alike, key=lambda each: optimizer_of(each).learning_rate)


def is_reference(subject: Subject, precision: str) -> bool:
    """Whether all others are compared with this trace."""
    return (subject.plans[0].cell.framework, subject.execution, precision) == (*REFERENCE, "float64")


def subjects_of(study: Study, file: File) -> list[Subject]:
    """Everything of a study that is traced for a file."""
    return [
        Subject(workload, arm, execution, plans_of(study, workload, arm, file.framework))
        for workload in study.workloads
        for arm in study.arms
        for execution in file.executions
    ]


def plans_of(study: Study, workload: Workload, arm: Arm, framework: str) -> list[Plan]:
    """The study's plans at each batch size."""
    common = {"workload": workload, "framework": framework, "arm": arm, "seed": 0}
    return [plan(study, batch_size=size, **common) for size in workload.sizes]
