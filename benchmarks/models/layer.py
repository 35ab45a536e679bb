"""The interface of every layer, and the layer spec: a model is a list of layers.

Shapes are those of one example, without the batch axis and with channels last: (height, width, channels),
(positions, width) or (features,). Images are floating-point numbers; text is tokens, one whole number for
each position.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """The interface of every layer. By default the shape stays the same and there are no parameters."""

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the output for an input of this shape."""
        return shape

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the parameters by name, for an input of this shape."""
        return {}

    def parts(self) -> dict[str, Sequence["Layer"]]:
        """The layers inside this layer, by the name of their branch."""
        return {}


Spec = Sequence[Layer]


class Place(NamedTuple):
    """One layer of a spec with its path (`3`, or `3.body.0` inside a residual) and the shape of its input."""

    path: str
    layer: Layer
    shape: Shape


def walk(spec: Spec, shape: Shape, *, prefix: str = "") -> Iterator[Place]:
    """Every layer of the spec in order; a residual comes before the layers inside it."""
    for index, layer in enumerate(spec):
        path = f"{prefix}{index}"
        yield Place(path, layer, shape)
        for branch, part in layer.parts().items():
            yield from walk(part, shape, prefix=f"{path}.{branch}.")
        shape = layer.output_shape(shape)


def output_shape(spec: Spec, shape: Shape) -> Shape:
    """Shape of the output of the whole spec, for an input of this shape."""
    for layer in spec:
        shape = layer.output_shape(shape)
    return shape


def input_shapes(spec: Spec, shape: Shape) -> list[Shape]:
    """The shape of each layer's input; layers inside other layers are left out."""
    shapes = itertools.accumulate(spec, lambda before, layer: layer.output_shape(before), initial=shape)
    return list(shapes)[:-1]
