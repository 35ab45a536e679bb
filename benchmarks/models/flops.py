"""How many floating-point operations a training takes for each example, counted from the layers.

Only matrix products and convolutions count, as is the custom: a multiplication and an addition are two
operations, and padding counts as if it were multiplied. The backward pass takes a product of the same size
for the gradient of a layer's kernel and another for that of its input, which the first trained layer does
without.
"""

import math

from benchmarks.models.layer import Layer, Shape, Spec
from benchmarks.models.layers import Attention, Conv, Dense, RandomLayer


def of_training(spec: Spec, shape: Shape) -> int:
    """Operations of a forward and a backward pass of one example of this shape."""
    total, _ = _forward_and_backward(spec, shape, input_gradient=False)
    return total


def _forward_and_backward(spec: Spec, shape: Shape, *, input_gradient: bool) -> tuple[int, bool]:
    """The operations, and whether what comes out needs a gradient."""
    total = 0
    for layer in spec:
        in_branches = [
            _forward_and_backward(part, shape, input_gradient=input_gradient)
            for part in layer.parts().values()
        ]
        total += sum(operations for operations, _ in in_branches)
        total += with_kernel(layer, shape) * (3 if input_gradient else 2)
        total += without_kernel(layer, shape) * 3
        input_gradient = input_gradient or any(needs for _, needs in in_branches) or _is_trained(layer, shape)
        shape = layer.output_shape(shape)
    return total, input_gradient


def _is_trained(layer: Layer, shape: Shape) -> bool:
    return bool(layer.parameter_shapes(shape)) and not isinstance(layer, RandomLayer)


def with_kernel(layer: Layer, shape: Shape) -> int:
    """Operations of a layer's products of its input with its kernels, forward, for one example."""
    match layer:
        case Dense():
            return 2 * math.prod(shape) * layer.units
        case Conv():
            return 2 * math.prod(layer.output_shape(shape)) * layer.size**2 * shape[-1]
        case Attention():
            return 4 * 2 * math.prod(shape) * shape[-1]
    return 0


def without_kernel(layer: Layer, shape: Shape) -> int:
    """Operations of the products of two inputs with each other: scores of attention and their use."""
    return 2 * 2 * shape[0] * math.prod(shape) if isinstance(layer, Attention) else 0
