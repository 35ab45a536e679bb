"""Throughput as values: the cases that a process has to time, and the rows read from its timings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np

from benchmarks.common.quiet import Disturbance
from benchmarks.common.value import Value
from benchmarks.frameworks.trainer import EXECUTIONS, Execution
from benchmarks.recipe.arm import Arm
from benchmarks.study.study import Workload


class Case(Value):
    """One thing to time: the steps of a model on a data set, in one execution, at one batch size.

    `call_steps` are the most steps that a training takes in one call of its trainer.
    """

    dataset: str
    model: str
    step_kind: str
    execution: Execution
    batch_size: int
    call_steps: int


class Request(Value):
    """What one process times: its framework, its settings, and the cases in the order in which they run.

    `arms` has one arm for each step kind of the cases, named after it; `data` has the file of each data set.
    """

    framework: str
    process: int
    device: str
    precision: str
    threads: int
    seconds_per_case: float
    data: dict[str, Path]
    arms: list[Arm]
    cases: list[Case]


def cases_of(workload: Workload, step_kinds: list[str]) -> list[Case]:
    """Every case of a workload: both executions of every step kind at every batch size."""
    return [
        Case(
            dataset=workload.slug,
            model=workload.model,
            step_kind=step_kind,
            execution=execution,
            batch_size=size,
            call_steps=workload.evaluations.call_steps(size),
        )
        for size in workload.sizes
        for step_kind in step_kinds
        for execution in EXECUTIONS
    ]


def shuffled(cases: list[Case], *, seed: int) -> list[Case]:
    """The cases in a random order, so that a drift of the machine is not mistaken for a batch size effect.

    The idiomatic ones come first: what the fused execution sets for the process cannot be taken back.
    """
    order = [cases[index] for index in np.random.default_rng(seed).permutation(len(cases))]
    return sorted(order, key=lambda case: case.execution == "fused")


class Timing(TypedDict):
    """A row of throughput.csv; a failed case has no numbers.

    The schema of results explains the columns. It is not imported here: otherwise a reworded sentence in it
    would change the digest of the code behind every timing, and all cases would be timed again.
    """

    dataset: str
    model: str
    framework: str
    step_kind: str
    execution: Execution
    batch_size: int
    threads: int
    process: int
    samples_per_s: float
    step_ms: float
    rounds: int
    steps_per_round: float
    start_s: float
    compile_s: float | None
    first_step_s: float
    input_share: float
    flops_per_example: int
    peak_share: float | None
    disturbed: str
    status: str


MEASURED_HERE = ("samples_per_s", "step_ms", "rounds", "peak_share", "disturbed")
"""The numbers computed here from the rounds; the process reports the others."""


def disturbance(benchmark: dict) -> Disturbance:
    """What was seen of the machine during one case in a pytest-benchmark file."""
    return Disturbance.model_validate(benchmark["extra_info"]["disturbance"])


def row(benchmark: dict, *, product_gflops: dict[str, float], calm: float) -> Timing:
    """The row of one case in a pytest-benchmark file.

    Throughput is the batch size / the median, over rounds, of the mean time of a step in a round.
    `product_gflops` are those of the process's fastest matrix product by precision, as far as they are known.
    `calm` are the milliseconds of the fixed work in calm timings of the study.
    """
    info = benchmark["extra_info"]
    rounds_s = np.asarray(benchmark["stats"]["data"])
    step_s = float(np.median(rounds_s)) / info["steps_per_round"]
    samples_per_s = info["batch_size"] / step_s
    gflops = info["flops_per_example"] * samples_per_s / 1e9
    most = product_gflops.get(info["product_precision"])
    reported = {name: info[name] for name in Timing.__annotations__ if name not in MEASURED_HERE}
    return Timing(
        **reported,
        samples_per_s=samples_per_s,
        step_ms=1e3 * step_s,
        rounds=len(rounds_s),
        peak_share=gflops / most if most else None,
        disturbed=disturbance(benchmark).reason_beside(calm),
    )


class Process(NamedTuple):
    """One timing process: its lifetime in seconds, the part of it spent on measuring, and its provenance.

    `probe_ms` has the fixed work of each case that was timed fused, as trainings are.
    """

    framework: str
    job_s: float
    measuring_s: float
    probe_ms: list[float]
    provenance: dict[str, Any]


def processes(folder: Path) -> Iterator[Process]:
    """The timing processes that have files in this folder."""
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_bytes())
        infos = [benchmark["extra_info"] for benchmark in content["benchmarks"]]
        framework = (infos or content["failures"])[0]["framework"]
        measuring_s = sum(info["measuring_s"] for info in infos)
        probe_ms = [info["disturbance"]["probe_ms"] for info in infos if info["execution"] == "fused"]
        yield Process(framework, content["job_s"], measuring_s, probe_ms, content["provenance"])
