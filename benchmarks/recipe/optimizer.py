"""Optimizers and their schedules as values: the equation each one stands for, with its settings.

Every framework computes exactly these equations, even where its own optimizer of the same name computes
others. The learning rate of every step is known before the training begins.
"""

import math
import struct
from fractions import Fraction
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from benchmarks.common.value import Value

BETA_2 = 0.999
"""β₂ of an Adam that names none (Kingma & Ba 2015)."""
DEFAULT_FACTOR = 0.1
"""The factor of a `step` schedule that names none."""


def first_step(part: float, total: int, *, per: int = 1) -> int:
    """⌈part · total / per⌉ with `part` taken as a decimal number: in binary, 0.07 · 100 exceeds 7."""
    return math.ceil(Fraction(str(part)) * total / per)


class Schedule(Value):
    """The learning rate over a training; its parts are given as fractions of the steps of its budget.

    First a linear warm-up, η_t = η (t + 1) / W over W steps (Goyal et al. 2017, arXiv 1706.02677,
    section 2.2). Then, by shape: `constant`: η. `step`: η · factor^k after the k-th milestone. `cosine`:
    η · ½ (1 + cos(π (t − W) / (T − W))) with T steps in the whole budget (Loshchilov & Hutter 2016, arXiv
    1608.03983, eq. 5, one cycle to 0).
    """

    shape: Literal["constant", "step", "cosine"] = "constant"
    warm_up: float = Field(default=0.0, ge=0, lt=1)
    milestones: list[float] = []
    factor: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _milestones_belong_to_steps(self) -> "Schedule":
        """Require milestones within the budget for shape `step`, and refuse them and a factor elsewhere."""
        if (self.shape == "step") != bool(self.milestones):
            raise ValueError("shape step needs milestones, and no other shape has them")
        if self.shape != "step" and self.factor is not None:
            raise ValueError("factor belongs to shape step")
        if any(not 0 < part < 1 for part in self.milestones):
            raise ValueError("milestones are fractions of the budget, between 0 and 1")
        return self

    def factors(self, first: int, count: int, *, total: int) -> np.ndarray:
        """Learning rate / peak rate at the steps `first` to `first + count − 1` of `total`: [count].

        Steps after the end of the budget have the rate of its last step.
        """
        steps = np.minimum(np.arange(first, first + count), total - 1)
        warm = first_step(self.warm_up, total)
        after = self._after_warm_up(steps, warm, total)
        return np.where(steps < warm, (steps + 1) / max(1, warm), after)

    def _after_warm_up(self, steps: np.ndarray, warm: int, total: int) -> np.ndarray:
        """The shape without its warm-up, valid from step `warm` on."""
        if self.shape == "cosine":
            return 0.5 * (1.0 + np.cos(np.pi * (steps - warm) / max(1, total - warm)))
        if self.shape == "step":
            passed = sum((steps >= first_step(part, total)).astype(int) for part in self.milestones)
            return (self.factor or DEFAULT_FACTOR) ** passed
        return np.ones(len(steps))


Array = Any
"""An array of NumPy, PyTorch, JAX or TensorFlow."""


def as_float32(value: float) -> float:
    """The nearest number that float32 can hold.

    Keras stores a learning rate in float32 even when it trains in float64. So every framework is given
    the rounded value; otherwise two trainings would differ by 2e-7 in each step.

    Raises:
        ValueError: the number is too large for float32.
    """
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        raise ValueError("too large for float32") from None


Float32 = Annotated[float, AfterValidator(as_float32)]
"""A number rounded to float32. The types below check their range after rounding; a field's own range is
checked before."""
Positive = Annotated[Float32, Field(gt=0)]
NotNegative = Annotated[Float32, Field(ge=0)]
Share = Annotated[Float32, Field(ge=0, lt=1)]
MOST_STEPS = 2**31
"""Step counts stay below it, so that they fit the int32 of every framework."""

SLOTS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("velocity",),
    "nesterov": ("velocity",),
    "adam": ("mean", "square"),
    "adamw": ("mean", "square"),
}
"""Names of each optimizer's state arrays, which have the shape of the parameter and start at 0."""


class Optimizer(Value):
    """One optimizer with its schedule; below, g is the gradient of the mean loss over the batch.

    With `accumulation` k, g is the mean of the gradients of the batch's k micro-batches, equal parts of
    consecutive examples that pass the layers one after the other.

    First, with `clip_norm` c, the gradient is clipped: g ← g · min(1, c / ‖g‖), with the norm over all
    parameters together (Pascanu et al. 2013, arXiv 1211.5063, algorithm 1). Then weight decay λ acts on
    every trained parameter; `coupled`: g ← g + λ θ; `decoupled`: θ ← (1 − η_t λ) θ before the step
    (Loshchilov & Hutter 2019, arXiv 1711.05101). Then the step t = 1, 2, … is taken with the rate η_t:

    - `sgd`: θ ← θ − η_t g.
    - `momentum`: v ← μ v + g, θ ← θ − η_t v. The rate is outside the velocity (Sutskever et al. 2013 have
      it inside; the two agree only while η is constant).
    - `nesterov`: v ← μ v + g, θ ← θ − η_t (g + μ v), with the rate outside the velocity too.
    - `adam`: m ← β₁ m + (1 − β₁) g, s ← β₂ s + (1 − β₂) g², θ ← θ − η_t m̂ / (√ŝ + ε) with m̂ = m / (1 − β₁ᵗ)
      and ŝ = s / (1 − β₂ᵗ) (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1: ε is outside the
      root and added after the bias correction).
    - `adamw`: `adam` with weight decay that is always decoupled.
    """

    name: Literal["sgd", "momentum", "nesterov", "adam", "adamw"]
    learning_rate: Positive
    momentum: Share = 0.0
    beta_1: Share = 0.9
    beta_2: Share = BETA_2
    epsilon: Positive = 1e-7
    weight_decay: NotNegative = 0.0
    decay: Literal["coupled", "decoupled"] = "coupled"
    clip_norm: Positive | None = None
    accumulation: int = Field(default=1, ge=1)
    schedule: Schedule = Schedule()
    total_steps: int = Field(default=1, ge=1, lt=MOST_STEPS)

    @model_validator(mode="after")
    def _has_momentum_where_it_is_named(self) -> "Optimizer":
        """Refuse a momentum of 0: that would be `sgd`, and PyTorch's Nesterov and fused kernels refuse it."""
        if "velocity" in self.slots and not self.momentum:
            raise ValueError(f"{self.name} needs a momentum above 0; use sgd to train without momentum")
        return self

    def retuned(self, other: "Optimizer") -> "Optimizer":
        """The other one, for a trainer that was made for this one and is to take another learning rate.

        Raises:
            ValueError: they differ in something that a trainer is made for.
        """
        rates = {name: getattr(other, name) for name in ("learning_rate", "schedule", "total_steps")}
        if self.model_copy(update=rates) != other:
            raise ValueError(f"a trainer for {self} cannot be retuned to {other}")
        return other

    def micro_batches(self, n: int) -> int:
        """The number of micro-batches of n examples; a rest of an epoch that does not divide is one."""
        return self.accumulation if n % self.accumulation == 0 else 1

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the state arrays that each parameter has."""
        return SLOTS[self.name]

    @property
    def decoupled_decay(self) -> float:
        """λ if the decay is applied to the parameter itself, otherwise 0."""
        return self.weight_decay if self.decay == "decoupled" or self.name == "adamw" else 0.0

    @property
    def coupled_decay(self) -> float:
        """λ if the decay is added to the gradient, otherwise 0."""
        return self.weight_decay - self.decoupled_decay

    def rates(self, first: int, count: int) -> np.ndarray:
        """Learning rates of the steps `first` to `first + count − 1`, from 0: [count], exact in float32."""
        factors = self.schedule.factors(first, count, total=self.total_steps)
        return (self.learning_rate * factors).astype(np.float32).astype(np.float64)

    def coefficients(self, first: int, count: int) -> np.ndarray:
        """The factors that change from step to step: η_t, η_t / (1 − β₁ᵗ) and 1 / √(1 − β₂ᵗ), [count, 3]."""
        rates = self.rates(first, count)
        t = np.arange(first + 1, first + count + 1)
        mean, square = 1.0 - self.beta_1**t, 1.0 - self.beta_2**t
        return np.stack([rates, rates / mean, 1.0 / np.sqrt(square)], axis=1)

    def step(
        self, parameter: Array, gradient: Array, slots: tuple[Array, ...], coefficients: Array
    ) -> tuple[Array, tuple[Array, ...]]:
        """The new parameter and state arrays, computed from the clipped gradient.

        The arrays may be those of any framework. `coefficients` is one row of what `coefficients` returns,
        in the parameter's type.
        """
        rate, mean_rate, root = coefficients[0], coefficients[1], coefficients[2]
        if self.coupled_decay:
            gradient = gradient + self.coupled_decay * parameter
        if self.decoupled_decay:
            parameter = parameter - (rate * self.decoupled_decay) * parameter
        if not slots:
            return parameter - rate * gradient, ()
        if len(slots) == 1:
            velocity = self.momentum * slots[0] + gradient
            ahead = gradient + self.momentum * velocity if self.name == "nesterov" else velocity
            return parameter - rate * ahead, (velocity,)
        mean = self.beta_1 * slots[0] + (1.0 - self.beta_1) * gradient
        square = self.beta_2 * slots[1] + (1.0 - self.beta_2) * (gradient * gradient)
        return parameter - mean_rate * mean / (root * square**0.5 + self.epsilon), (mean, square)
