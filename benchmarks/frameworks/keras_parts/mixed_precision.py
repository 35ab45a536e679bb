"""Layers whose products of matrices are in bfloat16, for any backend; all else of them is in float32."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

PROJECTIONS = ("query", "key", "value", "output")


def in_bfloat16(product: Callable[..., Any], *factors) -> Any:
    """A product of factors in float32, rounded as `models.layers.Product` says; in float64 as it is.

    To convert back is to round the gradient, which arrives in float32, on its way.
    """
    if keras.backend.standardize_dtype(factors[0].dtype) == "float64":
        return product(*factors)
    narrow = (ops.cast(rounded(factor), "bfloat16") for factor in factors)
    return rounded(ops.cast(product(*narrow), "float32"))


def rounded(x) -> Any:
    """x with the digits of bfloat16, on JAX by an operation of its own.

    A conversion to bfloat16 and back is left out by XLA on JAX where a sum or an exponential follows, though
    it is told to keep it.
    """
    if keras.backend.backend() != "jax":
        return x
    from jax import lax

    return lax.reduce_precision(ops.convert_to_tensor(x), exponent_bits=8, mantissa_bits=7)


class Dense(keras.layers.Dense):
    """`keras.layers.Dense`, whose bias is added in float32."""

    def call(self, x, training: bool | None = None):
        """[N, …, inputs] to [N, …, units]."""
        y = in_bfloat16(ops.matmul, x, self.kernel)
        return y if self.bias is None else y + self.bias


class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, whose bias is added in float32."""

    def convolution_op(self, x, kernel):
        """The convolution without its bias, [N, H, W, C] to [N, H / stride, W / stride, filters]."""
        return in_bfloat16(super().convolution_op, x, kernel)


class Attention(keras.Layer):
    """Causal multi-head self-attention of which all products are in bfloat16, and the softmax in float32."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def build(self, shape: tuple) -> None:
        """Create the projections, as attributes that are named like those of Keras's own layer."""
        for name in PROJECTIONS:
            dense = Dense(shape[-1], kernel_initializer="zeros")
            dense.build(shape)
            setattr(self, f"{name}_dense", dense)

    def call(self, x):
        """[N, positions, width] to [N, positions, width]."""
        q, k, v = (self._heads(dense(x)) for dense in (self.query_dense, self.key_dense, self.value_dense))
        scores = in_bfloat16(ops.matmul, q, ops.swapaxes(k, -1, -2)) / math.sqrt(q.shape[-1])
        places = ops.arange(x.shape[1])
        scores = ops.where(places[:, None] >= places, scores, -math.inf)
        attended = in_bfloat16(ops.matmul, ops.softmax(scores), v)
        return self.output_dense(ops.reshape(ops.swapaxes(attended, 1, 2), ops.shape(x)))

    def _heads(self, x):
        """[N, positions, width] to [N, heads, positions, width / heads]."""
        return ops.swapaxes(ops.reshape(x, (-1, x.shape[1], self.heads, x.shape[2] // self.heads)), 1, 2)
