"""A round of each execution: what is called between two readings of the clock.

Both do what is done outside of timings. A training calls its trainer for the steps between two evaluations,
each time with batches that it has not seen; a user calls `fit` once for many steps.
"""

import functools
import itertools
import math
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
FITS = 2
"""How often the same is done with `fit` and its input, whose start can take as long as hundreds of steps."""
FEWEST_STEPS = 5
"""The fewest steps beyond the first in a round of `fit`, so that a start that varies hardly counts."""
LONGER = 16
"""How many times longer one try of `fit` may be than the one before it."""
MOST_LOADED = 256
"""The most steps of the fused execution whose input is timed: their examples are held at once."""


class Round(NamedTuple):
    """A round: `run` is timed, on what `prepare` returns, which is called before the clock is read.

    `steps` are those that take the time of the round less `start_s`, the seconds of a call of one step.
    `round_s` is about what the round takes without it.
    """

    prepare: Callable[[], tuple[tuple, dict]]
    run: Callable
    steps: float
    start_s: float
    round_s: float


def seconds(function: Callable, *arguments, **options) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - start


def fastest_s(function: Callable, *arguments, tries: int = TRIES, **options) -> float:
    """Seconds of the fastest of some calls."""
    return min(seconds(function, *arguments, **options) for _ in range(tries))


def median_s(function: Callable, *arguments, **options) -> float:
    """Seconds of the median of TRIES calls."""
    return statistics.median(seconds(function, *arguments, **options) for _ in range(TRIES))


def fastest_if_long_s(function: Callable, *arguments, long_s: float, **options) -> float:
    """Seconds of one call if it is shorter than `long_s`, otherwise of the fastest of several.

    A pause of the machine makes a call seem long, and nothing makes it seem short.
    """
    fastest, tries = math.inf, 0
    while fastest >= long_s and tries < FITS:
        fastest, tries = min(fastest, seconds(function, *arguments, **options)), tries + 1
    return fastest


def estimated_step_s(take: Callable[[int], None], *, budget_s: float, most: int = MOST_STEPS) -> float:
    """Seconds of a step without the fixed cost of a call, where `take` takes so many steps.

    The number of steps in a call grows until the call takes long enough; the time of a step is then the
    difference from a call of one step.
    """
    one_step_s = fastest_s(take, 1)
    steps, call_s = 1, one_step_s
    while call_s < budget_s / 2 and steps < most:
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
        framework=framework,
        optimizer=arm.optimizer_at(1, total_steps=1),
        precision=precision,
        execution=case.execution,
    )


def fused(trainer: Trainer, stream: BatchStream, case: Case, *, round_s: float, longest_s: float) -> Round:
    """A round of whole calls as a training makes them: as many as fill `round_s`, and at least one.

    Only a call that would take more than `longest_s` is cut, since what a call costs beside its steps counts
    for more in a shorter one.
    """

    def take(steps: int) -> None:
        trainer.train(stream.batches(case.batch_size, first=0, count=steps))

    step_s = estimated_step_s(take, budget_s=round_s, most=case.call_steps)
    of_call = max(1, min(case.call_steps, round(longest_s / step_s)))
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

    return Round(prepare, run, steps=calls * of_call, start_s=0.0, round_s=calls * of_call * step_s)


def idiomatic(trainer: Trainer, n_examples: int, case: Case, *, round_s: float) -> Round:
    """One call of `fit`: for whole epochs where they are shorter than the round, otherwise for some steps.

    A user calls `fit` once for a training, so what a call takes before its first step is left out.
    """
    fit = functools.partial(trainer.fit, case.batch_size)
    fit(steps=1)
    start_s = fastest_s(fit, tries=FITS, steps=1)
    wanted, spent_s, tried = 1 + FEWEST_STEPS, 0.0, 0.0
    while spent_s < round_s / 2 and tried < MOST_STEPS:
        length, tried = length_of(wanted, n_examples, case.batch_size)
        spent_s = max(0.0, fastest_if_long_s(fit, long_s=start_s + round_s / 2, **length) - start_s)
        wanted = enough_steps(spent_s / (tried - 1), round_s=round_s, most=LONGER * tried)
    length, steps = length_of(wanted, n_examples, case.batch_size)
    return of_fit(trainer, case, length, steps=steps - 1, start_s=start_s, step_s=spent_s / (tried - 1))


def of_fit(
    trainer: Trainer, case: Case, length: dict[str, int], *, steps: float, start_s: float, step_s: float
) -> Round:
    """A round of one call of `fit`, which is asked for this length."""
    fit = functools.partial(trainer.fit, case.batch_size)
    return Round(lambda: ((), length), fit, steps=steps, start_s=start_s, round_s=steps * step_s)


def enough_steps(step_s: float, *, round_s: float, most: float) -> int:
    """How many steps fill a round if each takes so long; at most `most`, since a short try may mislead."""
    fill = round_s / step_s if step_s else math.inf
    return max(1 + FEWEST_STEPS, round(min(fill, most)))


def length_of(steps: int, n_examples: int, batch_size: int) -> tuple[dict[str, int], float]:
    """How `fit` is asked for about so many steps, and how many it then takes; whole epochs from one epoch on.

    The last batch of an epoch, if it is smaller, counts as its part of a step.
    """
    in_epoch = math.ceil(n_examples / batch_size)
    if steps < in_epoch:
        return {"steps": steps}, float(steps)
    epochs = max(round(steps / in_epoch), 1 if in_epoch > 1 else 2)
    return {"epochs": epochs}, epochs * n_examples / batch_size


def input_step_s(trainer: Trainer, stream: BatchStream, case: Case, timed: Round) -> float:
    """Seconds that the input pipeline alone takes for a step of a round, without its start."""
    if case.execution == "idiomatic":
        _, length = timed.prepare()
        load = functools.partial(trainer.load, case.batch_size)
        start_s = fastest_s(load, steps=1, tries=FITS)
        return max(0.0, fastest_s(load, tries=FITS, **length) - start_s) / timed.steps
    batches = stream.batches(case.batch_size, first=0, count=min(case.call_steps, MOST_LOADED))
    trainer.load_batches(batches)
    return median_s(trainer.load_batches, batches) / len(batches)
