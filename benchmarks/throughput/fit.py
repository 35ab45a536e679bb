"""Rounds of the idiomatic execution: the clock is read at the ends of epochs within one call of `fit`.

A user calls `fit` once for a whole training. What a call takes before its first step varies by as much as
dozens of small steps take, so that no difference of two calls would tell the time of a step.
"""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.frameworks.trainer import Trainer

TRIED_STEPS = 5
"""Steps of the short epochs by which the time of a step is estimated."""
FEWEST_TRIED, MOST_TRIED = 2, 1000
"""How many such epochs, after one to warm up; a pause of the machine can make one of them long."""
ROUNDS = 3
"""After one to warm up."""


class Length(NamedTuple):
    """How long a round is: `epochs` epochs, of `steps` steps each or, for None, of all examples.

    `taken` are the steps of a round; the last batch of an epoch, if it is smaller, counts as its part of one.
    """

    steps: int | None
    epochs: int
    taken: float


class Fit(NamedTuple):
    """What was timed: the length of each round, and the seconds of the rounds.

    `start_s` is what the call took before the first of them, a round to warm up included.
    """

    length: Length
    start_s: float
    seconds: list[float]


def length_of(steps: int, n_examples: int, batch_size: int) -> Length:
    """A round of about so many steps: whole epochs, or so few steps that all rounds are within one epoch.

    Of an epoch only its whole batches count then. A framework may compile anew for the smaller batch at its
    end; where rounds are whole epochs, it has done so in the one to warm up.
    """
    whole = n_examples // batch_size
    if whole > max(2 * steps, ROUNDS):
        within = min(steps, whole // (1 + ROUNDS))
        return Length(within, 1, float(within))
    epochs = max(1, round(steps / math.ceil(n_examples / batch_size)))
    return Length(None, epochs, epochs * n_examples / batch_size)


def readings(
    call: Callable, batch_size: int, length: Length, *, enough: Callable[[list[float]], bool]
) -> list[float]:
    """The clock at the start of a call of `fit` or `load`, and after each round until there are enough."""
    read, ended = [time.perf_counter()], 0

    def go_on() -> bool:
        nonlocal ended
        ended += 1
        if ended % length.epochs:
            return True
        read.append(time.perf_counter())
        return not enough(read)

    call(batch_size, go_on, steps=length.steps)
    return read


def timed(call: Callable, batch_size: int, length: Length) -> Fit:
    """The rounds of `fit` or `load`."""
    read = readings(call, batch_size, length, enough=lambda read: len(read) > 1 + ROUNDS)
    start, first, *_ = read
    return Fit(length, first - start, np.diff(read[1:]).tolist())


def step_s(trainer: Trainer, n_examples: int, batch_size: int, *, budget_s: float) -> float:
    """Seconds of a step: the fastest of short epochs, which together take the budget or all examples."""
    length = length_of(TRIED_STEPS, n_examples, batch_size)
    most = n_examples // batch_size // length.steps if length.steps else MOST_TRIED

    def enough(read: list[float]) -> bool:
        epochs = len(read) - 1
        spent = read[-1] - read[1] >= budget_s or epochs >= min(most, MOST_TRIED)
        return epochs > FEWEST_TRIED and spent

    read = readings(trainer.fit, batch_size, length, enough=enough)
    return float(np.diff(read[1:]).min()) / length.taken


def rounds(trainer: Trainer, n_examples: int, batch_size: int, *, round_s: float) -> Fit:
    """The rounds of `fit`, each of about as many steps as fill `round_s`."""
    of_step_s = step_s(trainer, n_examples, batch_size, budget_s=round_s)
    length = length_of(max(1, round(round_s / of_step_s)), n_examples, batch_size)
    return timed(trainer.fit, batch_size, length)


def input_step_s(trainer: Trainer, batch_size: int, length: Length) -> float:
    """Seconds that the input pipeline of `fit` alone takes for a step: the median over rounds."""
    return float(np.median(timed(trainer.load, batch_size, length).seconds)) / length.taken
