"""The cases of a throughput measurement: what one process is asked to time."""

from pathlib import Path

import numpy as np

from benchmarks.common.value import Value
from benchmarks.frameworks.trainer import EXECUTIONS, Execution
from benchmarks.recipe.arm import Arm
from benchmarks.study.study import Workload


class Case(Value):
    """One thing to time."""

    dataset: str
    model: str
    form: str
    execution: Execution
    batch_size: int


class Request(Value):
    """What one process times: its framework and settings, and the cases in the order to run them.

    `arms` has one for each form of the cases, by the form's name; `data` the file of each data set.
    """

    framework: str
    process: int
    code: str
    device: str
    precision: str
    threads: int
    seconds_per_case: float
    data: dict[str, Path]
    arms: list[Arm]
    cases: list[Case]


def cases_of(workload: Workload, forms: list[str]) -> list[Case]:
    """Every case of a workload: both executions of every form of arm at every batch size."""
    return [
        Case(dataset=workload.slug, model=workload.model, form=form, execution=execution, batch_size=size)
        for size in workload.sizes
        for form in forms
        for execution in EXECUTIONS
    ]


def shuffled(cases: list[Case], *, seed: int) -> list[Case]:
    """The cases in a seeded order, so that a drift of the machine does not follow the batch size."""
    return [cases[index] for index in np.random.default_rng(seed).permutation(len(cases))]
