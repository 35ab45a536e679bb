"""Times the cases of one process with pytest-benchmark.

`benchmarks.throughput.launch` starts pytest on this file once for each process; the environment variable
`BATCH_ATLAS_REQUEST` is the path of the request, which lists what to time.
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
"""The most rounds of a case, by execution."""
ROUND_SHARE = {"fused": 0.1, "idiomatic": 1.0}
"""Length of a round as a share of the seconds for a case. `fit` and `DataLoader` start up in each call; in a
long round, this takes as small a share of the time as it does in an epoch."""
FEWEST_ROUNDS = 3


@functools.cache
def framework():
    """The framework of this process, after `configure`."""
    module = frameworks.load(REQUEST.framework)
    module.configure(threads=REQUEST.threads, device=REQUEST.device, precision=REQUEST.precision)
    return module


@functools.cache
def dataset(name: str) -> Dataset:
    """A data set, read from its file once in a process."""
    return datasets.read(REQUEST.data[name])


def arm(step_kind: str) -> Arm:
    """The arm that represents a step kind."""
    return next(arm for arm in REQUEST.arms if arm.name == step_kind)


def set_up(case: Case) -> Setup:
    """The set-up of the training that a case times; it does not depend on the batch size."""
    timed = arm(case.step_kind)
    return Setup.on(
        dataset(case.dataset),
        model=case.model,
        augmentation=timed.augmentation,
        randomness=timed.randomness,
        framework=framework(),
        optimizer=timed.optimizer_at(1, total_steps=1),
        precision=REQUEST.precision,
        execution=case.execution,
    )


@functools.lru_cache(maxsize=4)
def setup_and_trainer(case_of_size_1: Case) -> tuple[Setup, Trainer]:
    """The set-up of a case and its trainer, built once in a process for all batch sizes."""
    setup = set_up(case_of_size_1)
    return setup, setup.trainer()


def seconds(function: Callable, *arguments) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def steps_per_round(step_s: float, *, round_s: float) -> int:
    """Number of steps that fill a round, at least one."""
    return max(1, round(round_s / step_s))


def rounds_for(round_s: float, *, most: int, total_s: float) -> int:
    """Number of rounds that fit into the time for a case, from FEWEST_ROUNDS to `most`."""
    return max(FEWEST_ROUNDS, min(most, int(total_s / round_s)))


def estimated_step_s(trainer: Trainer, stream: BatchStream, batch_size: int, *, budget_s: float) -> float:
    """Seconds of a step after warm-up, without the fixed cost of a call.

    The number of steps in a call grows until the call takes long enough; the time of a step is then the
    difference from a call of one step.
    """
    one_step_s = seconds(trainer.train, stream.batches(batch_size, first=0, count=1))
    steps, call_s = 1, one_step_s
    while call_s < budget_s / 2 and steps < 4096:
        steps *= 4
        call_s = seconds(trainer.train, stream.batches(batch_size, first=0, count=steps))
    return max((call_s - one_step_s) / (steps - 1), call_s / steps / 10) if steps > 1 else one_step_s


def input_share(trainer: Trainer, batches: np.ndarray, *, round_s: float) -> float:
    """Time of the input pipeline alone / time of the whole round, at most 1."""
    trainer.load_batches(batches)
    input_s = statistics.median(seconds(trainer.load_batches, batches) for _ in range(FEWEST_ROUNDS))
    return min(1.0, input_s / round_s)


@pytest.fixture(scope="module", autouse=True)
def provenance_file() -> None:
    """Write the provenance of this process to a file beside the request."""
    content = provenance.of_framework(framework())
    content["data_sha256"] = {name: dataset(name).sha256 for name in {case.dataset for case in REQUEST.cases}}
    REQUEST_FILE.with_suffix(".provenance").write_text(json.dumps(content))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case, in the order of the request."""
    names = [f"{c.dataset}-{c.model}-{c.step_kind}-{c.execution}-{c.batch_size}" for c in REQUEST.cases]
    metafunc.parametrize("case", REQUEST.cases, ids=names)


def test_throughput(benchmark, case: Case) -> None:
    """Time the steps of one case after warm-up; compilation and the first step are timed separately."""
    common = {"framework": REQUEST.framework, "process": REQUEST.process, "threads": REQUEST.threads}
    benchmark.extra_info.update(case.model_dump(), **common)
    try:
        time_case(benchmark, case)
    except Exception as error:
        benchmark.extra_info["status"] = "out-of-memory" if framework().is_out_of_memory(error) else "failed"
        report_failure(case, benchmark.extra_info["status"])
        raise


def time_case(benchmark, case: Case) -> None:
    """Time compilation, first step, rounds and input pipeline of a case; `measuring_s` is all of it."""
    setup, trainer = setup_and_trainer(case.model_copy(update={"batch_size": 1}))
    start = time.perf_counter()
    trainer.reset(setup.parameters(seed=0))
    stream = setup.stream(seed=REQUEST.process)
    compile_s = trainer.compile(case.batch_size)
    first_step_s = seconds(trainer.train, stream.batches(case.batch_size, first=0, count=1))
    round_s = REQUEST.seconds_per_case * ROUND_SHARE[case.execution]
    step_s = estimated_step_s(trainer, stream, case.batch_size, budget_s=round_s)
    steps = steps_per_round(step_s, round_s=round_s)
    batches = stream.batches(case.batch_size, first=0, count=steps)
    most = ROUNDS[case.execution]
    rounds = rounds_for(steps * step_s, most=most, total_s=most * round_s)
    framework().synchronise()
    benchmark.pedantic(trainer.train, args=(batches,), rounds=rounds, iterations=1)
    median_s = statistics.median(benchmark.stats.stats.data)
    benchmark.extra_info.update(
        steps_per_round=steps,
        compile_s=compile_s,
        first_step_s=first_step_s,
        input_share=input_share(trainer, batches, round_s=median_s),
        measuring_s=time.perf_counter() - start,
        status="measured",
    )


def report_failure(case: Case, status: str) -> None:
    """Write a failed case to a file beside the request: pytest-benchmark leaves it out of its own file."""
    with REQUEST_FILE.with_suffix(".failures").open("a") as failures:
        failures.write(json.dumps({**case.model_dump(), "status": status}) + "\n")
