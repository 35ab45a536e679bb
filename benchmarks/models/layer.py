"""What every layer answers, and the layer spec: a model is a list of layers.

Shapes leave the batch out and put channels last: (height, width, channels), (positions, width) or
(features,). Images are floating, text is whole numbers, one token a position.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """What every layer answers. By default the shape stays and there are no parameters."""

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the output for one example, given the input's."""
        return shape

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the parameters, by name."""
        return {}

    def parts(self) -> dict[str, Sequence["Layer"]]:
        """The layers inside, by the name of their branch."""
        return {}


Spec = Sequence[Layer]


class Place(NamedTuple):
    """One layer of a spec: where it stands (`3`, inside a residual `3.body.0`) and what it receives."""

    path: str
    layer: Layer
    shape: Shape


def walk(spec: Spec, shape: Shape, *, prefix: str = "") -> Iterator[Place]:
    """Every layer of the spec in order, a residual before the layers inside it."""
    for index, layer in enumerate(spec):
        path = f"{prefix}{index}"
        yield Place(path, layer, shape)
        for branch, part in layer.parts().items():
            yield from walk(part, shape, prefix=f"{path}.{branch}.")
        shape = layer.output_shape(shape)


def output_shape(spec: Spec, shape: Shape) -> Shape:
    """Shape that comes out of the whole spec, for one example of the given shape."""
    for layer in spec:
        shape = layer.output_shape(shape)
    return shape


def input_shapes(spec: Spec, shape: Shape) -> list[Shape]:
    """The shape that each layer of the spec receives; the layers inside of others are left out."""
    shapes = itertools.accumulate(spec, lambda before, layer: layer.output_shape(before), initial=shape)
    return list(shapes)[:-1]
