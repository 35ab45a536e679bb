"""Layers that Keras lacks, or that it computes differently from the layer spec, for any backend."""

import math

import keras
from keras import ops

from benchmarks.models.layers import BatchNorm
from benchmarks.recipe import randomness
from benchmarks.recipe.randomness import BITS


def gelu(x):
    """x Φ(x). Keras's own GELU has √2 in float32 on TensorFlow, whatever the precision."""
    return 0.5 * x * (1.0 + ops.erf(x * math.sqrt(0.5)))


class RandomLayer(keras.Layer):
    """A layer that draws from `recipe.randomness`, with (key, count of draws) as a weight not trained."""

    def build(self, input_shape: tuple) -> None:
        """Create the generator, int32 [2]."""
        self.generator = self.add_weight(
            shape=(2,), dtype="int32", initializer="zeros", trainable=False, name="generator"
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The shape of the input."""
        return input_shape

    def draw(self, how_many):
        """24 random bits for each index below `how_many`, int32; the count of draws grows by one."""
        key, count = self.generator[0], self.generator[1]
        bits = randomness.bits(ops.arange(how_many, dtype="int32"), key, count, ops.right_shift)
        self.generator.assign(
            ops.stack([key, count + 1])
        )  # after the draw: in PyTorch, `count` is a view of it
        return bits

    def call(self, x, training: bool = False):
        """The output in training; in evaluation the input itself."""
        return self.training_output(x) if training else x


class SharedDropout(RandomLayer):
    """`models.layers.Dropout` from the shared generator; u ≥ rate is tested on the bits, so exactly."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def training_output(self, x):
        """x / (1 − rate) where u ≥ rate, otherwise 0."""
        bits = ops.reshape(self.draw(math.prod(ops.shape(x))), ops.shape(x))
        kept = bits >= math.ceil(self.rate * 2**BITS)
        return ops.where(kept, x / (1.0 - self.rate), ops.zeros_like(x))


class RandomShift(RandomLayer):
    """`models.layers.RandomShift`, as one gather from the zero-padded images."""

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.reach = reach

    def training_output(self, x):
        """Each image moved by a random number of pixels in height and in width, [N, H, W, C]."""
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


class RandomFlip(RandomLayer):
    """`models.layers.RandomFlip`."""

    def training_output(self, x):
        """Each image mirrored left to right with probability ½, [N, H, W, C]."""
        mirrored = self.draw(ops.shape(x)[0]) < 2 ** (BITS - 1)
        return ops.where(mirrored[:, None, None, None], ops.flip(x, axis=2), x)


class GhostBatchNorm(keras.layers.BatchNormalization):
    """`models.layers.BatchNorm` with ghost batches."""

    def __init__(self, layer: BatchNorm) -> None:
        super().__init__(momentum=layer.momentum, epsilon=layer.epsilon)
        self.layer = layer

    def call(self, x, training: bool = False):
        """Normalised by the ghost batches in training, by the running averages in evaluation."""
        if not training:
            return super().call(x, training=False)
        n = ops.shape(x)[0]
        groups = self._ghost_batches(n)
        parted = ops.reshape(x, (groups, n // groups, *x.shape[1:]))
        mean, variance = ops.moments(parted, tuple(range(1, len(x.shape))), keepdims=True)
        for average, of_groups in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(self._averaged(average, ops.reshape(of_groups, (groups, -1)), groups))
        normal = (parted - mean) / ops.sqrt(variance + self.epsilon)
        return self.gamma * ops.reshape(normal, ops.shape(x)) + self.beta

    def _ghost_batches(self, n):
        """Their number in a batch of n examples, which in a graph of TensorFlow may be a tensor."""
        if isinstance(n, int):
            return self.layer.ghost_batches(n)
        return ops.where(n % self.layer.ghost == 0, n // self.layer.ghost, 1)

    def _averaged(self, average, moments, groups):
        """(1 − Σ w) r + Σ w_i x_i with w_i = (1 − momentum) momentum^(k − i): one of k after the other."""
        later = ops.cast(ops.arange(groups - 1, -1, -1), average.dtype)
        weights = (1.0 - self.momentum) * self.momentum**later
        return (1.0 - ops.sum(weights)) * average + ops.sum(weights[:, None] * moments, axis=0)


class LowestPadding(keras.Layer):
    """The padding of `models.layers.MaxPool`: minus infinity on the four sides of an image."""

    def __init__(self, border: int) -> None:
        super().__init__()
        self.border = border

    def call(self, x):
        """[N, H, W, C] to [N, H + 2 · border, W + 2 · border, C]."""
        sides = (self.border, self.border)
        return ops.pad(x, ((0, 0), sides, sides, (0, 0)), constant_values=-math.inf)


class PositionEmbedding(keras.Layer):
    """`models.layers.PositionEmbedding`."""

    def build(self, input_shape: tuple) -> None:
        """Create the table, [positions, width]."""
        self.table = self.add_weight(shape=input_shape[1:], initializer="zeros", name="table")

    def call(self, x):
        """x plus the vector of each position."""
        return x + self.table
