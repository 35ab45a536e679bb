"""The layers that Keras lacks, or computes otherwise, for any backend."""

import math

import keras
from keras import ops

from benchmarks.recipe import randomness
from benchmarks.recipe.randomness import BITS


def gelu(x):
    """x Φ(x). Keras's own on TensorFlow takes √2 in float32, whatever the precision."""
    return 0.5 * x * (1.0 + ops.erf(x * math.sqrt(0.5)))


class Drawing(keras.Layer):
    """A layer that draws from `recipe.generator`, whose key and count are a weight that is not trained."""

    def build(self, input_shape: tuple) -> None:
        """Make the generator, int32 [2]."""
        self.generator = self.add_weight(
            shape=(2,), dtype="int32", initializer="zeros", trainable=False, name="generator"
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The input's."""
        return input_shape

    def draw(self, how_many):
        """24 random bits for each index below `how_many`, int32; one more draw is counted."""
        key, count = self.generator[0], self.generator[1]
        bits = randomness.bits(ops.arange(how_many, dtype="int32"), key, count, ops.right_shift)
        self.generator.assign(ops.stack([key, count + 1]))  # last: in PyTorch `count` is a view of it
        return bits

    def call(self, x, training: bool = False):
        """In evaluation the input passes through."""
        return self.changed(x) if training else x


class SharedDropout(Drawing):
    """`models.layers.Dropout`; u ≥ rate is decided on the bits, whatever the precision."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def changed(self, x):
        """Each number kept and divided by 1 − rate, or 0."""
        bits = ops.reshape(self.draw(math.prod(ops.shape(x))), ops.shape(x))
        kept = bits >= math.ceil(self.rate * 2**BITS)
        return ops.where(kept, x / (1.0 - self.rate), ops.zeros_like(x))


class RandomShift(Drawing):
    """`models.layers.RandomShift`, as one gather from the images with a border of zeros."""

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.reach = reach

    def changed(self, x):
        """Each image moved by its own two whole numbers of pixels."""
        n, (height, width, channels) = ops.shape(x)[0], x.shape[1:]
        border = 2 * self.reach
        moves = ops.right_shift((border + 1) * self.draw(2 * n), BITS)
        down, right = moves[0::2, None, None], moves[1::2, None, None]
        rows = ops.arange(height, dtype="int32")[:, None] + down
        columns = ops.arange(width, dtype="int32") + right
        image = ops.arange(n, dtype="int32")[:, None, None] * (height + border)
        place = (image + rows) * (width + border) + columns
        sides = (self.reach, self.reach)
        padded = ops.pad(x, ((0, 0), sides, sides, (0, 0)))
        return ops.take(ops.reshape(padded, (-1, channels)), place, axis=0)


class RandomFlip(Drawing):
    """`models.layers.RandomFlip`."""

    def changed(self, x):
        """Each image mirrored left to right, or not."""
        mirrored = self.draw(ops.shape(x)[0]) < 2 ** (BITS - 1)
        return ops.where(mirrored[:, None, None, None], ops.flip(x, axis=2), x)


class LowestPadding(keras.Layer):
    """`models.layers.MaxPool`'s border: minus infinity on the four sides of an image."""

    def __init__(self, border: int) -> None:
        super().__init__()
        self.border = border

    def call(self, x):
        """Higher and wider by twice the border."""
        sides = (self.border, self.border)
        return ops.pad(x, ((0, 0), sides, sides, (0, 0)), constant_values=-math.inf)


class PositionEmbedding(keras.Layer):
    """`models.layers.PositionEmbedding`."""

    def build(self, input_shape: tuple) -> None:
        """Make the table, [positions, width]."""
        self.table = self.add_weight(shape=input_shape[1:], initializer="zeros", name="table")

    def call(self, x):
        """A vector is added at each position."""
        return x + self.table
