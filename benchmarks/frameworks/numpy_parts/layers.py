"""Layers with gradients by hand: what every layer offers, dense layers, activations, embeddings."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import erf

from benchmarks.models.layer import Layer, Shape

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


class ManualLayer(ABC):
    """One layer of a spec at its place in the model.

    `parameters` and `gradients` hold arrays by the layer's own names (`kernel`). They stay the same arrays
    throughout, and are written into: others hold views of them.
    """

    passes_on = True
    """Whether anything below the layer is trained, and so needs dx."""

    def __init__(self, spec: Layer, shape: Shape, path: str, tensors: Tensors) -> None:
        self.spec, self.path = spec, path
        names = spec.parameter_shapes(shape)
        self.parameters = {name: tensors.parameters[f"{path}.{name}"] for name in names}
        self.gradients = {
            name: tensors.gradients[f"{path}.{name}"]
            for name in names
            if f"{path}.{name}" in tensors.gradients
        }

    def walk(self) -> Iterator["ManualLayer"]:
        """The layer and all inside it."""
        yield self

    @abstractmethod
    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """y from x, keeping what `backward` needs."""

    @abstractmethod
    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """dx from dy, for the last forward pass in training; stores the gradients of the parameters.

        None where x are tokens, which have no gradient, or where the layer does not `passes_on`.
        """

    def store(self, **gradients: np.ndarray) -> None:
        """Write the gradients of the parameters where the update finds them."""
        for name, value in gradients.items():
            self.gradients[name][...] = value

    def outputs(self, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """y in training, and the outputs of the layer and all inside it by path."""
        y = self.forward(x, training=True)
        return y, {self.path: y}


def kernel_gradient(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """dW = xᵀ dy, each row of x and dy (all axes but the last) being one n of the sum."""
    return x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])


def bias_gradient(dy: np.ndarray) -> np.ndarray:
    """db = Σ dy over all axes but the last."""
    return dy.reshape(-1, dy.shape[-1]).sum(axis=0)


class Dense(ManualLayer):
    """y = x W + b over the last axis; dW = xᵀ dy, db = Σ dy, dx = dy Wᵀ.

    From y_nj = Σ_i x_ni W_ij + b_j follow ∂L/∂W_ij = Σ_n x_ni dy_nj, ∂L/∂b_j = Σ_n dy_nj and
    ∂L/∂x_ni = Σ_j dy_nj W_ij.
    """

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """[N, …, inputs] to [N, …, units]."""
        self.x = x
        y = x @ self.parameters["kernel"]
        return y + self.parameters["bias"] if self.spec.bias else y

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """dx, unless nothing below is trained."""
        self.store(kernel=kernel_gradient(self.x, dy))
        if self.spec.bias:
            self.store(bias=bias_gradient(dy))
        return dy @ self.parameters["kernel"].T if self.passes_on else None


class ReLU(ManualLayer):
    """y = max(x, 0); dx = dy where x > 0, else 0 (at x = 0 too)."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """The shape stays."""
        self.positive = x > 0
        return np.maximum(x, 0)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dy where x was positive."""
        return dy * self.positive


class GELU(ManualLayer):
    """y = x Φ(x) with Φ(x) = ½ (1 + erf(x / √2)); dx = dy (Φ(x) + x φ(x)).

    φ(x) = Φ′(x) = exp(−x² / 2) / √(2π) is the density of the normal distribution.
    """

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """The shape stays."""
        self.x, self.below = x, 0.5 * (1.0 + erf(x / math.sqrt(2.0)))
        return x * self.below

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """By the product rule."""
        density = np.exp(-0.5 * np.square(self.x)) / math.sqrt(2.0 * math.pi)
        return dy * (self.below + self.x * density)


class Embedding(ManualLayer):
    """y_nt = E_x, x the token at (n, t); dE_v = Σ dy over all places (n, t) that hold the token v."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """Tokens [N, T] to [N, T, width]."""
        self.tokens = x
        return self.parameters["table"][x]

    def backward(self, dy: np.ndarray) -> None:
        """Tokens have no gradient."""
        # As a product with the places of each token: several times as fast as np.add.at.
        holds = self.tokens.reshape(-1, 1) == np.arange(self.spec.vocabulary)
        self.store(table=holds.T.astype(dy.dtype) @ dy.reshape(-1, dy.shape[-1]))


class PositionEmbedding(ManualLayer):
    """y_nt = x_nt + P_t; dP_t = Σ_n dy_nt, dx = dy."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """The shape stays."""
        return x + self.parameters["table"]

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dy itself."""
        self.store(table=dy.sum(axis=0))
        return dy
