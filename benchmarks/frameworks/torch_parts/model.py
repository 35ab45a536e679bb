"""From a layer spec to an ordinary PyTorch module, and its tensors by the parameter tree's names."""

from collections import OrderedDict
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.frameworks.torch_parts import layers as own
from benchmarks.frameworks.torch_parts import layers as own_random
from benchmarks.models import layers as spec
from benchmarks.models.layer import Layer, Shape, Spec, input_shapes
from benchmarks.models.parameters import parameter_shapes

NATIVE_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "table": "weight",
}
"""PyTorch's names of the parameters that it calls otherwise; a `kernel` is a `weight` too."""


def dense(layer: spec.Dense, shape: Shape) -> nn.Linear:
    """A linear map of the last axis, which in images is PyTorch's second."""
    return (own.ImageLinear if len(shape) == 3 else nn.Linear)(shape[-1], layer.units, bias=layer.bias)


def conv(layer: spec.Conv, shape: Shape) -> nn.Conv2d:
    """A convolution with the same padding on all sides."""
    sizes = {"kernel_size": layer.size, "stride": layer.stride, "padding": layer.size // 2}
    return nn.Conv2d(shape[-1], layer.filters, bias=layer.bias, **sizes)


def layer_norm(layer: spec.LayerNorm, shape: Shape) -> nn.LayerNorm:
    """Over the last axis, which in images is PyTorch's second."""
    return (own.ImageLayerNorm if len(shape) == 3 else nn.LayerNorm)(shape[-1], eps=layer.epsilon)


def group_norm(layer: spec.GroupNorm, shape: Shape) -> nn.GroupNorm:
    """Channels are the second axis in PyTorch, which in texts are the last."""
    kind = own.TextGroupNorm if len(shape) == 2 else own.GroupNorm
    return kind(layer.groups, shape[-1], eps=layer.epsilon)


def residual(layer: spec.Residual, shape: Shape) -> own.Residual:
    """Both branches, built likewise."""
    return own.Residual(sequential(layer.body, shape), sequential(layer.shortcut, shape))


def dropout(layer: spec.Dropout, shape: Shape) -> nn.Module:
    """From the shared generator or PyTorch's."""
    return (own_random.SharedDropout if layer.source == "shared" else own_random.OwnDropout)(layer.rate)


MODULES: dict[type[Layer], Callable[[Any, Shape], nn.Module]] = {
    spec.Dense: dense,
    spec.Conv: conv,
    spec.BatchNorm: lambda layer, shape: own.BiasedBatchNorm(
        shape[-1], eps=layer.epsilon, momentum=1 - layer.momentum
    ),
    spec.GroupNorm: group_norm,
    spec.LayerNorm: layer_norm,
    spec.ReLU: lambda layer, shape: nn.ReLU(),
    spec.GELU: lambda layer, shape: nn.GELU(),
    spec.MaxPool: lambda layer, shape: nn.MaxPool2d(layer.window(shape), layer.stride, layer.border),
    spec.AveragePool: lambda layer, shape: nn.AvgPool2d(layer.window(shape), layer.stride),
    spec.GlobalAveragePool: lambda layer, shape: own.GlobalAveragePool(),
    spec.Flatten: lambda layer, shape: own.Flatten(),
    spec.Dropout: dropout,
    spec.RandomShift: lambda layer, shape: own_random.RandomShift(layer.reach),
    spec.RandomFlip: lambda layer, shape: own_random.RandomFlip(),
    spec.Residual: residual,
    spec.Embedding: lambda layer, shape: nn.Embedding(layer.vocabulary, layer.width),
    spec.PositionEmbedding: lambda layer, shape: own.PositionEmbedding(shape),
    spec.Attention: lambda layer, shape: own.Attention(shape[-1], layer.heads),
}
"""The PyTorch module that computes a layer, from the layer and the shape of its input."""


def sequential(layers: Spec, shape: Shape) -> nn.Sequential:
    """The layers one after another."""
    shapes = input_shapes(layers, shape)
    pairs = zip(layers, shapes, strict=True)
    return nn.Sequential(*(MODULES[type(layer)](layer, shape) for layer, shape in pairs))


def build_model(layers: Spec, input_shape: Shape) -> nn.Sequential:
    """An ordinary module from inputs as the data has them to logits.

    Its submodules have the layers' paths as names.
    """
    modules = sequential(layers, input_shape).named_children()
    first = {"input": own.ChannelsFirst()} if len(input_shape) == 3 else {}
    return nn.Sequential(OrderedDict(first | dict(modules)))


def native_name(name: str) -> str:
    """`query_kernel` → `query.weight`, `gamma` → `weight`, …"""
    return NATIVE_NAMES.get(name) or name.replace("_", ".").replace("kernel", "weight")


def tensors(model: nn.Module, layers: Spec, input_shape: Shape) -> dict[str, torch.Tensor]:
    """The model's own tensors by the names of the parameter tree, in the tree's order."""
    found = {}
    for full_name in parameter_shapes(layers, input_shape):
        path, _, name = full_name.rpartition(".")
        found[full_name] = attrgetter(native_name(name))(model.get_submodule(path))
    return found


def to_native(name: str, array: np.ndarray) -> np.ndarray:
    """From the parameter tree's layout to PyTorch's: kernels are [in, out] and [h, w, in, out]."""
    if not name.endswith("kernel"):
        return array
    return np.ascontiguousarray(array.transpose({2: (1, 0), 4: (3, 2, 0, 1)}[array.ndim]))


def from_native(name: str, tensor: torch.Tensor) -> np.ndarray:
    """From PyTorch's layout back to the parameter tree's; a copy."""
    array = tensor.detach().cpu().numpy()
    if name.endswith("kernel"):
        array = array.transpose({2: (1, 0), 4: (2, 3, 1, 0)}[array.ndim])
    return array.copy()
