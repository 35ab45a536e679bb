"""A timing process whose trainer takes a known time for its steps, held to the throughput that follows.

Everything from the process to the row of the table is the code that times a study: forked, run by pytest, and
divided as its rounds are. The trainer bears the name of the framework, and rests in place of a step.
"""

import functools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from benchmarks import frameworks, models
from benchmarks.common.errors import Problem
from benchmarks.common.fork_server import ForkServer
from benchmarks.common.heap import keep_freed_memory
from benchmarks.frameworks.trainer import EXECUTIONS, Device, Loaded, Steps
from benchmarks.identity.expected_run import MOST_STEPS
from benchmarks.identity.scripted import data
from benchmarks.models.layer import Spec
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.throughput import job, launch, rows
from benchmarks.throughput.rounds import MOST_LOADED
from benchmarks.throughput.rows import Case, Request, shuffled

STEP_S = 0.002
"""What a step rests for, times a number of SLOWER that changes with each call; the same one in each epoch, of
which a round may have several."""
SLOWER = (1.0, 1.25, 4.0)
INPUT_S = 0.001
"""What the input of a step rests for, times the number of its kind."""
CALL_S = 0.004
"""What a call rests for beside its steps, so that a rate tells how long calls are."""
SECONDS = 0.06
"""A round of calls is mostly one call then, of which there are as many as there are SLOWER."""
MOST = 1.25
"""How many times longer than it should a machine may rest."""
PAUSE_S = 0.002
"""What a rest may take longer, however short it is."""
ROUNDS = (*range(1, 31), 100, 999)
"""Numbers of rounds of which the median is taken."""
TRIED_STEPS = (1, 4, 16, 64, 256, 1024)
"""Steps of the calls by which the time of one is estimated. All others have as many as a training's."""
TRIES = 3
"""Processes, of which one must be right: a machine pauses now and then."""
MODEL, PRECISION = "logistic", "float32"
COMPILE_S, COMPILING_S = 1.25, 0.15
"""What a compilation says to have taken, and what it takes."""


class Kind(NamedTuple):
    """What is timed of a step kind: its batch sizes, and how many times as long as STEP_S a step rests."""

    arm: Arm
    batch_sizes: tuple[int, ...]
    slower: float
    call_steps: int = 12


KINDS = [
    Kind(Arm(name="a", learning_rate=0.5, momentum=0.5, scaling="none").for_timing, (8, 40), 1.0),
    Kind(Arm(name="b", optimizer="adam", learning_rate=0.5, scaling="none").for_timing, (512,), 2.0),
    Kind(
        Arm(name="c", optimizer="sgd", learning_rate=0.5, scaling="none").for_timing, (4,), 0.01, MOST_STEPS
    ),
    Kind(
        Arm(name="d", optimizer="nesterov", learning_rate=0.5, momentum=0.5, scaling="none").for_timing,
        **{"batch_sizes": (96,), "slower": 4.0, "call_steps": 3},
    ),
    Kind(  # of which a round has several calls
        Arm(name="e", learning_rate=0.5, momentum=0.5, clip_norm=1.0, scaling="none").for_timing,
        **{"batch_sizes": (24,), "slower": 0.1, "call_steps": 2},
    ),
]


def kind_of(optimizer: Optimizer) -> Kind:
    """The step kind that a trainer is of, by its optimizer.

    Raises:
        StopIteration: it is of none.
    """
    return next(kind for kind in KINDS if kind.arm.optimizer_at(1, total_steps=1) == optimizer)


class Resting:
    """A trainer that rests in place of its steps, and is told from others by what it is given.

    Raises:
        ValueError: it is given, or asked for, something else than what is to be timed; or the idiomatic
            execution is timed where the fused one has set the process otherwise than a user's.
    """

    def __init__(
        self, *, layers: Spec, optimizer: Optimizer, labels: np.ndarray, precision: str, execution: str, **_
    ) -> None:
        self.kind, self.labels, self.execution, self.calls = kind_of(optimizer), labels, execution, 0
        if (list(layers), precision) != (models.spec(MODEL, n_classes=2), PRECISION):
            raise ValueError("another model, or another precision")
        keeps = bool(keep_freed_memory.cache_info().currsize)
        if keeps != (execution == "fused"):
            raise ValueError(f"the {execution} execution with freed memory that is kept: {keeps}")

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """It has no parameters."""

    def compile(self, batch_size: int) -> float:
        """It compiles nothing, and rests for longer than a first step does."""
        time.sleep(COMPILING_S)
        return COMPILE_S

    def _rest(self, steps: float, slower: float, beside_s: float = 0.0) -> None:
        time.sleep(steps * STEP_S * self.kind.slower * slower + beside_s)

    def _rest_for_input(self, steps: float) -> None:
        time.sleep(steps * INPUT_S * self.kind.slower)

    def _check(self, execution: str, batch_size: int) -> None:
        if execution != self.execution or batch_size not in self.kind.batch_sizes:
            raise ValueError(f"{execution} in batches of {batch_size} examples")

    def train(self, batches: np.ndarray) -> Steps:
        """Rest for each step; only batches of the case's size are taken."""
        self._check(self.execution, batches.shape[1])
        if len(batches) not in (self.kind.call_steps, *TRIED_STEPS):
            raise ValueError(f"a call of {len(batches)} steps")
        self.calls += 1
        self._rest(len(batches), SLOWER[self.calls % len(SLOWER)], CALL_S)
        return Steps(np.zeros(len(batches)), None)

    def fit(self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None = None) -> None:
        """Rest for each epoch."""
        self._check("idiomatic", batch_size)
        of_epoch = steps or len(self.labels) / batch_size
        self._rest(of_epoch, statistics.median(SLOWER))
        while go_on():
            self._rest(of_epoch, statistics.median(SLOWER))

    def load(self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None = None) -> None:
        """Rest for the input of each epoch."""
        self._rest_for_input(steps or len(self.labels) / batch_size)
        while go_on():
            self._rest_for_input(steps or len(self.labels) / batch_size)

    def load_batches(self, batches: np.ndarray) -> Loaded:
        """Rest for the input of each step."""
        self._check("fused", batches.shape[1])
        self._rest_for_input(len(batches))
        return Loaded(self.labels[batches], lambda: batches[-1])


def imitate(name: str) -> None:
    """Put resting trainers in the place of a framework's, and the scripted data in that of a file."""
    keep_freed_memory.cache_clear()  # so that it shows whether this process is told to
    module = frameworks.module_name(name)
    resting = ModuleType(module)
    resting.Trainer = type("Trainer", (Resting,), {"__module__": module})
    resting.configure = functools.partial(_configure, name)
    resting.device = lambda: Device("cpu", "CPU")
    resting.switches = dict
    resting.is_out_of_memory = lambda _: False
    sys.modules[module] = resting
    launch.dataset = lambda _: data()
    with Path(os.devnull).open("wb") as nowhere:  # for what pytest reports of pretended steps
        for descriptor in (1, 2):
            os.dup2(nowhere.fileno(), descriptor)


def _configure(name: str, **given: object) -> None:
    """Take no other threads, device and precision than those that the request of this framework has."""
    if given != {key: getattr(request_of(name), key) for key in ("threads", "device", "precision")}:
        raise ValueError(f"configured with {given}")


def request_of(framework: str) -> Request:
    """What the process has to time: both executions of each step kind, at batch sizes of its own."""
    cases = [
        Case(
            **{"dataset": "script", "model": MODEL, "call_steps": kind.call_steps},
            **{"step_kind": kind.arm.name, "batch_size": size, "execution": execution},
        )
        for kind in KINDS
        for size in kind.batch_sizes
        for execution in EXECUTIONS
    ]
    return Request(
        **{"framework": framework, "process": 0, "device": "cpu", "precision": PRECISION, "threads": 3},
        **{"seconds_per_case": SECONDS, "data": {"script": Path("script.npz")}},
        arms=[kind.arm for kind in KINDS],
        cases=shuffled(cases, seed=0),
    )


def due_step_ms(kind: Kind, execution: str) -> float:
    """Milliseconds of a step at the median pace, with its share of what a call takes beside its steps."""
    of_call_s = CALL_S / kind.call_steps if execution == "fused" else 0.0
    return 1e3 * (STEP_S * kind.slower * statistics.median(SLOWER) + of_call_s)


def wrong_row(row: dict) -> str:
    """In what a row of the table is not what the trainer's rests make it; empty if in nothing."""
    if row["status"] != "measured":
        return row["status"]
    kind = next(kind for kind in KINDS if kind.arm.name == row["step_kind"])
    due_ms, input_ms = due_step_ms(kind, row["execution"]), row["input_share"] * row["step_ms"]
    if not due_ms <= row["step_ms"] < MOST * due_ms:
        return f"told of steps of {row['step_ms']:.3g} ms, and they take {due_ms:.3g} ms"
    if not np.isclose(row["samples_per_s"] * row["step_ms"], 1e3 * row["batch_size"]):
        return "told of a rate that is not the batch size over the time of a step"
    due_input_ms = 1e3 * INPUT_S * kind.slower
    slack_ms = 1e3 * PAUSE_S / min(kind.call_steps, MOST_LOADED)
    if not due_input_ms <= input_ms < MOST * due_input_ms + slack_ms:
        return f"told of an input of {input_ms:.3g} ms, which takes {due_input_ms:.3g} ms"
    if row["compile_s"] != COMPILE_S or not STEP_S * kind.slower <= row["first_step_s"] < COMPILING_S:
        return "told of another compilation or first step"
    return ""


@functools.cache
def fault(framework: str) -> str:
    """What throughput would tell otherwise than it is; empty if there is nothing."""
    for _ in range(TRIES):
        cause = tried(framework)
        if not cause:
            return ""
    return cause


def tried(framework: str) -> str:
    """The same of one process."""
    request = request_of(framework)
    try:
        with tempfile.TemporaryDirectory() as folder, ForkServer(imitate, framework) as server:
            content = launch.launch(request, Path(folder), server)
    except (Problem, launch.Died) as problem:
        return f"steps of a known time could not be timed: {problem}"
    made = job.tidy([content]).to_dict("records")
    due = sorted((case.step_kind, case.execution, case.batch_size) for case in request.cases)
    if sorted((row["step_kind"], row["execution"], row["batch_size"]) for row in made) != due:
        return "steps of a known time are not timed in both executions of each step kind"
    causes = (f"the {row['execution']} execution is {wrong_row(row)}" for row in made if wrong_row(row))
    return next(causes, "") or wrong_median(content["benchmarks"][0])


def wrong_median(benchmark: dict) -> str:
    """With how many rounds the time of a step is not that of the median one; empty if with all."""
    random, info = np.random.default_rng(0), benchmark["extra_info"]
    for n in ROUNDS:
        rounds_s = random.exponential(size=n).tolist()
        timed = rows.row({**benchmark, "stats": {"data": rounds_s}}, product_gflops={}, calm=np.inf)
        if not np.isclose(timed["step_ms"] * info["steps_per_round"], 1e3 * statistics.median(rounds_s)):
            return f"the time of a step is not that of the median of {n} rounds"
    return ""
