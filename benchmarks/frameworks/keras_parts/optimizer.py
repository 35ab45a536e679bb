"""The recipe's optimizers as a Keras optimizer, for any backend."""

import math

import keras
import numpy as np
from keras import ops

from benchmarks.recipe.optimizer import Optimizer

KEPT_NORMS = 1024
"""Gradient norms that are collected on the device before they are read: enough that reading is cheap."""


def clipped(gradients: list, clip_norm: float) -> tuple[list, object]:
    """The gradients, scaled so that their norm together is at most `clip_norm`, and the norm before that."""
    norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients))
    scale = ops.minimum(clip_norm / norm, ops.ones_like(norm))
    return [gradient * scale for gradient in gradients], norm


def fused_step(
    settings: Optimizer, loss, gradients: list, trained: list, slots: list, coefficients
) -> tuple[list, list, list]:
    """A step of the fused execution: its loss, and norm if it clips, the new parameters and the new state."""
    metrics = [loss]
    if settings.clip_norm:
        gradients, norm = clipped(gradients, settings.clip_norm)
        metrics.append(norm)
    each = zip(trained, gradients, slots, strict=True)
    after = [settings.step(*of_one, coefficients) for of_one in each]
    return metrics, [new for new, _ in after], [state for _, state in after]


def coefficient_table(settings: Optimizer) -> np.ndarray:
    """The optimizer's coefficients from step 0 to the step after which they stay constant: [steps, 3]."""
    steps = 1
    if settings.schedule.shape != "constant" or settings.schedule.warm_up:
        steps = settings.total_steps
    if settings.name in ("adam", "adamw"):
        steps = max(steps, *(_steps_of_bias_correction(beta) for beta in (settings.beta_1, settings.beta_2)))
    return settings.coefficients(0, steps)


def _steps_of_bias_correction(beta: float) -> int:
    """The number of steps until 1 − βᵗ is 1 in float64."""
    return math.ceil(-54 * math.log(2) / math.log(beta)) if beta else 1


class RecipeOptimizer(keras.optimizers.Optimizer):
    """`recipe.optimizer.Optimizer`, for `model.fit`.

    Keras's own optimizers compute other equations under the same names: SGD has the learning rate inside
    the velocity, Adam adds epsilon before the bias correction, and weight decay is always decoupled.
    Keras calls it for every micro-batch, and itself takes the mean of their gradients. If the optimizer
    clips, `gradient_norms` [KEPT_NORMS] holds the norms of the last gradients before clipping; that of step
    k, counted from 0 since the reset, is at k modulo KEPT_NORMS.
    """

    def __init__(self, settings: Optimizer) -> None:
        parts = settings.accumulation if settings.accumulation > 1 else None
        super().__init__(
            learning_rate=settings.learning_rate, gradient_accumulation_steps=parts, name="recipe"
        )
        self.settings = settings
        self.table = coefficient_table(settings)

    def build(self, variables: list) -> None:
        """Create the state of each trained variable."""
        if not self.built:
            super().build(variables)
            self.shapes = [variable.shape for variable in variables]
            arrays = [self.add_optimizer_variables(variables, name) for name in self.settings.slots]
            self._slots = tuple(zip(*arrays, strict=True)) or ((),) * len(variables)
            if self.settings.clip_norm:
                self.gradient_norms = self.add_variable((KEPT_NORMS,), name="gradient_norms")

    @property
    def slots(self) -> list[tuple[keras.Variable, ...]]:
        """The state of each trained variable, in a list that Keras does not wrap."""
        return [tuple(of_one) for of_one in self._slots]

    def apply(self, grads: list, trainable_variables: list | None = None) -> None:
        """Update every variable, or only add the gradients of a micro-batch up."""
        # TensorFlow's gradient of an embedding is a list of rows, in which one row may occur several times;
        # for the norm, Keras would square each occurrence separately.
        grads = [ops.reshape(gradient, shape) for gradient, shape in zip(grads, self.shapes, strict=True)]
        super().apply(grads, trainable_variables)

    def _clip_gradients(self, grads: list) -> list:
        """Clip and look up the coefficients of this step, which Keras is about to take."""
        if self.settings.clip_norm:
            grads, norm = clipped(grads, self.settings.clip_norm)
            self._keep(norm)
        self.coefficients = self._coefficients(grads[0].dtype)
        return grads

    def _keep(self, norm) -> None:
        """Write the norm of this step into `gradient_norms`, on the device."""
        step = ops.convert_to_tensor(self.iterations)
        place = ops.reshape(ops.mod(step, self.gradient_norms.shape[0]), (1, 1))
        kept = ops.scatter_update(self.gradient_norms.value, place, ops.reshape(norm, (1,)))
        self.gradient_norms.assign(kept)

    def _coefficients(self, dtype) -> list:
        """The row of the table for this step; plain numbers if the table has only one row."""
        if len(self.table) == 1:
            return self.table[0].tolist()
        step = ops.minimum(ops.convert_to_tensor(self.iterations), len(self.table) - 1)
        row = ops.take(ops.cast(self.table, dtype), step, axis=0)
        return [row[0], row[1], row[2]]

    def update_step(self, gradient, variable, learning_rate) -> None:
        """One step of the recipe on one variable."""
        slots = self._slots[self._get_variable_index(variable)]
        values = tuple(slot.value for slot in slots)
        now = ops.convert_to_tensor(variable)
        after, values = self.settings.step(now, gradient, values, self.coefficients)
        self.assign(variable, after)
        for slot, value in zip(slots, values, strict=True):
            self.assign(slot, value)

    def reset(self) -> None:
        """Clear the state and count steps from 0."""
        for variable in self.variables:
            if variable is not self._learning_rate:
                variable.assign(np.zeros(variable.shape, variable.dtype))
