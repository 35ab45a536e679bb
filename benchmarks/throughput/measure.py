"""Times the cases of one process with pytest-benchmark.

`benchmarks.throughput.launch` runs pytest on this file once in each process; the environment variable
`BATCH_ATLAS_REQUEST` is the path of the request, which lists what to time.
"""

import functools
import json
import os
import statistics
import time
from pathlib import Path

import pytest

from benchmarks import frameworks
from benchmarks.common import machine, provenance
from benchmarks.common.quiet import Watch
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.batches import BatchStream
from benchmarks.throughput.launch import dataset
from benchmarks.throughput.rounds import Round, fused, idiomatic, input_step_s, seconds, set_up
from benchmarks.throughput.rows import Case, Request

REQUEST_FILE = Path(os.environ["BATCH_ATLAS_REQUEST"])
REQUEST = Request.model_validate_json(REQUEST_FILE.read_bytes())
ROUNDS = {"fused": 10, "idiomatic": 3}
"""The most rounds of a case, by execution. What `fit` needs to start takes a time that varies,
so that a round of it must be long."""
TIMES_LONGER = {"fused": 1.0, "idiomatic": 4.0}
"""How many times the seconds for a case its rounds take together."""
FEWEST_ROUNDS = 3


@functools.cache
def framework():
    """The framework of this process, after `configure`."""
    module = frameworks.load(REQUEST.framework)
    module.configure(threads=REQUEST.threads, device=REQUEST.device, precision=REQUEST.precision)
    return module


def arm(step_kind: str) -> Arm:
    """The arm that represents a step kind."""
    return next(arm for arm in REQUEST.arms if arm.name == step_kind)


@functools.lru_cache(maxsize=4)
def setup_and_trainer(case_of_size_1: Case) -> tuple[Setup, Trainer]:
    """The set-up of a case and its trainer, built once in a process for all batch sizes."""
    case, data = case_of_size_1, dataset(REQUEST.data[case_of_size_1.dataset])
    setup = set_up(case, arm(case.step_kind), framework(), data, precision=REQUEST.precision)
    return setup, setup.trainer()


def total_s(case: Case) -> float:
    """Seconds of all rounds of a case together."""
    return REQUEST.seconds_per_case * TIMES_LONGER[case.execution]


def round_of(case: Case, n_examples: int, trainer: Trainer, stream: BatchStream) -> Round:
    """The round of a case; making it warms the trainer up."""
    round_s = total_s(case) / ROUNDS[case.execution]
    if case.execution == "fused":
        return fused(trainer, stream, case, round_s=round_s, longest_s=total_s(case))
    return idiomatic(trainer, n_examples, case, round_s=round_s)


def number_of_rounds(round_s: float, *, most: int, total_s: float) -> int:
    """Number of rounds that fit into the time for a case, from FEWEST_ROUNDS to `most`."""
    return max(FEWEST_ROUNDS, min(most, int(total_s / round_s) if round_s else most))


@pytest.fixture(scope="module", autouse=True)
def provenance_file() -> None:
    """Write the provenance of this process to a file beside the request."""
    content = provenance.of_framework(framework())
    content["data_sha256"] = {
        name: dataset(REQUEST.data[name]).sha256 for name in {case.dataset for case in REQUEST.cases}
    }
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
    watch, start = Watch(), time.perf_counter()
    setup, trainer = setup_and_trainer(case.model_copy(update={"batch_size": 1, "call_steps": 1}))
    trainer.reset(setup.parameters(seed=0))
    compile_s = trainer.compile(case.batch_size)
    stream = setup.stream(seed=REQUEST.process)
    first_step_s = seconds(trainer.train, stream.batches(case.batch_size, first=0, count=1))
    timed = round_of(case, len(setup.labels), trainer, stream)
    watch.probe()
    rounds = number_of_rounds(timed.round_s, most=ROUNDS[case.execution], total_s=total_s(case))
    benchmark.pedantic(timed.run, setup=timed.prepare, rounds=rounds, iterations=1)
    gpu_state, times = machine.gpu_state(REQUEST.device), benchmark.stats.stats.data
    for of_round in times:
        watch.called(1, of_round)
    step_s = (statistics.median(times) - timed.start_s) / timed.steps
    if step_s <= 0:
        raise RuntimeError("a round is too short beside the start of a call: give more seconds_per_case")
    benchmark.extra_info.update(
        steps_per_round=timed.steps,
        start_s=timed.start_s,
        compile_s=compile_s,
        first_step_s=first_step_s,
        input_share=min(1.0, input_step_s(trainer, stream, case, timed) / step_s),
        disturbance=watch.disturbance().model_dump(),
        gpu_state=gpu_state,
        measuring_s=time.perf_counter() - start,
        status="measured",
    )


def report_failure(case: Case, status: str) -> None:
    """Write a failed case to a file beside the request: pytest-benchmark leaves it out of its own file."""
    with REQUEST_FILE.with_suffix(".failures").open("a") as failures:
        failures.write(json.dumps({**case.model_dump(), "status": status}) + "\n")
