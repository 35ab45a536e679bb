"""Dropout and augmentation, with the random numbers of `recipe.randomness`.

Conditions on u = bits / 2²⁴ are tested on the bits, in whole numbers, and so exactly.
"""

import math

import numpy as np

from benchmarks.frameworks.numpy_parts.layers import ManualLayer, Tensors
from benchmarks.models.layer import Layer, Shape
from benchmarks.recipe import randomness
from benchmarks.recipe.randomness import BITS


class Random(ManualLayer):
    """A layer that draws random numbers in training."""

    def draw(self, *shape: int) -> np.ndarray:
        """24 random bits for each element, indexed in C order; the count of draws grows by one."""
        key, count = self.parameters["generator"].astype(np.int32)[:, np.newaxis]
        self.parameters["generator"][1] += 1
        index = np.arange(math.prod(shape), dtype=np.int32)
        return randomness.bits(index, key, count).reshape(shape)


class Dropout(Random):
    """y = m x with m = 1 / (1 − rate) where u ≥ rate, otherwise 0; dx = m dy."""

    def __init__(self, spec: Layer, shape: Shape, path: str, tensors: Tensors) -> None:
        super().__init__(spec, shape, path, tensors)
        self.seed_framework_generator()

    def seed_framework_generator(self) -> None:
        """Seed NumPy's own generator with the key."""
        self.framework_generator = np.random.default_rng(int(self.parameters["generator"][0]))

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """y, in the shape of x."""
        if not training:
            return x
        self.mask = self._kept(x.shape).astype(x.dtype) / (1.0 - self.spec.rate)
        return x * self.mask

    def _kept(self, shape: Shape) -> np.ndarray:
        """Whether u ≥ rate, for each element of x."""
        if self.spec.source == "framework":
            return self.framework_generator.random(shape, np.float32) >= self.spec.rate
        return self.draw(*shape) >= self.spec.rate * 2**BITS

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx, by the same mask."""
        return dy * self.mask


class RandomFlip(Random):
    """y_ij = x_i(W−1−j) where u < ½, otherwise x; its own inverse, so dx is dy flipped the same way."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """[N, H, W, C] to [N, H, W, C]."""
        if not training:
            return x
        self.flips = self.draw(len(x)) < 2 ** (BITS - 1)
        return self._flipped(x)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx: dy flipped back."""
        return self._flipped(dy)

    def _flipped(self, images: np.ndarray) -> np.ndarray:
        return np.where(self.flips[:, np.newaxis, np.newaxis, np.newaxis], images[:, :, ::-1], images)


class RandomShift(Random):
    """y_ij = x_(i+a)(j+b), 0 outside x; dx_ij = dy_(i−a)(j−b), the shift back."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """[N, H, W, C] to [N, H, W, C]."""
        if not training:
            return x
        reach = self.spec.reach
        # ⌊(2 · reach + 1) u⌋ in whole numbers: float32 would round up to 2 · reach + 1 for the largest u.
        self.shift = ((2 * reach + 1) * self.draw(len(x), 2) >> BITS) - reach
        return shifted(x, self.shift, reach=reach)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx: dy shifted back."""
        return shifted(dy, -self.shift, reach=self.spec.reach)


def shifted(images: np.ndarray, by: np.ndarray, *, reach: int) -> np.ndarray:
    """y_nij = x_n(i+a)(j+b) with (a, b) = by_n, each at most `reach` in size; filled up with zeros."""
    n, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    rows = (reach + by[:, :1] + np.arange(height))[:, :, np.newaxis]
    columns = (reach + by[:, 1:] + np.arange(width))[:, np.newaxis, :]
    return padded[np.arange(n)[:, np.newaxis, np.newaxis], rows, columns]
