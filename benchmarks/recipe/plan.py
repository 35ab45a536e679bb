"""A plan: everything that defines one run; and a replicate: the runs of one seed at all batch sizes."""

import math
from typing import Any, Literal

import numpy as np
from pydantic import Field

from benchmarks.common.value import Value
from benchmarks.recipe.growth import Phase, Phases
from benchmarks.recipe.optimizer import Optimizer

LONGEST_CALL = 2048
"""The most steps in one call of a trainer; the time limit is checked after each call."""


class Evaluations(Value):
    """When a run is evaluated: after each `examples`, and for large batches not before so many `steps`.

    Were a large batch evaluated after each of its steps, evaluation would take more time than training.
    """

    examples: int = Field(ge=1)
    steps: int = Field(default=1, ge=1)

    def next_after(self, steps: int, phases: Phases) -> int:
        """Number of steps before the first evaluation that comes after so many steps."""
        evaluation = 1 + min(phases.examples(steps) // self.examples, steps // self.steps)
        return max(phases.steps(evaluation * self.examples), evaluation * self.steps)

    def call_steps(self, batch_size: int) -> int:
        """The most steps that a run takes in one call: those between two evaluations, or LONGEST_CALL."""
        return min(LONGEST_CALL, max(math.ceil(self.examples / batch_size), self.steps))


class Cell(Value):
    """One point of the grid: data set, model, framework, arm and batch size."""

    dataset: str
    model: str
    framework: str
    arm: str
    batch_size: int

    @property
    def label(self) -> str:
        """The cell in one line, for messages."""
        return f"{self.dataset} {self.model} {self.framework} {self.arm} B={self.batch_size}"


class Budget(Value):
    """The limits at which a run ends even without its target.

    It ends when both its epochs and its steps are used up, or its seconds of training. Epochs alone leave a
    large batch too few steps, steps alone a small one too few epochs.
    """

    epochs: float = Field(gt=0)
    steps: int = Field(default=0, ge=0, le=10**9)
    seconds: float = Field(gt=0, le=1e12)


class Plan(Value):
    """Everything that defines one run: one training from one seed.

    It begins with the batch size of its cell; `growth` are the phases in which it has a larger one.
    """

    cell: Cell
    seed: int
    device: Literal["auto", "cpu", "gpu"]
    precision: Literal["float32", "float64"]
    optimizer: Optimizer
    augmentation: list[str]
    randomness: str
    ghost_batch: int | None = None
    mixed_precision: str | None = None
    growth: list[Phase] = []
    target: float
    budget: Budget
    evaluations: Evaluations

    @property
    def phases(self) -> Phases:
        """The batch size of every step."""
        first = Phase(first_step=0, examples=0, batch_size=self.cell.batch_size)
        return Phases(of=[first, *self.growth])

    @property
    def settings(self) -> dict[str, Any]:
        """What the result of the run depends on: everything but the arm's name and the device asked for."""
        return self.model_dump(mode="json", exclude={"device": True, "cell": {"arm"}})


def name_of(cell: Cell, *, seed: int) -> str:
    """The name of the replicate that a run belongs to."""
    return f"{cell.dataset}/{cell.model}/{cell.framework}/{seed}"


class Replicate(Value):
    """One seed of a workload and framework, in all arms and at all batch sizes: what one job trains, as JSON.

    `to_be_tuned` names the arms whose plans still have the learning rate where the search starts.
    """

    plans: list[Plan] = Field(min_length=1)
    to_be_tuned: list[str] = []

    @property
    def name(self) -> str:
        """Data set, model, framework and seed, as the path of its records."""
        return name_of(self.plans[0].cell, seed=self.plans[0].seed)

    def in_seeded_order(self) -> list[Plan]:
        """The plans in an order that depends on the seed, so that drift of the machine spreads over them."""
        order = np.random.default_rng(self.plans[0].seed).permutation(len(self.plans))
        return [self.plans[index] for index in order]
