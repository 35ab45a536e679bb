"""A whole model with gradients by hand: its layers in a row and in residuals, its loss, its update."""

import math
from collections.abc import Iterator

import numpy as np

from benchmarks.frameworks.numpy_parts import attention, convolution, norms, random_layers
from benchmarks.frameworks.numpy_parts import layers as by_hand
from benchmarks.frameworks.numpy_parts.layers import Allocate, ManualLayer, Shapes, Tensors
from benchmarks.models import layers
from benchmarks.models.layer import Layer, Shape, Spec
from benchmarks.recipe.optimizer import Optimizer


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.floating, np.ndarray]:
    """L = (1 / m) Σ (log Σ_k exp(z_k) − z_label) over m labels, and dz = (softmax(z) − 1[k = label]) / m.

    Logits [N, …, k] and labels [N, …]. The largest z is taken off first, which changes neither.
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
    layers.Dense: by_hand.Dense,
    layers.Conv: convolution.Conv,
    layers.BatchNorm: norms.BatchNorm,
    layers.GroupNorm: norms.GroupNorm,
    layers.LayerNorm: norms.LayerNorm,
    layers.ReLU: by_hand.ReLU,
    layers.GELU: by_hand.GELU,
    layers.MaxPool: convolution.MaxPool,
    layers.AveragePool: convolution.AveragePool,
    layers.GlobalAveragePool: convolution.GlobalAveragePool,
    layers.Flatten: convolution.Flatten,
    layers.Dropout: random_layers.Dropout,
    layers.RandomShift: random_layers.RandomShift,
    layers.RandomFlip: random_layers.RandomFlip,
    layers.Residual: Residual,
    layers.Embedding: by_hand.Embedding,
    layers.PositionEmbedding: by_hand.PositionEmbedding,
    layers.Attention: attention.Attention,
}
"""What computes each layer of a spec."""


def model(spec: Spec, shape: Shape, tensors: Tensors) -> Chain:
    """The model of a spec, whose first trained layer passes nothing on: the data needs no gradient."""
    chain = Chain(spec, shape, tensors)
    first = min(int(name.split(".")[0]) for name in tensors.gradients)
    chain.layers[first].passes_on = False
    return chain


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
