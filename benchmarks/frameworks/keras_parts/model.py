"""Builds an ordinary functional Keras model from a layer spec, for any backend."""

from typing import NamedTuple

import keras
import numpy as np

from benchmarks.frameworks.keras_parts import layers as custom
from benchmarks.frameworks.keras_parts import mixed_precision
from benchmarks.models import takes_tokens
from benchmarks.models.layer import Layer, Shape, Spec
from benchmarks.models.layers import (
    GELU,
    Attention,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool,
    GroupNorm,
    LayerNorm,
    MaxPool,
    PositionEmbedding,
    RandomFlip,
    RandomShift,
    ReLU,
    Residual,
)

NAMES = {"embeddings": "table", "seed_generator_state": "generator"}
"""The parameter tree's names of variables that Keras names differently."""
EMPTY = {"kernel_initializer": "zeros"}
"""Parameters are loaded later; drawing them would make JAX compile a generator for each shape."""


class Built(NamedTuple):
    """A model, the outputs of its layers by path, and its variables by the names of the parameter tree."""

    model: keras.Model
    outputs: dict[str, keras.KerasTensor]
    variables: dict[str, keras.Variable]


def build_model(spec: Spec, input_shape: Shape) -> Built:
    """The model of a spec, for images or tokens of this shape."""
    x = keras.Input(input_shape, dtype="int32" if takes_tokens(spec) else keras.config.floatx())
    built = Built(None, {}, {})
    y = _connect(spec, x, built, prefix="")
    return built._replace(model=keras.Model(x, y))


def _connect(spec: Spec, x: keras.KerasTensor, built: Built, *, prefix: str) -> keras.KerasTensor:
    """The output of the whole spec on x; layer outputs and variables are added to `built`."""
    for index, layer in enumerate(spec):
        path = f"{prefix}{index}"
        if isinstance(layer, Residual):
            built.outputs[path] = None  # reserves its place before the layers inside it
            branches = [
                _connect(part, x, built, prefix=f"{path}.{name}.") for name, part in layer.parts().items()
            ]
            x = keras.layers.Add()(branches)
        else:
            x = _apply(layer, x, built.variables, path)
        built.outputs[path] = x
    return x


def _apply(layer: Layer, x: keras.KerasTensor, variables: dict, path: str) -> keras.KerasTensor:
    """The layer's output on x; its variables are added to `variables`."""
    native = native_layer(layer, x.shape[1:])
    if isinstance(native, keras.layers.MultiHeadAttention):
        y = _causal(native, x)
    elif isinstance(layer, Conv) and native.padding == "valid":
        y = native(keras.layers.ZeroPadding2D(layer.size // 2)(x))
    elif isinstance(layer, MaxPool) and layer.border:
        y = native(custom.LowestPadding(layer.border)(x))
    else:
        y = native(x)
    variables.update({f"{path}.{name}": variable for name, variable in _named(native)})
    return y


def _causal(attention: keras.layers.MultiHeadAttention, x: keras.KerasTensor) -> keras.KerasTensor:
    """Causal self-attention in the precision of x.

    Unless the scores are returned, Keras on TensorFlow and on JAX uses a kernel whose softmax is in float32,
    even in float64. Its 1 / √features is a Python float, which TensorFlow converts by way of float32; a
    NumPy number keeps its precision.
    """
    attention.build(x.shape, x.shape)
    attention._inverse_sqrt_key_dim = np.float64(attention._inverse_sqrt_key_dim)
    return attention(x, x, use_causal_mask=True, return_attention_scores=True)[0]


def _named(native: keras.Layer) -> list[tuple[str, keras.Variable]]:
    """The variables of a layer by the names that `models.layers` gives them."""
    if not isinstance(native, keras.layers.MultiHeadAttention | mixed_precision.Attention):
        return [(NAMES.get(variable.name, variable.name), variable) for variable in native.variables]
    names = mixed_precision.PROJECTIONS
    return [(f"{name}_{v.name}", v) for name in names for v in getattr(native, f"{name}_dense").variables]


def native_layer(layer: Layer, shape: Shape) -> keras.Layer:
    """The Keras layer that computes what the spec says on inputs of this shape.

    A strided convolution and a max pool have no padding of their own: `_apply` pads their input.
    """
    match layer:
        case Dense():
            kind = mixed_precision.Dense if layer.bfloat16 else keras.layers.Dense
            return kind(layer.units, use_bias=layer.bias, **EMPTY)
        case Conv():
            padding = "same" if layer.stride == 1 else "valid"
            kind = mixed_precision.Conv2D if layer.bfloat16 else keras.layers.Conv2D
            common = {"padding": padding, "use_bias": layer.bias, **EMPTY}
            return kind(layer.filters, layer.size, layer.stride, **common)
        case BatchNorm(ghost=int()):
            return custom.GhostBatchNorm(layer)
        case BatchNorm():
            return keras.layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon)
        case GroupNorm():
            return keras.layers.GroupNormalization(layer.groups, epsilon=layer.epsilon)
        case LayerNorm():
            return keras.layers.LayerNormalization(epsilon=layer.epsilon)
        case ReLU():
            return keras.layers.ReLU()
        case GELU():
            return keras.layers.Activation(custom.gelu)
        case MaxPool():
            return keras.layers.MaxPooling2D(layer.window(shape), layer.stride)
        case AveragePool():
            return keras.layers.AveragePooling2D(layer.window(shape), layer.stride)
        case GlobalAveragePool():
            return keras.layers.GlobalAveragePooling2D()
        case Flatten():
            return keras.layers.Flatten()
        case Dropout(source="framework"):
            return keras.layers.Dropout(layer.rate)
        case Dropout():
            return custom.SharedDropout(layer.rate)
        case RandomShift():
            return custom.RandomShift(layer.reach)
        case RandomFlip():
            return custom.RandomFlip()
        case Embedding():
            return keras.layers.Embedding(layer.vocabulary, layer.width, "zeros")
        case PositionEmbedding():
            return custom.PositionEmbedding()
        case Attention(bfloat16=True):
            return mixed_precision.Attention(layer.heads)
        case Attention():
            return keras.layers.MultiHeadAttention(layer.heads, shape[-1] // layer.heads, **EMPTY)
    raise TypeError(f"{layer} has no Keras layer")


def load(variable: keras.Variable, array: np.ndarray) -> None:
    """Set a variable to a parameter. Keras stores kernels of attention as [width, heads, features]."""
    variable.assign(np.asarray(array).reshape(variable.shape).astype(variable.dtype))
