"""The cases of a throughput measurement: what one process is asked to time."""

from pathlib import Path

import numpy as np

from benchmarks.frameworks.trainer import EXECUTIONS, Execution
from benchmarks.record import Value


class Case(Value):
    """One thing to time."""

    dataset: str
    model: str
    execution: Execution
    batch_size: int


class Request(Value):
    """What one process times: its framework and settings, and the cases in the order to run them."""

    framework: str
    process: int
    code: str
    device: str
    precision: str
    threads: int
    seconds_per_case: float
    data: dict[str, Path]
    cases: list[Case]


def cases_of(dataset: str, model: str, batch_sizes: list[int]) -> list[Case]:
    """Every case of a workload: both executions at every batch size."""
    return [
        Case(dataset=dataset, model=model, execution=execution, batch_size=size)
        for size in batch_sizes
        for execution in EXECUTIONS
    ]


def shuffled(cases: list[Case], *, seed: int) -> list[Case]:
    """The cases in a seeded order, so that a drift of the machine does not follow the batch size."""
    return [cases[index] for index in np.random.default_rng(seed).permutation(len(cases))]
