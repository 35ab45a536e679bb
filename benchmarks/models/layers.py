"""The kinds of layers that a model may have, each as a value with the equation that it stands for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.models.layer import Layer, Shape, output_shape


@dataclass(frozen=True)
class Dense(Layer):
    """y = x W + b over the last axis, with W of shape [inputs, units].

    Before a batch norm it goes without the bias, which the norm would take away again.
    """

    units: int
    bias: bool = True

    def output_shape(self, shape: Shape) -> Shape:
        """The last axis becomes `units`."""
        return (*shape[:-1], self.units)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """`kernel` [inputs, units] and `bias` [units]."""
        kernel = {"kernel": (shape[-1], self.units)}
        return {**kernel, "bias": (self.units,)} if self.bias else kernel


@dataclass(frozen=True)
class Conv(Layer):
    """Two-dimensional convolution (cross-correlation), `size // 2` zeros on each of the four sides.

    The kernel has shape [size, size, input channels, filters]; `size` is odd. The padding is the same
    on both sides at every stride, as in the papers; TensorFlow's "same" is lopsided at stride 2. A
    convolution that a norm follows goes without a bias, which the norm would take away again.
    """

    filters: int
    size: int = 3
    stride: int = 1
    bias: bool = True

    def output_shape(self, shape: Shape) -> Shape:
        """Height and width divided by the stride, rounded up."""
        return (*(-(-extent // self.stride) for extent in shape[:2]), self.filters)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """`kernel` [size, size, channels, filters] and `bias` [filters]."""
        kernel = {"kernel": (self.size, self.size, shape[-1], self.filters)}
        return {**kernel, "bias": (self.filters,)} if self.bias else kernel


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalisation over all axes but the last (Ioffe & Szegedy 2015, arXiv 1502.03167).

    In training, y = γ (x − μ) / √(σ² + epsilon) + β with the batch's mean μ and *biased* variance
    σ². The running averages used in evaluation move by r ← momentum · r + (1 − momentum) · batch,
    both with the biased variance.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """`gamma`, `beta` and the running averages, one for each channel."""
        return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), shape[-1:])


@dataclass(frozen=True)
class GroupNorm(Layer):
    """Group normalisation (Wu & He 2018, arXiv 1803.08494), the same in training and evaluation.

    Mean and biased variance of each example, over height, width and the channels of a group.
    """

    groups: int = 8
    epsilon: float = 1e-5

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """`gamma` and `beta`, one for each channel."""
        return dict.fromkeys(("gamma", "beta"), shape[-1:])


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Layer normalisation over the last axis (Ba et al. 2016, arXiv 1607.06450), biased variance."""

    epsilon: float = 1e-5

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """`gamma` and `beta`, one for each feature."""
        return dict.fromkeys(("gamma", "beta"), shape[-1:])


@dataclass(frozen=True)
class ReLU(Layer):
    """y = max(x, 0)."""


@dataclass(frozen=True)
class GELU(Layer):
    """y = x Φ(x) with the normal distribution's Φ (Hendrycks & Gimpel 2016, arXiv 1606.08415), exact."""


@dataclass(frozen=True)
class Pool(Layer):
    """What the two poolings share; what does not fill a window is left out.

    A window wider than the input with its border is cut to that, so that data of width 1 pass too.
    """

    size: int = 2
    stride: int = 2

    @property
    def border(self) -> int:
        """Pixels around the image on each of the four sides."""
        return 0

    def window(self, shape: Shape) -> Shape:
        """Height and width of the window on an input of this shape."""
        height, width = (min(self.size, extent + 2 * self.border) for extent in shape[:2])
        return (height, width)

    def output_shape(self, shape: Shape) -> Shape:
        """The number of windows in height and width."""
        extents = zip(shape[:2], self.window(shape), strict=True)
        ends = (extent + 2 * self.border - window for extent, window in extents)
        return (*(end // self.stride + 1 for end in ends), shape[2])


@dataclass(frozen=True)
class MaxPool(Pool):
    """Largest value in each window.

    Padded, it has `size // 2` times minus infinity on each of the four sides, `size` being odd, so that
    height and width are divided by the stride and rounded up. TensorFlow's "same" has as many windows, but
    begins them at the image itself where an even extent is halved (size 3, stride 2), one pixel later.
    """

    padded: bool = False

    def __post_init__(self) -> None:
        """Padding needs a middle."""
        if self.padded and self.size % 2 == 0:
            raise ValueError("a padded pool has an odd size")

    @property
    def border(self) -> int:
        """`size // 2` where it is padded."""
        return self.size // 2 if self.padded else 0


@dataclass(frozen=True)
class AveragePool(Pool):
    """Mean of each window."""


@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """Mean over height and width."""

    def output_shape(self, shape: Shape) -> Shape:
        """The channels alone."""
        return shape[-1:]


@dataclass(frozen=True)
class Flatten(Layer):
    """One vector per example, in the order height, width, channel."""

    def output_shape(self, shape: Shape) -> Shape:
        """One axis."""
        return (math.prod(shape),)


@dataclass(frozen=True)
class RandomLayer(Layer):
    """A layer that draws random numbers in training, and passes its input through in evaluation.

    Its one parameter `generator` is not trained: `recipe.generator` says what the two numbers are.
    """

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """`generator`: the key and the count of draws."""
        return {"generator": (2,)}


@dataclass(frozen=True)
class Dropout(RandomLayer):
    """y = x / (1 − rate) where u ≥ rate, else 0 (Srivastava et al. 2014), one u for each number of x.

    `framework` as the source takes u from the framework's own generator, started from the key: faster,
    other numbers in each framework, and so comparable only statistically.
    """

    rate: float
    source: Literal["shared", "framework"] = "shared"


@dataclass(frozen=True)
class Augmentation(RandomLayer):
    """What is done to an image in front of the model."""


@dataclass(frozen=True)
class RandomShift(Augmentation):
    """Each image moved by whole pixels, zeros coming in: y[i, j] = x[i + a, j + b].

    a = ⌊(2 · reach + 1) u₀⌋ − reach and b likewise from u₁: the crop after padding by `reach` of He et
    al. 2015 (arXiv 1512.03385, section 4.2). Two u for each example.
    """

    reach: int = 4


@dataclass(frozen=True)
class RandomFlip(Augmentation):
    """Each image mirrored left to right where u < ½, one u for each example."""


@dataclass(frozen=True)
class Residual(Layer):
    """y = body(x) + shortcut(x) (He et al. 2015, arXiv 1512.03385, eq. 2); no shortcut is x itself."""

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()

    def output_shape(self, shape: Shape) -> Shape:
        """That of the body."""
        return output_shape(self.body, shape)

    def parts(self) -> dict[str, Sequence[Layer]]:
        """Both branches."""
        return {"body": self.body, "shortcut": self.shortcut}


@dataclass(frozen=True)
class Embedding(Layer):
    """One row of a table for each token: [positions] to [positions, width]."""

    vocabulary: int
    width: int

    def output_shape(self, shape: Shape) -> Shape:
        """The width is added as the last axis."""
        return (*shape, self.width)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """`table` [vocabulary, width]."""
        return {"table": (self.vocabulary, self.width)}


@dataclass(frozen=True)
class PositionEmbedding(Layer):
    """y = x + table: a learned vector for each position."""

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """`table` [positions, width]."""
        return {"table": shape}


@dataclass(frozen=True)
class Attention(Layer):
    """Causal self-attention of several heads (Vaswani et al. 2017, arXiv 1706.03762, section 3.2.2).

    q, k, v = x W + b, cut into heads of width / heads features each; softmax(q kᵀ / √(width / heads))
    over the positions up to the own one; the heads side by side, once more times W plus b.
    """

    heads: int

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """A kernel [width, width] and a bias [width] for each of query, key, value and output."""
        width, found = shape[-1], {}
        for name in ("query", "key", "value", "output"):
            found |= {f"{name}_kernel": (width, width), f"{name}_bias": (width,)}
        return found
