"""Calls of a training, each repeated by the reference from where the training stood before it."""

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer
from benchmarks.identity.difference import (
    BOUND,
    FIRST_FLOAT32_BOUND,
    FOLLOWED_FLOAT32_BOUND,
    magnitude,
)

TIMES = 100.0
"""How many times what rounding does to the reference it may do to a framework."""
LAST_DIGIT = 2.0**-52
MEMORY = 10
"""Steps that an optimizer's state remembers, by which a gradient counts least."""
SMALL = 1e-4
"""How many times smaller than it was an array may become for its rounding to be told by its size."""


class Stand(NamedTuple):
    """Where a training stands: its parameters, and the state of its optimizer."""

    parameters: dict[str, np.ndarray]
    state: dict[str, np.ndarray]

    @classmethod
    def of(cls, trainer: Trainer) -> "Stand":
        """Where this one stands."""
        return cls(trainer.parameters(), trainer.optimizer_state())

    def same(self, other: "Stand") -> bool:
        """Whether another training stands there, to the last digit."""
        return all(
            np.array_equal(value, theirs[name], equal_nan=True)
            for ours, theirs in zip(self, other, strict=True)
            for name, value in ours.items()
        )

    def nearby(self) -> "Stand":
        """The same but for the last digits of parameters and running averages."""
        random = np.random.default_rng(0)
        altered = {
            name: value * (1.0 + LAST_DIGIT * random.choice([-1.0, 1.0], value.shape))
            for name, value in self.parameters.items()
            if not name.endswith("generator")
        }
        return self._replace(parameters=self.parameters | altered)


class Taken(NamedTuple):
    """What a call came to: the loss of each step, [steps], and where the training stands after it."""

    losses: np.ndarray
    stand: Stand


@dataclass
class References:
    """The reference in float64, and a second one that shows what rounding does in the same steps.

    For float64 that starts with other last digits, for float32 it computes in float32. `largest` has the
    largest size that each array of a run has had, `call` the steps and the batch size of a call.
    """

    exact: Trainer
    rounded: Trainer
    precision: str
    largest: dict[str, float] = field(default_factory=dict)
    call: tuple[int, int] = (1, 2**31)

    @classmethod
    def of(cls, setup: Setup, precision: str) -> "References":
        """Those of a training; `setup` is in float64."""
        exact = setup.trainer()
        rounded = replace(setup, precision=precision).trainer() if precision == "float32" else exact
        return cls(exact, rounded, precision)

    def of_bend(self, name: str) -> float:
        """The part of what a call changes that one example has which lies on the other side of a bend once.

        In the optimizer's state only the last steps count.
        """
        steps, batch_size = self.call
        return 1.0 / (batch_size * math.sqrt(min(steps, MEMORY) if name.startswith("state") else steps))

    def apart(self, before: Stand, taken: Taken, batches: np.ndarray, *, steps: int) -> dict[str, float]:
        """How far losses, parameters and state after a call are from where they should be."""
        due = repeated(self.exact, before, batches, steps=steps)
        self.call = batches.shape
        sizes = self.sizes(before, taken, due, due)
        if max(sizes.values()) <= bound_of(self.precision):
            return sizes
        start = before.nearby() if self.precision == "float64" else before
        return self.sizes(before, taken, due, repeated(self.rounded, start, batches, steps=steps))

    def sizes(self, before: Stand, taken: Taken, due: Taken, near: Taken) -> dict[str, float]:
        """The same, where rounding leads from `due` to `near`."""
        none = np.zeros_like(due.losses)
        sizes = {"losses": self.array_apart("losses", none, taken.losses, due.losses, near.losses)}
        for part, start, *ends in zip(
            *(Stand._fields, before, taken.stand, due.stand, near.stand), strict=True
        ):
            each = (self.array_apart(f"{part} {of}", start[of], *(end[of] for end in ends)) for of in start)
            sizes[part] = max(each, default=0.0)
        return sizes

    def array_apart(
        self, name: str, start: np.ndarray, made: np.ndarray, due: np.ndarray, near: np.ndarray
    ) -> float:
        """A difference relative to the size of the array; in float32, to how the call changed it.

        An array that has become small, as gradients do where all is learnt, is the difference of larger
        numbers, and has their rounding. Where the reference comes to no numbers, nothing can be told.
        """
        if not (np.isfinite(due).all() and np.isfinite(near).all()):
            return 0.0
        if not np.isfinite(made).all():
            return math.inf
        self.largest[name] = max(size(due), self.largest.get(name, 0.0))
        whole = max(size(due), SMALL * self.largest[name])
        if self.precision == "float32":
            whole = size(due - start) * max(1.0, self.of_bend(name) / FOLLOWED_FLOAT32_BOUND) + BOUND * whole
        # so much larger that the bound lies above what rounding does
        scale = whole + TIMES * size(near - due) / bound_of(self.precision)
        return size(made - due) / scale if scale else size(made - due)

    def outputs_apart(self, made: np.ndarray, examples: np.ndarray, parameters: dict) -> float:
        """How far the outputs for these examples are from where they should be, by the bound of a call.

        In float32 they have no steps behind them, and are held to what holds ahead of the first one.
        """
        due = near = evaluated(self.exact, examples, parameters)
        if self.precision == "float32":
            near = evaluated(self.rounded, examples, parameters)
        if not (np.isfinite(due).all() and np.isfinite(near).all()):
            return 0.0
        if not np.isfinite(made).all():
            return math.inf
        bound = BOUND if self.precision == "float64" else FIRST_FLOAT32_BOUND
        scale = magnitude(due) + TIMES * magnitude(near - due) / bound
        apart = magnitude(made - due) / scale if scale else magnitude(made - due)
        return apart * bound_of(self.precision) / bound


def evaluated(reference: Trainer, examples: np.ndarray, parameters: dict[str, np.ndarray]) -> np.ndarray:
    """The outputs of a reference with these parameters."""
    reference.reset(parameters)
    return reference.logits(examples)


def repeated(reference: Trainer, before: Stand, batches: np.ndarray, *, steps: int) -> Taken:
    """What a call after so many steps comes to by a reference."""
    reference.resume(*before, step=steps)
    losses = reference.train(batches).loss
    return Taken(losses, Stand.of(reference))


def bound_of(precision: str) -> float:
    """How far a call may be apart."""
    return BOUND if precision == "float64" else FOLLOWED_FLOAT32_BOUND


def size(array: np.ndarray) -> float:
    """The root mean square of an array, of numbers up to the largest that there are."""
    largest = magnitude(array)
    return largest * float(np.sqrt(np.mean(np.square(array / largest, dtype=np.float64)))) if largest else 0.0
