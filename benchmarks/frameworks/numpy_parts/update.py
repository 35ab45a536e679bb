"""The optimizer's step over all trained parameters."""

import math

import numpy as np

from benchmarks.frameworks.numpy_parts.tensors import Allocate, Shapes
from benchmarks.recipe.optimizer import Optimizer


class Update:
    """The trained parameters with their gradients and the optimizer's state, and the step that moves them.

    The step goes over the arrays as `allocate` laid them: each parameter by itself, or all in one vector.
    """

    def __init__(self, optimizer: Optimizer, shapes: Shapes, dtype: str, allocate: Allocate) -> None:
        self.optimizer = optimizer
        self.parameters, self.gradients = allocate(shapes, dtype), allocate(shapes, dtype)
        self.slots = {slot: allocate(shapes, dtype) for slot in optimizer.slots}

    def state(self) -> dict[str, np.ndarray]:
        """The arrays of the optimizer's state by `<slot> <name of the parameter>`."""
        named = {slot: allocation.named for slot, allocation in self.slots.items()}
        return {f"{slot} {name}": array for slot in named for name, array in named[slot].items()}

    def step(self, coefficients: list[float]) -> float | None:
        """Clip where the optimizer does, then step; the norm before clipping, None without clipping.

        `coefficients` are Python's floats: float64 of NumPy's own would turn float32 arrays into float64.
        """
        norm = None if self.optimizer.clip_norm is None else self._clip(self.optimizer.clip_norm)
        for index, parameter in enumerate(self.parameters.whole):
            gradient = self.gradients.whole[index]
            slots = tuple(slot.whole[index] for slot in self.slots.values())
            parameter[...], moved = self.optimizer.step(parameter, gradient, slots, coefficients)
            for slot, value in zip(slots, moved, strict=True):
                slot[...] = value
        return norm

    def _clip(self, largest: float) -> float:
        """g ← g · min(1, c / ‖g‖), the norm ‖g‖ = √Σ g² over all of them together."""
        norm = math.sqrt(sum(float(np.vdot(gradient, gradient)) for gradient in self.gradients.whole))
        for gradient in self.gradients.whole:
            gradient *= largest / max(norm, largest)
        return norm
