"""The layer spec: a model is a list of these values.

Shapes leave the batch out and put channels last: (height, width, channels) or (features,).
"""

from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Dense:
    """y = x W + b, with W of shape [inputs, units]."""

    units: int

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the output for one example."""
        return (self.units,)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the parameters, by name."""
        return {"kernel": (shape[-1], self.units), "bias": (self.units,)}


@dataclass(frozen=True)
class Conv:
    """Two-dimensional convolution at stride 1, zero-padded so that height and width stay.

    The kernel has shape [size, size, input channels, filters]; `size` is odd. A convolution that
    batch norm follows goes without a bias, which the norm would take away again.
    """

    filters: int
    size: int = 3
    bias: bool = True

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the output for one example."""
        return (*shape[:2], self.filters)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the parameters, by name."""
        kernel = {"kernel": (self.size, self.size, shape[-1], self.filters)}
        return {**kernel, "bias": (self.filters,)} if self.bias else kernel


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation over all axes but the last (Ioffe & Szegedy 2015, arXiv 1502.03167).

    In training, y = γ (x − μ) / √(σ² + epsilon) + β with the batch's mean μ and *biased* variance
    σ². The running averages used in evaluation move by r ← momentum · r + (1 − momentum) · batch,
    both with the biased variance.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the output for one example."""
        return shape

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the parameters, by name."""
        return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), shape[-1:])


@dataclass(frozen=True)
class ReLU:
    """y = max(x, 0)."""

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the output for one example."""
        return shape

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the parameters, by name."""
        return {}


@dataclass(frozen=True)
class MaxPool:
    """Largest value in each window, windows side by side; what does not fill a window is left out.

    A window wider than the input is cut to it, so that data of one dimension (width 1) pass too.
    """

    size: int = 2

    def window(self, shape: Shape) -> Shape:
        """Height and width of the window on an input of this shape."""
        return (min(self.size, shape[0]), min(self.size, shape[1]))

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the output for one example."""
        height, width = self.window(shape)
        return (shape[0] // height, shape[1] // width, shape[2])

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the parameters, by name."""
        return {}


@dataclass(frozen=True)
class Flatten:
    """One vector per example, in the order height, width, channel."""

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the output for one example."""
        size = 1
        for extent in shape:
            size *= extent
        return (size,)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the parameters, by name."""
        return {}


Layer = Dense | Conv | BatchNorm | ReLU | MaxPool | Flatten
Spec = list[Layer]


def input_shapes(spec: Spec, shape: Shape) -> list[Shape]:
    """The shape that each layer of the spec receives, for one example of the given shape."""
    shapes = []
    for layer in spec:
        shapes.append(shape)
        shape = layer.output_shape(shape)
    return shapes
