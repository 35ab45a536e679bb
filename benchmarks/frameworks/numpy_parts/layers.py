"""Layers with gradients by hand: the interface of a layer, dense layers, activations, embeddings."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from ml_dtypes import bfloat16
from scipy.special import erf

from benchmarks.models.layer import Layer, Shape

Shapes = dict[str, Shape]


class Allocation(NamedTuple):
    """Zeros by name, and the arrays that hold them: the same arrays, or one vector they are views of."""

    named: dict[str, np.ndarray]
    whole: list[np.ndarray]


Allocate = Callable[[Shapes, str], Allocation]


class Tensors(NamedTuple):
    """The arrays of a model by full name: all parameters, and the gradients of the trained ones."""

    parameters: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]


def separate_arrays(shapes: Shapes, dtype: str) -> Allocation:
    """One array for each name."""
    named = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}
    return Allocation(named, list(named.values()))


def one_vector(shapes: Shapes, dtype: str) -> Allocation:
    """One vector, with a view into it for each name."""
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    vector = np.zeros(sum(sizes), dtype)
    pieces = np.split(vector, np.cumsum(sizes)[:-1])
    named = {name: piece.reshape(shapes[name]) for name, piece in zip(shapes, pieces, strict=True)}
    return Allocation(named, [vector])


def not_trained(shapes: Shapes, dtype: str) -> dict[str, np.ndarray]:
    """One array for each name. Generators are always float64: float32 could count only to 2²⁴."""
    return {
        name: np.zeros(shape, "float64" if name.endswith("generator") else dtype)
        for name, shape in shapes.items()
    }


class ManualLayer(ABC):
    """One layer of a spec at its place in the model.

    `parameters` and `gradients` are arrays by their names in the layer (`kernel`). They are only ever
    changed in place, because the update holds views of them.
    """

    needs_input_gradient = True
    """Whether an earlier layer is trained, so that `backward` has to return dx."""

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
        """This layer and all layers inside it."""
        yield self

    @abstractmethod
    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """y from x; stores what `backward` needs."""

    @abstractmethod
    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """dx from dy, for the last forward pass in training; stores the gradients of the parameters.

        None if x are tokens, which have no gradient, or if `needs_input_gradient` is False.
        """

    def store(self, **gradients: np.ndarray) -> None:
        """Write the gradients of parameters into the arrays that the update reads."""
        for name, value in gradients.items():
            self.gradients[name][...] = value

    def outputs(self, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """y in training mode, and the outputs of this layer and of all layers inside it, by path."""
        y = self.forward(x, training=True)
        return y, {self.path: y}


class ProductLayer(ManualLayer):
    """A layer of `models.layers.Product`."""

    def rounded(self, x: np.ndarray) -> np.ndarray:
        """x, in float32 as bfloat16 represents it if the spec says so."""
        narrow = self.spec.bfloat16 and x.dtype == np.float32
        return x.astype(bfloat16).astype(np.float32) if narrow else x

    def product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """a b over the last two axes, rounded as the spec says."""
        return self.rounded(self.rounded(a) @ self.rounded(b))

    def kernel_gradient(self, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """dW = xᵀ dy, with all axes of x and dy but the last merged into one."""
        return self.product(x.reshape(-1, x.shape[-1]).T, dy.reshape(-1, dy.shape[-1]))


def bias_gradient(dy: np.ndarray) -> np.ndarray:
    """db = Σ dy over all axes but the last."""
    return dy.reshape(-1, dy.shape[-1]).sum(axis=0)


class Dense(ProductLayer):
    """y = x W + b over the last axis; dW = xᵀ dy, db = Σ dy, dx = dy Wᵀ.

    From y_nj = Σ_i x_ni W_ij + b_j follow ∂L/∂W_ij = Σ_n x_ni dy_nj, ∂L/∂b_j = Σ_n dy_nj and
    ∂L/∂x_ni = Σ_j dy_nj W_ij.
    """

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """[N, …, inputs] to [N, …, units]."""
        self.x = x
        y = self.product(x, self.parameters["kernel"])
        return y + self.parameters["bias"] if self.spec.bias else y

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """dx, or None if no earlier layer is trained."""
        self.store(kernel=self.kernel_gradient(self.x, dy))
        if self.spec.bias:
            self.store(bias=bias_gradient(dy))
        return self.product(dy, self.parameters["kernel"].T) if self.needs_input_gradient else None


class ReLU(ManualLayer):
    """y = max(x, 0); dx = dy where x > 0, otherwise 0 (also at x = 0)."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """y, in the shape of x."""
        self.positive = x > 0
        return np.maximum(x, 0)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx: dy where x was positive."""
        return dy * self.positive


class GELU(ManualLayer):
    """y = x Φ(x) with Φ(x) = ½ (1 + erf(x / √2)); dx = dy (Φ(x) + x φ(x)).

    φ(x) = Φ′(x) = exp(−x² / 2) / √(2π) is the density of the normal distribution.
    """

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """y, in the shape of x."""
        self.x, self.phi = x, 0.5 * (1.0 + erf(x / math.sqrt(2.0)))
        return x * self.phi

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx, by the product rule."""
        density = np.exp(-0.5 * np.square(self.x)) / math.sqrt(2.0 * math.pi)
        return dy * (self.phi + self.x * density)


class Embedding(ManualLayer):
    """y_nt = E_x with x the token at (n, t); dE_v = Σ dy over all (n, t) at which the token is v."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """Tokens [N, T] to [N, T, width]."""
        self.tokens = x
        return self.parameters["table"][x]

    def backward(self, dy: np.ndarray) -> None:
        """Stores the gradient of the table; tokens have none."""
        # A matrix product with one-hot tokens is several times as fast as np.add.at.
        one_hot = self.tokens.reshape(-1, 1) == np.arange(self.spec.vocabulary)
        self.store(table=one_hot.T.astype(dy.dtype) @ dy.reshape(-1, dy.shape[-1]))


class PositionEmbedding(ManualLayer):
    """y_nt = x_nt + P_t; dP_t = Σ_n dy_nt, dx = dy."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """y, in the shape of x."""
        return x + self.parameters["table"]

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx, which is dy."""
        self.store(table=dy.sum(axis=0))
        return dy
