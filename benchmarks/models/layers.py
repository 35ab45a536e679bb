"""The kinds of layers that a model may have, each a value that stands for the equation it names."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.models.layer import Layer, Shape, output_shape


@dataclass(frozen=True)
class Product(Layer):
    """A layer whose work is products of matrices, in bfloat16 if it says so (mixed precision).

    The product p = a b is then r(r(a) r(b)), where r rounds to bfloat16, 8 significant bits, to nearest and
    ties to even; sums within a product are at least in float32. So are the products of the gradients:
    da = r(r(dp) r(b)ᵀ), db = r(r(a)ᵀ r(dp)). Everything else is in float32: parameters, their update, biases,
    norms, activations and the loss (Micikevicius et al. 2018, arXiv 1710.03740, sections 3.1 and 3.3;
    Kalamkar et al. 2019, arXiv 1905.12322, section 3). In a training in float64 nothing is rounded.
    """

    bfloat16: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Dense(Product):
    """y = x W + b over the last axis, with W of shape [inputs, units].

    A dense layer in front of a batch norm needs no bias, since the norm subtracts it again.
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
class Conv(Product):
    """Two-dimensional convolution (cross-correlation), padded with `size // 2` zeros on each side.

    The kernel has shape [size, size, input channels, filters]; `size` is odd. The padding is symmetric at
    every stride, as in the papers; TensorFlow's "same" padding is asymmetric at stride 2. A convolution in
    front of a batch norm needs no bias, since the norm subtracts it again.
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

    In training, y = γ (x − μ) / √(σ² + epsilon) + β with the mean μ and the *biased* variance σ² of the
    batch. Evaluation uses running averages instead, r ← momentum · r + (1 − momentum) · batch, which also
    average the biased variance.

    With `ghost`, that many consecutive examples are a ghost batch, which is normalised by its own μ and σ²;
    the running averages take one ghost batch after the other (Hoffer et al. 2017, arXiv 1705.08741,
    algorithm 1). A batch that does not consist of whole ghost batches is one.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    ghost: int | None = None

    def ghost_batches(self, n: int) -> int:
        """The number of ghost batches of a batch of n examples."""
        return n // self.ghost if self.ghost and n % self.ghost == 0 else 1

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """`gamma`, `beta` and the running averages, one for each channel."""
        return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), shape[-1:])


@dataclass(frozen=True)
class GroupNorm(Layer):
    """Group normalisation (Wu & He 2018, arXiv 1803.08494), the same in training and evaluation.

    It normalises by the mean and biased variance of each example over height, width and a group's channels.
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
    """y = x Φ(x), exact, with Φ of the normal distribution (Hendrycks & Gimpel 2016, arXiv 1606.08415)."""


@dataclass(frozen=True)
class Pool(Layer):
    """What max and average pooling share; pixels that do not fill a window are left out.

    A window larger than the padded input is cut to the input's size, so that data of width 1 can be pooled.
    """

    size: int = 2
    stride: int = 2

    @property
    def border(self) -> int:
        """Pixels of padding on each of the four sides."""
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

    With `padded`, `size` is odd and each of the four sides is padded with `size // 2` pixels of minus
    infinity, so that height and width are divided by the stride and rounded up. TensorFlow's "same" padding
    gives as many windows, but for an even extent with size 3 and stride 2 they begin one pixel later.
    """

    padded: bool = False

    def __post_init__(self) -> None:
        """Refuse padding with an even size: the window would have no centre."""
        if self.padded and self.size % 2 == 0:
            raise ValueError("a padded pool needs an odd size")

    @property
    def border(self) -> int:
        """`size // 2` if the pool is padded, otherwise 0."""
        return self.size // 2 if self.padded else 0


@dataclass(frozen=True)
class AveragePool(Pool):
    """Mean of each window."""


@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """Mean over height and width."""

    def output_shape(self, shape: Shape) -> Shape:
        """Only the channels."""
        return shape[-1:]


@dataclass(frozen=True)
class Flatten(Layer):
    """Each example as one vector, in the order height, width, channel."""

    def output_shape(self, shape: Shape) -> Shape:
        """One axis with all features."""
        return (math.prod(shape),)


@dataclass(frozen=True)
class RandomLayer(Layer):
    """A layer that draws random numbers in training, and passes its input through in evaluation.

    Its one parameter, `generator`, is not trained: it holds the key and the count of draws that
    `recipe.randomness.bits` computes the numbers from.
    """

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """`generator`: the key and the count of draws."""
        return {"generator": (2,)}


@dataclass(frozen=True)
class Dropout(RandomLayer):
    """y = x / (1 − rate) where u ≥ rate, otherwise 0, with one uniform u for each element of x.

    From Srivastava et al. 2014 (JMLR 15:1929). With the source `framework`, u comes from the framework's
    own generator, seeded with the key. That is faster, but the numbers differ between frameworks, whose
    results can then be compared only statistically.
    """

    rate: float
    source: Literal["shared", "framework"] = "shared"


@dataclass(frozen=True)
class Augmentation(RandomLayer):
    """A random change of the images in front of the model."""


@dataclass(frozen=True)
class RandomShift(Augmentation):
    """Moves each image by whole pixels and fills up with zeros: y[i, j] = x[i + a, j + b].

    a = ⌊(2 · reach + 1) u₀⌋ − reach, and b likewise from u₁, with two u for each example. This is the random
    crop after padding by `reach` pixels of He et al. 2015 (arXiv 1512.03385, section 4.2).
    """

    reach: int = 4


@dataclass(frozen=True)
class RandomFlip(Augmentation):
    """Mirrors an image left to right where u < ½, with one u for each example."""


@dataclass(frozen=True)
class Residual(Layer):
    """y = body(x) + shortcut(x) (He et al. 2015, arXiv 1512.03385, eq. 2); an empty shortcut is x itself."""

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()

    def output_shape(self, shape: Shape) -> Shape:
        """The output shape of the body."""
        return output_shape(self.body, shape)

    def parts(self) -> dict[str, Sequence[Layer]]:
        """The layers of both branches."""
        return {"body": self.body, "shortcut": self.shortcut}


@dataclass(frozen=True)
class Embedding(Layer):
    """Looks up one row of a table for each token: [positions] to [positions, width]."""

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
    """y = x + table: adds a learned vector at each position."""

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """`table` [positions, width]."""
        return {"table": shape}


@dataclass(frozen=True)
class Attention(Product):
    """Causal multi-head self-attention (Vaswani et al. 2017, arXiv 1706.03762, section 3.2.2).

    q, k and v are each x W + b, split into heads of d = width / heads features. Each head computes
    softmax(q kᵀ / √d) v, where a position attends only to itself and to earlier positions. The heads are
    concatenated and pass through one more x W + b.
    """

    heads: int

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """A kernel [width, width] and a bias [width] for each of query, key, value and output."""
        width, shapes = shape[-1], {}
        for name in ("query", "key", "value", "output"):
            shapes |= {f"{name}_kernel": (width, width), f"{name}_bias": (width,)}
        return shapes
