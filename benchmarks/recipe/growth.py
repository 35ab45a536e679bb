"""A batch that grows on the way: in place of a learning rate that falls, and after the same examples."""

import math
from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from benchmarks.common.value import Value
from benchmarks.recipe.optimizer import first_step


class Phase(Value):
    """The batch size of all steps from `first_step` on, counted from 0, until the next phase.

    `examples` are those before it.
    """

    first_step: int = Field(ge=0)
    examples: int = Field(ge=0)
    batch_size: int = Field(ge=1)


class Phases(Value):
    """The phases of a training, the first of which begins with it."""

    of: list[Phase] = Field(min_length=1)

    @property
    def batch_sizes(self) -> list[int]:
        """The batch sizes, in the order in which they are taken."""
        return [phase.batch_size for phase in self.of]

    def at(self, step: int) -> Phase:
        """The phase of a step."""
        return next(phase for phase in reversed(self.of) if phase.first_step <= step)

    def end(self, step: int) -> float:
        """The first step of the phase after that of a step; infinite if there is none."""
        return next((phase.first_step for phase in self.of if phase.first_step > step), math.inf)

    def examples(self, steps: int) -> int:
        """Examples in so many steps."""
        phase = self.at(steps)
        return phase.examples + (steps - phase.first_step) * phase.batch_size

    def steps(self, examples: float) -> int:
        """The fewest steps that have so many examples."""
        phase = next((phase for phase in reversed(self.of) if phase.examples < examples), self.of[0])
        return phase.first_step + math.ceil((examples - phase.examples) / phase.batch_size)


class Growth(Value):
    """The batch becomes `factor` times as large after each milestone, a part of the budget in examples.

    Smith et al. 2017 (arXiv 1711.00489, section 5) multiply the batch size by what the learning rate would
    be divided by. The step that completes a milestone is the last of the smaller size.
    """

    factor: int = Field(ge=2, le=1000, strict=True)
    milestones: list[float] = Field(min_length=1)

    @model_validator(mode="after")
    def _milestones_rise(self) -> Self:
        parts = [0.0, *self.milestones, 1.0]
        if any(earlier >= later for earlier, later in pairwise(parts)):
            raise ValueError("milestones are rising fractions of the budget, between 0 and 1")
        return self

    def batch_sizes(self, first: int) -> list[int]:
        """The batch sizes of a training that begins with this one."""
        return [first * self.factor**place for place in range(len(self.milestones) + 1)]

    def phases(self, batch_size: int, *, examples: int) -> Phases:
        """The phases of a training that begins with this batch size and has a budget of so many examples."""
        found = Phases(of=[Phase(first_step=0, examples=0, batch_size=batch_size)])
        for part, size in zip(self.milestones, self.batch_sizes(batch_size)[1:], strict=True):
            step = found.steps(first_step(part, examples))
            begun = Phase(first_step=step, examples=found.examples(step), batch_size=size)
            found = Phases(of=[*found.of, begun])
        return found
