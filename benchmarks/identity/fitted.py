"""Which examples an epoch of `fit` trains on: each one once, in batches of the size that is asked for.

`fit` shuffles for itself, so that its parameters cannot be compared one by one. Here each example has a
pixel of its own, whose weights move when it is trained on, by as much as the size and the place of its batch
say. In whatever order, the same movements come about, so they are compared in order of their size.
"""

from dataclasses import replace

import numpy as np

from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer
from benchmarks.identity.exaggerated import over
from benchmarks.identity.quantity import OVER_MANY_STEPS, Quantity, Stage, Trace
from benchmarks.models.layers import Dense, Flatten

HIDDEN, CLASSES = 3, 2
FIRST = "1."
"""What the names of the first layer's parameters begin with."""
BATCHES = {8: 3, 64: 4, 512: 2}
"""Batches of an epoch by their size."""
TINY_RATE = 2.0**-40
"""One at which no example is predicted otherwise after the others."""


def of_pixels(setup: Setup, n: int) -> Setup:
    """The same training of a small classifier on so many examples of one class, each a pixel of its own."""
    return replace(
        setup,
        layers=[Flatten(), Dense(HIDDEN), Dense(CLASSES)],
        optimizer=over(setup.optimizer, setup.optimizer.total_steps, learning_rate=TINY_RATE),
        examples=np.eye(n, dtype=np.float32).reshape(n, 1, n, 1),
        labels=np.zeros(n, np.int32),
    )


def sizes_of(setup: Setup) -> dict[int, int]:
    """The batches of an epoch by their size, which the micro-batches of an arm have to divide."""
    parts = setup.optimizer.accumulation
    return {size * parts: count for size, count in BATCHES.items() if size * parts <= max(BATCHES)}


def by_fit(setup: Setup) -> Trace:
    """How an epoch of `fit` moves the weights of each pixel, sorted, at each batch size."""
    trace: Trace = {}
    for size, count in sizes_of(setup).items():
        trainer = started(of_pixels(setup, size * count))
        trainer.fit(size, lambda: False)
        trace |= moved(trainer, size)
    return trace


def by_steps(setup: Setup) -> Trace:
    """What that should come to: a step for each batch, in any order."""
    trace: Trace = {}
    for size, count in sizes_of(setup).items():
        trainer = started(of_pixels(setup, size * count))
        trainer.train(np.arange(size * count, dtype=np.int32).reshape(count, size))
        trace |= moved(trainer, size)
    return trace


def started(setup: Setup) -> Trainer:
    """A trainer whose first layer is 0, so that its weights lose no digits of a tiny step."""
    trainer, parameters = setup.trainer(), setup.parameters(seed=0)
    first = {name: np.zeros_like(value) for name, value in parameters.items() if name.startswith(FIRST)}
    trainer.reset({**parameters, **first})
    return trainer


def moved(trainer: Trainer, size: int) -> Trace:
    """The parameters, sorted, as multiples of the rate."""
    return {
        Quantity(
            Stage.TIMED, f"movement of {name} by batches of {size} {OVER_MANY_STEPS} idiomatic"
        ): np.sort(value.astype(np.float64) / TINY_RATE, axis=0)
        for name, value in trainer.parameters().items()
        if name.startswith(FIRST)
    }
