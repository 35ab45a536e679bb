"""A whole model: layers one after the other, and side by side in a residual."""

from collections.abc import Iterator

import numpy as np

from benchmarks.frameworks.numpy_parts import (
    activations,
    attention,
    convolution,
    dense,
    embedding,
    norms,
    pooling,
    random_layers,
)
from benchmarks.frameworks.numpy_parts.layer import ManualLayer
from benchmarks.frameworks.numpy_parts.tensors import Tensors
from benchmarks.models import layers
from benchmarks.models.layers import Layer, Shape, Spec


class Chain:
    """Layers one after the other: y = f_k(… f_1(x)); the gradient goes back through them in turn."""

    def __init__(self, spec: Spec, shape: Shape, tensors: Tensors, *, prefix: str = "") -> None:
        self.layers: list[ManualLayer] = []
        for index, layer in enumerate(spec):
            self.layers.append(KINDS[type(layer)](layer, shape, f"{prefix}{index}", tensors))
            shape = layer.output_shape(shape)

    def walk(self) -> Iterator[ManualLayer]:
        """Every layer in order, a residual before the layers inside it."""
        for layer in self.layers:
            yield from layer.walk()

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """The last output."""
        for layer in self.layers:
            x = layer.forward(x, training=training)
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """dx, or None where a layer on the way does not pass it on."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
            if not layer.passes_on:
                return None
        return dy

    def outputs(self, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The last output in training, and every output by path."""
        found = {}
        for layer in self.layers:
            x, within = layer.outputs(x)
            found |= within
        return x, found


class Residual(ManualLayer):
    """y = body(x) + shortcut(x); dx = what comes back through the body + what comes back by the shortcut."""

    def __init__(self, spec: Layer, shape: Shape, path: str, tensors: Tensors) -> None:
        super().__init__(spec, shape, path, tensors)
        self.body = Chain(spec.body, shape, tensors, prefix=f"{path}.body.")
        self.shortcut = Chain(spec.shortcut, shape, tensors, prefix=f"{path}.shortcut.")

    def walk(self) -> Iterator[ManualLayer]:
        """The layers of both branches after it."""
        yield self
        yield from self.body.walk()
        yield from self.shortcut.walk()

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """A shortcut without layers is x itself."""
        return self.body.forward(x, training=training) + self.shortcut.forward(x, training=training)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """The sum of both ways."""
        return self.body.backward(dy) + self.shortcut.backward(dy)

    def outputs(self, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """y, with the outputs of both branches."""
        (body, in_body), (shortcut, in_shortcut) = self.body.outputs(x), self.shortcut.outputs(x)
        return body + shortcut, {self.path: body + shortcut, **in_body, **in_shortcut}


KINDS: dict[type[Layer], type[ManualLayer]] = {
    layers.Dense: dense.Dense,
    layers.Conv: convolution.Conv,
    layers.BatchNorm: norms.BatchNorm,
    layers.GroupNorm: norms.GroupNorm,
    layers.LayerNorm: norms.LayerNorm,
    layers.ReLU: activations.ReLU,
    layers.GELU: activations.GELU,
    layers.MaxPool: pooling.MaxPool,
    layers.AveragePool: pooling.AveragePool,
    layers.GlobalAveragePool: pooling.GlobalAveragePool,
    layers.Flatten: pooling.Flatten,
    layers.Dropout: random_layers.Dropout,
    layers.RandomShift: random_layers.RandomShift,
    layers.RandomFlip: random_layers.RandomFlip,
    layers.Residual: Residual,
    layers.Embedding: embedding.Embedding,
    layers.PositionEmbedding: embedding.PositionEmbedding,
    layers.Attention: attention.Attention,
}
"""What computes each layer of a spec."""


def model(spec: Spec, shape: Shape, tensors: Tensors) -> Chain:
    """The model of a spec, whose first trained layer passes nothing on: the data needs no gradient."""
    chain = Chain(spec, shape, tensors)
    first = min(int(name.split(".")[0]) for name in tensors.gradients)
    chain.layers[first].passes_on = False
    return chain
