"""Times the cases of one process with pytest-benchmark.

`benchmarks.throughput.launch` runs pytest on this file once in each process; the environment variable
`BATCH_ATLAS_REQUEST` is the path of the request, which lists what to time.
"""

import contextlib
import functools
import gc
import json
import os
import statistics
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import frameworks
from benchmarks.common import machine, provenance
from benchmarks.common.quiet import Watch
from benchmarks.frameworks import devices
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.batches import BatchStream
from benchmarks.throughput import fit, limits, rounds
from benchmarks.throughput.launch import dataset, write_failure
from benchmarks.throughput.rows import Case, Request

REQUEST_FILE = Path(os.environ["BATCH_ATLAS_REQUEST"])
REQUEST = Request.model_validate_json(REQUEST_FILE.read_bytes())
MOST_ROUNDS, FEWEST_ROUNDS = 10, 3
"""Rounds of the fused execution."""
FIT_LONGER = 4.0
"""How many times the seconds for a case the rounds of `fit` take together. The end of an epoch costs some
milliseconds, which count for more in a short round."""


class Clock:
    """The clock that pytest-benchmark reads; what was read of it before comes first."""

    def __init__(self) -> None:
        self.read: list[float] = []

    def __call__(self) -> float:
        """Seconds."""
        return self.read.pop(0) if self.read else time.perf_counter()


CLOCK = Clock()


@functools.cache
def framework():
    """The framework of this process, after `configure`."""
    module = frameworks.load(REQUEST.framework)
    devices.configure(module, threads=REQUEST.threads, device=REQUEST.device, precision=REQUEST.precision)
    return module


def arm(step_kind: str) -> Arm:
    """The arm that represents a step kind."""
    return next(arm for arm in REQUEST.arms if arm.name == step_kind)


@functools.lru_cache(maxsize=4)
def setup_and_trainer(case_of_size_1: Case) -> tuple[Setup, Trainer]:
    """The set-up of a case and its trainer, built once in a process for all batch sizes."""
    case, data = case_of_size_1, dataset(REQUEST.data[case_of_size_1.dataset])
    setup = rounds.set_up(case, arm(case.step_kind), framework(), data, precision=REQUEST.precision)
    return setup, setup.trainer()


def number_of_rounds(round_s: float) -> int:
    """Number of rounds that fit into the time for a case."""
    return max(FEWEST_ROUNDS, min(MOST_ROUNDS, int(REQUEST.seconds_per_case / round_s)))


def time_fused(benchmark, case: Case, trainer: Trainer, stream: BatchStream) -> dict:
    """Time rounds of calls; what is known of them."""
    whole_s = REQUEST.seconds_per_case
    timed = rounds.fused(trainer, stream, case, round_s=whole_s / MOST_ROUNDS, longest_s=whole_s)
    count = number_of_rounds(timed.round_s)
    benchmark.pedantic(timed.run, setup=timed.prepare, rounds=count, iterations=1)
    input_step_s = rounds.input_step_s(trainer, stream, case)
    return {"steps_per_round": timed.steps, "start_s": 0.0, "input_step_s": input_step_s}


def time_fit(benchmark, case: Case, trainer: Trainer, n_examples: int) -> dict:
    """Time rounds within a call of `fit`, and hand their times to pytest-benchmark; what is known of them."""
    round_s = REQUEST.seconds_per_case * FIT_LONGER / fit.ROUNDS
    with without_collections():
        timed = fit.rounds(trainer, n_examples, case.batch_size, round_s=round_s)
    CLOCK.read = [reading for of_round in timed.seconds for reading in (0.0, of_round)]
    benchmark.pedantic(lambda: None, rounds=fit.ROUNDS, iterations=1)
    input_step_s = fit.input_step_s(trainer, case.batch_size, timed.length)
    return {"steps_per_round": timed.length.taken, "start_s": timed.start_s, "input_step_s": input_step_s}


@contextlib.contextmanager
def without_collections() -> Iterator[None]:
    """Collect no garbage meanwhile, as pytest-benchmark does not while it times."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def provenance_file() -> Iterator[None]:
    """Write the provenance of this process to a file beside the request, and at its end the limits too."""
    content = provenance.of_framework(framework())
    content["data_sha256"] = {
        name: dataset(REQUEST.data[name]).sha256 for name in {case.dataset for case in REQUEST.cases}
    }
    write_provenance(content)
    yield
    write_provenance({**content, "limits": limits_found()})


def write_provenance(content: dict) -> None:
    """Write it in place of what is there."""
    REQUEST_FILE.with_suffix(".provenance").write_text(json.dumps(content), encoding="utf-8")


def limits_found() -> dict | None:
    """The limits of the machine; None if they could not be measured, which loses no timing."""
    try:
        found = limits.measure(framework(), REQUEST.precision)
        return found and found.model_dump()
    except Exception:
        traceback.print_exc()
        return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each case, in the order of the request."""
    names = [f"{c.dataset}-{c.model}-{c.step_kind}-{c.execution}-{c.batch_size}" for c in REQUEST.cases]
    metafunc.parametrize("case", REQUEST.cases, ids=names)


@pytest.mark.benchmark(timer=CLOCK)
def test_throughput(benchmark, case: Case) -> None:
    """Time the steps of one case after warm-up; compilation and the first step are timed separately."""
    common = {"framework": REQUEST.framework, "process": REQUEST.process, "threads": REQUEST.threads}
    benchmark.extra_info.update(case.model_dump(), **common)
    try:
        time_case(benchmark, case)
    except Exception as error:
        benchmark.extra_info["status"] = "out-of-memory" if framework().is_out_of_memory(error) else "failed"
        write_failure(REQUEST_FILE, case, benchmark.extra_info["status"])
        raise


def time_case(benchmark, case: Case) -> None:
    """Time compilation, first step, rounds and input pipeline of a case; `measuring_s` is all of it."""
    watch, start = Watch(), time.perf_counter()
    CLOCK.read.clear()  # what a case that failed may have left
    setup, trainer = setup_and_trainer(case.model_copy(update={"batch_size": 1, "call_steps": 1}))
    trainer.reset(setup.parameters(seed=0))
    compile_s = trainer.compile(case.batch_size)
    stream = setup.stream(seed=REQUEST.process)
    first_step_s = rounds.seconds(trainer.train, stream.batches(case.batch_size, first=0, count=1))
    watch.probe()
    if case.execution == "fused":
        found = time_fused(benchmark, case, trainer, stream)
    else:
        found = time_fit(benchmark, case, trainer, len(setup.labels))
    gpu_state, times = machine.gpu_state(REQUEST.device), benchmark.stats.stats.data
    for of_round in times:
        watch.called(1, of_round)
    step_s = statistics.median(times) / found["steps_per_round"]
    benchmark.extra_info.update(
        compile_s=compile_s,
        first_step_s=first_step_s,
        input_share=min(1.0, found.pop("input_step_s") / step_s),
        disturbance=watch.disturbance().model_dump(),
        gpu_state=gpu_state,
        flops_per_example=setup.flops_per_example,
        product_precision=setup.product_precision,
        measuring_s=time.perf_counter() - start,
        status="measured",
        **found,
    )
