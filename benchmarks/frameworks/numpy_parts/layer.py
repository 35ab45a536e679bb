"""What every hand-written layer has: both passes, its parameters and their gradients."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from benchmarks.frameworks.numpy_parts.tensors import Tensors
from benchmarks.models.layers import Layer, Shape


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
