"""The timed cases of one process, run by pytest-benchmark.

`benchmarks.throughput.job` starts pytest on this file once for each process; the environment
variable `BATCH_ATLAS_REQUEST` names the file that says what to time.
"""

import functools
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import datasets, frameworks
from benchmarks.common import provenance
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.batches import BatchStream
from benchmarks.throughput.rows import Case, Request

REQUEST_FILE = Path(os.environ["BATCH_ATLAS_REQUEST"])
REQUEST = Request.model_validate_json(REQUEST_FILE.read_bytes())
ROUNDS = {"fused": 10, "idiomatic": 3}
ROUND_SHARE = {"fused": 0.1, "idiomatic": 1.0}
"""A round's part of the seconds for a case: `fit` and `DataLoader` start anew in each call, and a long
round makes that start as small a part as it is of an epoch."""
FEWEST_ROUNDS = 3


@functools.cache
def framework():
    """The framework of this process, configured."""
    module = frameworks.load(REQUEST.framework)
    module.configure(threads=REQUEST.threads, device=REQUEST.device, precision=REQUEST.precision)
    return module


@functools.cache
def data(name: str) -> Dataset:
    """A data set, read once in a process."""
    return datasets.read(REQUEST.data[name])


def arm(step_kind: str) -> Arm:
    """The arm that stands for a step kind."""
    return next(arm for arm in REQUEST.arms if arm.name == step_kind)


def set_up(case: Case) -> Setup:
    """The training that a case times, whatever its batch size."""
    stands = arm(case.step_kind)
    return Setup.on(
        data(case.dataset),
        model=case.model,
        augmentation=stands.augmentation,
        randomness=stands.randomness,
        framework=framework(),
        optimizer=stands.optimizer_at(1, total_steps=1),
        precision=REQUEST.precision,
        execution=case.execution,
    )


@functools.lru_cache(maxsize=4)
def trainer(case_of_size_1: Case) -> tuple[Setup, Trainer]:
    """A trainer and its set-up, built once in a process for all batch sizes."""
    setup = set_up(case_of_size_1)
    return setup, setup.trainer()


def seconds(function: Callable, *arguments) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def steps_per_round(step_s: float, *, round_s: float) -> int:
    """Steps that fill a round, at least one."""
    return max(1, round(round_s / step_s))


def rounds_for(round_s: float, *, wanted: int, total_s: float) -> int:
    """Rounds that fit into the time for a case, at most those wanted, at least a few."""
    return max(FEWEST_ROUNDS, min(wanted, int(total_s / round_s)))


def estimated_step_s(subject: Trainer, stream: BatchStream, batch_size: int, *, budget_s: float) -> float:
    """Seconds of a step once warm, what a call costs by itself left out.

    Calls grow until one is long enough to trust; the step is the difference to a call of one step.
    """
    one = seconds(subject.train, stream.batches(batch_size, first=0, count=1))
    steps, taken = 1, one
    while taken < budget_s / 2 and steps < 4096:
        steps *= 4
        taken = seconds(subject.train, stream.batches(batch_size, first=0, count=steps))
    return max((taken - one) / (steps - 1), taken / steps / 10) if steps > 1 else one


def input_share(subject: Trainer, batches: np.ndarray, *, round_s: float) -> float:
    """Time of the input pipeline alone over the time of the whole round, at most 1."""
    subject.read(batches)
    alone = statistics.median(seconds(subject.read, batches) for _ in range(FEWEST_ROUNDS))
    return min(1.0, alone / round_s)


@pytest.fixture(scope="module", autouse=True)
def described() -> None:
    """Keep beside the request what this process timed with."""
    made = provenance.of_framework(framework())
    made["data_sha256"] = {name: data(name).sha256 for name in {case.dataset for case in REQUEST.cases}}
    REQUEST_FILE.with_suffix(".provenance").write_text(json.dumps(made))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case of the request, in its order."""
    names = [f"{c.dataset}-{c.model}-{c.step_kind}-{c.execution}-{c.batch_size}" for c in REQUEST.cases]
    metafunc.parametrize("case", REQUEST.cases, ids=names)


def test_throughput(benchmark, case: Case) -> None:
    """Time steady-state steps of one case; compilation and the first step are numbers of their own."""
    benchmark.extra_info.update(
        case.model_dump(), framework=REQUEST.framework, process=REQUEST.process, code=REQUEST.code
    )
    try:
        time_case(benchmark, case)
    except Exception as error:
        benchmark.extra_info["status"] = "out-of-memory" if framework().is_out_of_memory(error) else "failed"
        report_failure(case, benchmark.extra_info["status"])
        raise


def time_case(benchmark, case: Case) -> None:
    """Compile, first step, warm-up, rounds, input; `measuring_s` is all of it, each part being timed."""
    setup, subject = trainer(case.model_copy(update={"batch_size": 1}))
    start = time.perf_counter()
    subject.reset(setup.parameters(seed=0))
    stream = setup.stream(seed=REQUEST.process)
    compile_s = subject.compile(case.batch_size)
    first_step_s = seconds(subject.train, stream.batches(case.batch_size, first=0, count=1))
    round_s = REQUEST.seconds_per_case * ROUND_SHARE[case.execution]
    step_s = estimated_step_s(subject, stream, case.batch_size, budget_s=round_s)
    steps = steps_per_round(step_s, round_s=round_s)
    batches = stream.batches(case.batch_size, first=0, count=steps)
    wanted = ROUNDS[case.execution]
    rounds = rounds_for(steps * step_s, wanted=wanted, total_s=wanted * round_s)
    framework().synchronise()
    benchmark.pedantic(subject.train, args=(batches,), rounds=rounds, iterations=1)
    median_s = statistics.median(benchmark.stats.stats.data)
    benchmark.extra_info.update(
        steps_per_round=steps,
        compile_s=compile_s,
        first_step_s=first_step_s,
        input_share=input_share(subject, batches, round_s=median_s),
        measuring_s=time.perf_counter() - start,
        status="measured",
    )


def report_failure(case: Case, status: str) -> None:
    """Keep a failed case beside the request: pytest-benchmark leaves it out of its own file."""
    with REQUEST_FILE.with_suffix(".failures").open("a") as failures:
        failures.write(json.dumps({**case.model_dump(), "status": status}) + "\n")
