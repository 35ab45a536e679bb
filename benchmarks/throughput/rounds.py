"""A round of the fused execution: what is called between two readings of the clock.

It does what is done outside of timings. A training calls its trainer for the steps between two evaluations,
each time with batches that it has not seen.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np

from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.batches import BatchStream
from benchmarks.throughput.rows import Case

MOST_STEPS = 4096
"""The most steps that are tried to estimate the time of one."""
TRIES = 3
"""How often a call is timed to find its start and its step. The fastest counts: the first calls are slow, and
a machine pauses now and then."""
MOST_FIXED_S = 0.1
"""The most that a call may cost beside its steps."""
LONGEST_CALL_S = 1.0
"""A call that takes no longer than this is never cut. Threads rest between calls, so that the steps of a
short one may take several times as long as those of a training, and by an estimate from such calls a round
would be cut still more."""
MOST_LOADED = 256
"""The most steps whose input is timed: their examples are held at once."""


class Round(NamedTuple):
    """A round: `run` is timed, on what `prepare` returns, which is called before the clock is read.

    It takes `steps` steps, and about `round_s` seconds.
    """

    prepare: Callable[[], tuple[tuple, dict]]
    run: Callable
    steps: int
    round_s: float


def seconds(function: Callable, *arguments, **options) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - start


def fastest_s(function: Callable, *arguments) -> float:
    """Seconds of the fastest of TRIES calls."""
    return min(seconds(function, *arguments) for _ in range(TRIES))


def estimated_step_s(take: Callable[[int], None], *, budget_s: float, most: int = MOST_STEPS) -> float:
    """Seconds of a step without the fixed cost of a call, where `take` takes so many steps.

    The number of steps in a call grows until the call takes long enough, and until it may be longer for its
    steps than for its fixed cost; the time of a step is then the difference from a call of one step.
    """
    one_step_s = fastest_s(take, 1)
    steps, call_s = 1, one_step_s
    enough_s = max(budget_s / 2, min(2 * one_step_s, MOST_FIXED_S))
    while call_s < enough_s and steps < most:
        steps = min(4 * steps, most)
        call_s = fastest_s(take, steps)
    return max((call_s - one_step_s) / (steps - 1), call_s / steps / 10) if steps > 1 else one_step_s


def set_up(case: Case, arm: Arm, framework: ModuleType, data: Dataset, *, precision: str) -> Setup:
    """The set-up of the training that a case times, with the arm that stands for its step kind."""
    return Setup.on(
        data,
        model=case.model,
        augmentation=arm.augmentation,
        randomness=arm.randomness,
        ghost_batch=arm.ghost_batch,
        mixed_precision=arm.mixed_precision,
        framework=framework,
        optimizer=arm.optimizer_at(1, total_steps=1),
        precision=precision,
        execution=case.execution,
    )


def fused(trainer: Trainer, stream: BatchStream, case: Case, *, round_s: float, longest_s: float) -> Round:
    """A round of whole calls as a training makes them: as many as fill `round_s`, and at least one.

    Only a call that would take more than `longest_s`, and than LONGEST_CALL_S, is cut, since what a call
    costs beside its steps counts for more in a shorter one.
    """

    def take(steps: int) -> None:
        trainer.train(stream.batches(case.batch_size, first=0, count=steps))

    step_s = estimated_step_s(take, budget_s=round_s, most=case.call_steps)
    of_call = max(1, min(case.call_steps, round(max(longest_s, LONGEST_CALL_S) / step_s)))
    calls = max(1, round(round_s / (of_call * step_s)))
    return of_calls(trainer, stream, case, calls=calls, of_call=of_call, step_s=step_s)


def of_calls(
    trainer: Trainer, stream: BatchStream, case: Case, *, calls: int, of_call: int, step_s: float
) -> Round:
    """A round of so many calls of so many steps, each round on the batches that follow in the stream."""
    numbers = itertools.count()

    def prepare() -> tuple[tuple, dict]:
        first = next(numbers) * calls * of_call
        batches = stream.batches(case.batch_size, first=first, count=calls * of_call)
        return (np.split(batches, calls),), {}

    def run(batches: list[np.ndarray]) -> None:
        for of_one in batches:
            trainer.train(of_one)

    return Round(prepare, run, steps=calls * of_call, round_s=calls * of_call * step_s)


def input_step_s(trainer: Trainer, stream: BatchStream, case: Case) -> float:
    """Seconds that the input pipeline alone takes for a step: the median of TRIES calls."""
    batches = stream.batches(case.batch_size, first=0, count=min(case.call_steps, MOST_LOADED))
    trainer.load_batches(batches)
    return statistics.median(seconds(trainer.load_batches, batches) for _ in range(TRIES)) / len(batches)
