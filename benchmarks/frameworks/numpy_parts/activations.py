"""The activations, number by number."""

import math

import numpy as np
from scipy.special import erf

from benchmarks.frameworks.numpy_parts.layer import ManualLayer


class ReLU(ManualLayer):
    """y = max(x, 0); dx = dy where x > 0, else 0 (at x = 0 too)."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """The shape stays."""
        self.positive = x > 0
        return np.maximum(x, 0)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dy where x was positive."""
        return dy * self.positive


class GELU(ManualLayer):
    """y = x Φ(x) with Φ(x) = ½ (1 + erf(x / √2)); dx = dy (Φ(x) + x φ(x)).

    φ(x) = Φ′(x) = exp(−x² / 2) / √(2π) is the density of the normal distribution.
    """

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """The shape stays."""
        self.x, self.below = x, 0.5 * (1.0 + erf(x / math.sqrt(2.0)))
        return x * self.below

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """By the product rule."""
        density = np.exp(-0.5 * np.square(self.x)) / math.sqrt(2.0 * math.pi)
        return dy * (self.below + self.x * density)
