"""Optimizers and their schedules as values: the equation each one stands for, with its settings.

Every framework computes these equations, whatever its own optimizer of the same name does. The rate of
every step is known before the training begins.
"""

import math
import struct
from fractions import Fraction
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, model_validator

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


Array = Any
"""An array of NumPy, PyTorch, JAX or TensorFlow."""


def as_float32(value: float) -> float:
    """The nearest number that float32 can hold.

    Keras keeps a learning rate in float32 even where it trains in float64, so every framework is
    given the rounded value: otherwise two trainings differ by 2e-7 a step.

    Raises:
        ValueError: there is none.
    """
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        raise ValueError("too large for float32") from None


Float32 = Annotated[float, AfterValidator(as_float32)]
"""A number as float32 holds it. Ranges stand in types: those of a field are held to before it is rounded."""
Positive = Annotated[Float32, Field(gt=0)]
NotNegative = Annotated[Float32, Field(ge=0)]
Share = Annotated[Float32, Field(ge=0, lt=1)]
MOST_STEPS = 2**31
"""Below it the integers of every framework hold the count."""

SLOTS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("velocity",),
    "nesterov": ("velocity",),
    "adam": ("mean", "square"),
    "adamw": ("mean", "square"),
}
"""The optimizer's state: arrays shaped like the parameter, 0 at first, by optimizer."""


class Optimizer(Value):
    """One optimizer with its schedule; g is the gradient of the mean loss over the batch.

    First, with `clip_norm` c: g ← g · min(1, c / ‖g‖), the norm over all parameters together (Pascanu
    et al. 2013, arXiv 1211.5063, algorithm 1). Then weight decay λ on every trained parameter, `coupled`:
    g ← g + λ θ; `decoupled`: θ ← (1 − η_t λ) θ before the step (Loshchilov & Hutter 2019, arXiv
    1711.05101). Then, t = 1, 2, … and η_t of the schedule:

    - `sgd`: θ ← θ − η_t g.
    - `momentum`: v ← μ v + g, θ ← θ − η_t v. The rate stays outside the velocity (Sutskever et al. 2013
      hold it inside; the two agree only while η is constant).
    - `nesterov`: v ← μ v + g, θ ← θ − η_t (g + μ v), in the same form.
    - `adam`: m ← β₁ m + (1 − β₁) g, s ← β₂ s + (1 − β₂) g², θ ← θ − η_t m̂ / (√ŝ + ε) with m̂ = m / (1 − β₁ᵗ)
      and ŝ = s / (1 − β₂ᵗ) (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1: ε outside the root, after
      the correction of bias).
    - `adamw`: the same, its weight decay always decoupled.
    """

    name: Literal["sgd", "momentum", "nesterov", "adam", "adamw"]
    learning_rate: Positive
    momentum: Share = 0.0
    beta_1: Share = 0.9
    beta_2: Share = 0.999
    epsilon: Positive = 1e-7
    weight_decay: NotNegative = 0.0
    decay: Literal["coupled", "decoupled"] = "coupled"
    clip_norm: Positive | None = None
    schedule: Schedule = Schedule()
    total_steps: int = Field(default=1, ge=1, lt=MOST_STEPS)

    @model_validator(mode="after")
    def _has_momentum_where_it_is_named(self) -> "Optimizer":
        """Without momentum it is another optimizer, and PyTorch's nesterov and fused kernels refuse it."""
        if "velocity" in self.slots and not self.momentum:
            raise ValueError(f"{self.name} needs a momentum above 0; take sgd to have none")
        return self

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the state arrays that each parameter has."""
        return SLOTS[self.name]

    @property
    def decoupled_decay(self) -> float:
        """λ where it acts on the parameter itself, else 0."""
        return self.weight_decay if self.decay == "decoupled" or self.name == "adamw" else 0.0

    @property
    def coupled_decay(self) -> float:
        """λ where it is added to the gradient, else 0."""
        return self.weight_decay - self.decoupled_decay

    def rates(self, first: int, count: int) -> np.ndarray:
        """The learning rate at steps first … first + count − 1, counted from 0: [count], float32 exact."""
        factors = self.schedule.factors(first, count, total=self.total_steps)
        return (self.learning_rate * factors).astype(np.float32).astype(np.float64)

    def coefficients(self, first: int, count: int) -> np.ndarray:
        """What changes from step to step, [count, 3]: η_t, η_t / (1 − β₁ᵗ) and 1 / √(1 − β₂ᵗ)."""
        rates = self.rates(first, count)
        t = np.arange(first + 1, first + count + 1)
        mean, square = 1.0 - self.beta_1**t, 1.0 - self.beta_2**t
        return np.stack([rates, rates / mean, 1.0 / np.sqrt(square)], axis=1)

    def step(
        self, parameter: Array, gradient: Array, slots: tuple[Array, ...], coefficients: Array
    ) -> tuple[Array, tuple[Array, ...]]:
        """The new parameter and state, from the clipped gradient, in the arithmetic of the arrays given.

        `coefficients` is one row of `coefficients`; its numbers have the parameter's type.
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
