"""Causal multi-head self-attention, with gradients by hand."""

import math

import numpy as np

from benchmarks.frameworks.numpy_parts.layers import ProductLayer, bias_gradient

PROJECTIONS = ("query", "key", "value")


def softmax(scores: np.ndarray) -> np.ndarray:
    """a_j = exp(s_j) / Σ_k exp(s_k) over the last axis; the largest s is subtracted against overflow."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_gradient(d_weights: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """ds_i = a_i (da_i − Σ_j a_j da_j), from ∂a_j/∂s_i = a_j (δ_ij − a_i)."""
    return weights * (d_weights - (weights * d_weights).sum(axis=-1, keepdims=True))


class Attention(ProductLayer):
    """q, k, v = x W + b, split into heads; s = q kᵀ / √d, a = softmax(s), o = a v; y = o W + b.

    A position attends only to itself and to earlier positions: for all others a = 0, and so ds = 0. The
    backward pass, with ᵀ swapping the last two axes: da = do vᵀ, dv = aᵀ do; ds from the gradient of the
    softmax; dq = ds k / √d, dk = dsᵀ q / √d; dx is the sum of the gradients through q, k and v.
    """

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """[N, T, width] to [N, T, width]."""
        self.x = x
        self.q, self.k, self.v = (self._heads(self._affine(x, name)) for name in PROJECTIONS)
        scores = self.product(self.q, self.k.swapaxes(-1, -2)) / self._root()
        visible = np.tri(x.shape[1], dtype=bool)
        self.weights = softmax(np.where(visible, scores, -np.inf))
        self.joined = self._joined(self.product(self.weights, self.v))
        return self._affine(self.joined, "output")

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx, through the output projection, the heads, and the three input projections."""
        d_heads = self._heads(self._affine_backward(self.joined, dy, "output"))
        d_weights = self.product(d_heads, self.v.swapaxes(-1, -2))
        d_scores = softmax_gradient(d_weights, self.weights) / self._root()
        d_q, d_k = self.product(d_scores, self.k), self.product(d_scores.swapaxes(-1, -2), self.q)
        d_v = self.product(self.weights.swapaxes(-1, -2), d_heads)
        return sum(
            self._affine_backward(self.x, self._joined(d_part), name)
            for name, d_part in zip(PROJECTIONS, (d_q, d_k, d_v), strict=True)
        )

    def _root(self) -> float:
        """√d with d = width / heads."""
        return math.sqrt(self.x.shape[-1] // self.spec.heads)

    def _heads(self, x: np.ndarray) -> np.ndarray:
        """[N, T, width] to [N, heads, T, width / heads]."""
        return x.reshape(*x.shape[:2], self.spec.heads, -1).swapaxes(1, 2)

    def _joined(self, heads: np.ndarray) -> np.ndarray:
        """[N, heads, T, width / heads] to [N, T, width]."""
        n, _, positions, _ = heads.shape
        return heads.swapaxes(1, 2).reshape(n, positions, -1)

    def _affine(self, x: np.ndarray, name: str) -> np.ndarray:
        """x W + b with the parameters of one projection."""
        return self.product(x, self.parameters[f"{name}_kernel"]) + self.parameters[f"{name}_bias"]

    def _affine_backward(self, x: np.ndarray, dy: np.ndarray, name: str) -> np.ndarray:
        """dx of one projection; its dW and db are stored."""
        self.store(**{f"{name}_kernel": self.kernel_gradient(x, dy), f"{name}_bias": bias_gradient(dy)})
        return self.product(dy, self.parameters[f"{name}_kernel"].T)
