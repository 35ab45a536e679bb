"""Learning-rate schedules as values: the rate of every step, known before the training begins."""

import math
from fractions import Fraction
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from benchmarks.common.value import Value

USUAL_FACTOR = 0.1
"""Of milestones, where none is named."""


def first_step(part: float, total: int, *, per: int = 1) -> int:
    """⌈part · total / per⌉ of the decimal number that was written: in binary 0.07 · 100 exceeds 7."""
    return math.ceil(Fraction(str(part)) * total / per)


class Schedule(Value):
    """How the learning rate goes over a training, as parts of its budget in epochs.

    A linear warm-up first, η_t = η (t + 1) / W over its W steps (Goyal et al. 2017, arXiv 1706.02677,
    section 2.2). Then `constant`: η. `step`: η · factor^k after the k-th milestone. `cosine`:
    η · ½ (1 + cos(π (t − W) / (T − W))) with T steps in the whole budget (Loshchilov & Hutter 2016, arXiv
    1608.03983, eq. 5, one cycle to 0).
    """

    shape: Literal["constant", "step", "cosine"] = "constant"
    warm_up: float = Field(default=0.0, ge=0, lt=1)
    milestones: list[float] = []
    factor: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _milestones_belong_to_steps(self) -> "Schedule":
        """Steps have milestones within the budget, and nothing else has any, nor a factor."""
        if (self.shape == "step") != bool(self.milestones):
            raise ValueError("shape step needs milestones, and no other shape has them")
        if self.shape != "step" and self.factor is not None:
            raise ValueError("factor belongs to shape step")
        if any(not 0 < part < 1 for part in self.milestones):
            raise ValueError("milestones are parts of the budget, between 0 and 1")
        return self

    def factors(self, first: int, count: int, *, total: int) -> np.ndarray:
        """Rate over peak rate at steps first … first + count − 1 of `total`, [count].

        A step beyond the budget has the rate of its last step.
        """
        steps = np.minimum(np.arange(first, first + count), total - 1)
        warm = first_step(self.warm_up, total)
        after = self._after_warm_up(steps, warm, total)
        return np.where(steps < warm, (steps + 1) / max(1, warm), after)

    def _after_warm_up(self, steps: np.ndarray, warm: int, total: int) -> np.ndarray:
        """The shape itself, valid from step `warm` on."""
        if self.shape == "cosine":
            return 0.5 * (1.0 + np.cos(np.pi * (steps - warm) / max(1, total - warm)))
        if self.shape == "step":
            passed = sum((steps >= first_step(part, total)).astype(int) for part in self.milestones)
            return (self.factor or USUAL_FACTOR) ** passed
        return np.ones(len(steps))
