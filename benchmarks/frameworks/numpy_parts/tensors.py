"""Where parameters, gradients and the optimizer's state lie: apart, or end to end in one vector."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.models.layers import Shape

Shapes = dict[str, Shape]


class Allocation(NamedTuple):
    """Zeros by name, and the arrays that hold them: the same ones, or one vector that they are views of."""

    named: dict[str, np.ndarray]
    whole: list[np.ndarray]


Allocate = Callable[[Shapes, str], Allocation]


class Tensors(NamedTuple):
    """What the layers compute with, by full name: all parameters, and the gradients of those trained."""

    parameters: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]


def apart(shapes: Shapes, dtype: str) -> Allocation:
    """One array for each name."""
    named = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}
    return Allocation(named, list(named.values()))


def end_to_end(shapes: Shapes, dtype: str) -> Allocation:
    """One vector, cut into a view for each name."""
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    vector = np.zeros(sum(sizes), dtype)
    pieces = np.split(vector, np.cumsum(sizes)[:-1])
    named = {name: piece.reshape(shapes[name]) for name, piece in zip(shapes, pieces, strict=True)}
    return Allocation(named, [vector])


def not_trained(shapes: Shapes, dtype: str) -> dict[str, np.ndarray]:
    """One array for each name. Generators are in float64 always: float32 counts no further than 2²⁴."""
    return {
        name: np.zeros(shape, "float64" if name.endswith("generator") else dtype)
        for name, shape in shapes.items()
    }
