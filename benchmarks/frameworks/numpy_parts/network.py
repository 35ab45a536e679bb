"""A whole model with gradients by hand: chains of layers, residuals, the loss and the update."""

import math
from collections.abc import Iterator

import numpy as np

from benchmarks.frameworks.numpy_parts import attention, convolution, norms, random_layers
from benchmarks.frameworks.numpy_parts import layers as manual
from benchmarks.frameworks.numpy_parts.layers import Allocate, ManualLayer, Shapes, Tensors
from benchmarks.models import layers
from benchmarks.models.layer import Layer, Shape, Spec
from benchmarks.recipe.optimizer import Optimizer


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.floating, np.ndarray]:
    """L = (1 / m) Σ (log Σ_k exp(z_k) − z_label) over m labels, and dz = (softmax(z) − 1[k = label]) / m.

    Logits are [N, …, k] and labels [N, …]. The largest z is subtracted first, which changes neither result.
    """
    z, label = logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)
    shifted, rows = z - z.max(axis=-1, keepdims=True), np.arange(len(label))
    powers = np.exp(shifted)
    sums = powers.sum(axis=-1, keepdims=True)
    loss = np.mean(np.log(sums[:, 0]) - shifted[rows, label])
    gradient = powers / sums
    gradient[rows, label] -= 1
    return loss, (gradient / len(label)).reshape(logits.shape)


class Chain:
    """Layers one after the other, y = f_k(… f_1(x)); the gradient passes through them in reverse."""

    def __init__(self, spec: Spec, shape: Shape, tensors: Tensors, *, prefix: str = "") -> None:
        self.layers: list[ManualLayer] = []
        for index, layer in enumerate(spec):
            self.layers.append(KINDS[type(layer)](layer, shape, f"{prefix}{index}", tensors))
            shape = layer.output_shape(shape)

    def walk(self) -> Iterator[ManualLayer]:
        """Every layer in order; a residual comes before the layers inside it."""
        for layer in self.layers:
            yield from layer.walk()

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """The output of the last layer."""
        for layer in self.layers:
            x = layer.forward(x, training=training)
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """dx, or None if a layer on the way does not need the gradient of its input."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
            if not layer.needs_input_gradient:
                return None
        return dy

    def outputs(self, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The output of the last layer in training mode, and the output of every layer by path."""
        outputs = {}
        for layer in self.layers:
            x, of_layer = layer.outputs(x)
            outputs |= of_layer
        return x, outputs


class Residual(ManualLayer):
    """y = body(x) + shortcut(x); dx is the sum of the gradients through the body and the shortcut."""

    def __init__(self, spec: Layer, shape: Shape, path: str, tensors: Tensors) -> None:
        super().__init__(spec, shape, path, tensors)
        self.body = Chain(spec.body, shape, tensors, prefix=f"{path}.body.")
        self.shortcut = Chain(spec.shortcut, shape, tensors, prefix=f"{path}.shortcut.")

    def walk(self) -> Iterator[ManualLayer]:
        """This layer, then the layers of both branches."""
        yield self
        yield from self.body.walk()
        yield from self.shortcut.walk()

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """y; a shortcut without layers is the identity."""
        return self.body.forward(x, training=training) + self.shortcut.forward(x, training=training)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx, the sum over both branches."""
        return self.body.backward(dy) + self.shortcut.backward(dy)

    def outputs(self, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """y in training mode, and the outputs of this layer and of both branches, by path."""
        (body, in_body), (shortcut, in_shortcut) = self.body.outputs(x), self.shortcut.outputs(x)
        return body + shortcut, {self.path: body + shortcut, **in_body, **in_shortcut}


KINDS: dict[type[Layer], type[ManualLayer]] = {
    layers.Dense: manual.Dense,
    layers.Conv: convolution.Conv,
    layers.BatchNorm: norms.BatchNorm,
    layers.GroupNorm: norms.GroupNorm,
    layers.LayerNorm: norms.LayerNorm,
    layers.ReLU: manual.ReLU,
    layers.GELU: manual.GELU,
    layers.MaxPool: convolution.MaxPool,
    layers.AveragePool: convolution.AveragePool,
    layers.GlobalAveragePool: convolution.GlobalAveragePool,
    layers.Flatten: convolution.Flatten,
    layers.Dropout: random_layers.Dropout,
    layers.RandomShift: random_layers.RandomShift,
    layers.RandomFlip: random_layers.RandomFlip,
    layers.Residual: Residual,
    layers.Embedding: manual.Embedding,
    layers.PositionEmbedding: manual.PositionEmbedding,
    layers.Attention: attention.Attention,
}
"""The class that computes each kind of layer."""


def model(spec: Spec, shape: Shape, tensors: Tensors) -> Chain:
    """The model of a spec. Its first trained layer computes no dx: the data needs no gradient."""
    chain = Chain(spec, shape, tensors)
    first = min(int(name.split(".")[0]) for name in tensors.gradients)
    chain.layers[first].needs_input_gradient = False
    return chain


class Update:
    """The trained parameters with their gradients and the optimizer's state, and the optimizer's step.

    `allocate` decides whether a step updates each parameter separately or all of them as one vector.
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
        """Clip if the optimizer clips, then take a step; the gradient norm, or None without clipping.

        `coefficients` are Python floats: NumPy's float64 would turn float32 arrays into float64.
        """
        norm = None if self.optimizer.clip_norm is None else self._clip(self.optimizer.clip_norm)
        for index, parameter in enumerate(self.parameters.whole):
            gradient = self.gradients.whole[index]
            slots = tuple(slot.whole[index] for slot in self.slots.values())
            parameter[...], state = self.optimizer.step(parameter, gradient, slots, coefficients)
            for slot, value in zip(slots, state, strict=True):
                slot[...] = value
        return norm

    def _clip(self, largest: float) -> float:
        """g ← g · min(1, c / ‖g‖) with ‖g‖ = √Σ g² over all gradients; returns ‖g‖."""
        norm = math.sqrt(sum(float(np.vdot(gradient, gradient)) for gradient in self.gradients.whole))
        for gradient in self.gradients.whole:
            gradient *= largest / max(norm, largest)
        return norm
