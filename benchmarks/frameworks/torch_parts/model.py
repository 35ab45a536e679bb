"""Builds an ordinary PyTorch module from a layer spec, and names its tensors as the parameter tree does."""

from collections import OrderedDict
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.frameworks.torch_parts import layers as custom
from benchmarks.frameworks.torch_parts import mixed_precision
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
"""PyTorch's names for parameters that it names differently; besides these, a `kernel` is a `weight`."""


def dense(layer: spec.Dense, shape: Shape) -> nn.Linear:
    """A linear map of the last axis, which for images is the second axis in PyTorch."""
    of_images, of_others = custom.ImageLinear, nn.Linear
    if layer.bfloat16:
        of_images, of_others = mixed_precision.ImageLinear, mixed_precision.Linear
    return (of_images if len(shape) == 3 else of_others)(shape[-1], layer.units, bias=layer.bias)


def conv(layer: spec.Conv, shape: Shape) -> nn.Conv2d:
    """A convolution with the same padding on all sides."""
    sizes = {"kernel_size": layer.size, "stride": layer.stride, "padding": layer.size // 2}
    kind = mixed_precision.Conv2d if layer.bfloat16 else nn.Conv2d
    return kind(shape[-1], layer.filters, bias=layer.bias, **sizes)


def layer_norm(layer: spec.LayerNorm, shape: Shape) -> nn.LayerNorm:
    """Layer norm over the last axis, which for images is the second axis in PyTorch."""
    return (custom.ImageLayerNorm if len(shape) == 3 else nn.LayerNorm)(shape[-1], eps=layer.epsilon)


def group_norm(layer: spec.GroupNorm, shape: Shape) -> nn.GroupNorm:
    """Group norm; PyTorch expects the channels as the second axis, but in text they are the last."""
    kind = custom.TextGroupNorm if len(shape) == 2 else custom.GroupNorm
    return kind(layer.groups, shape[-1], eps=layer.epsilon)


def batch_norm(layer: spec.BatchNorm, shape: Shape) -> nn.Module:
    """Batch norm, of ghost batches if there are any."""
    settings = {"eps": layer.epsilon, "momentum": 1 - layer.momentum}
    if layer.ghost:
        return custom.GhostBatchNorm(shape[-1], layer.ghost_batches, **settings)
    return custom.BiasedBatchNorm(shape[-1], **settings)


def residual(layer: spec.Residual, shape: Shape) -> custom.Residual:
    """A residual, with both branches built the same way."""
    return custom.Residual(sequential(layer.body, shape), sequential(layer.shortcut, shape))


def attention(layer: spec.Attention, shape: Shape) -> custom.Attention:
    """Causal self-attention."""
    return (mixed_precision if layer.bfloat16 else custom).Attention(shape[-1], layer.heads)


def dropout(layer: spec.Dropout, shape: Shape) -> nn.Module:
    """Dropout that draws from the shared generator or from PyTorch's."""
    return (custom.SharedDropout if layer.source == "shared" else custom.FrameworkDropout)(layer.rate)


MODULES: dict[type[Layer], Callable[[Any, Shape], nn.Module]] = {
    spec.Dense: dense,
    spec.Conv: conv,
    spec.BatchNorm: batch_norm,
    spec.GroupNorm: group_norm,
    spec.LayerNorm: layer_norm,
    spec.ReLU: lambda layer, shape: nn.ReLU(),
    spec.GELU: lambda layer, shape: nn.GELU(),
    spec.MaxPool: lambda layer, shape: nn.MaxPool2d(layer.window(shape), layer.stride, layer.border),
    spec.AveragePool: lambda layer, shape: nn.AvgPool2d(layer.window(shape), layer.stride),
    spec.GlobalAveragePool: lambda layer, shape: custom.GlobalAveragePool(),
    spec.Flatten: lambda layer, shape: custom.Flatten(),
    spec.Dropout: dropout,
    spec.RandomShift: lambda layer, shape: custom.RandomShift(layer.reach),
    spec.RandomFlip: lambda layer, shape: custom.RandomFlip(),
    spec.Residual: residual,
    spec.Embedding: lambda layer, shape: nn.Embedding(layer.vocabulary, layer.width),
    spec.PositionEmbedding: lambda layer, shape: custom.PositionEmbedding(shape),
    spec.Attention: attention,
}
"""The function that builds the PyTorch module of each kind of layer, from the layer and its input shape."""


def sequential(layers: Spec, shape: Shape) -> nn.Sequential:
    """The modules of these layers, one after the other."""
    shapes = input_shapes(layers, shape)
    pairs = zip(layers, shapes, strict=True)
    return nn.Sequential(*(MODULES[type(layer)](layer, shape) for layer, shape in pairs))


def build_model(layers: Spec, input_shape: Shape) -> nn.Sequential:
    """The module of a model, from inputs in the data's order of axes to logits.

    The names of its submodules are the paths of the layers.
    """
    modules = sequential(layers, input_shape).named_children()
    first = {"input": custom.ChannelsFirst()} if len(input_shape) == 3 else {}
    return nn.Sequential(OrderedDict(first | dict(modules)))


def native_name(name: str) -> str:
    """PyTorch's name of a parameter: `query.weight` for `query_kernel`, `weight` for `gamma`, …"""
    return NATIVE_NAMES.get(name) or name.replace("_", ".").replace("kernel", "weight")


def tensors(model: nn.Module, layers: Spec, input_shape: Shape) -> dict[str, torch.Tensor]:
    """The tensors of the model (not copies) by the names of the parameter tree, in its order."""
    by_name = {}
    for full_name in parameter_shapes(layers, input_shape):
        path, _, name = full_name.rpartition(".")
        by_name[full_name] = attrgetter(native_name(name))(model.get_submodule(path))
    return by_name


def to_native(name: str, array: np.ndarray) -> np.ndarray:
    """From the layout of the parameter tree, kernels [in, out] and [h, w, in, out], to PyTorch's."""
    if not name.endswith("kernel"):
        return array
    return np.ascontiguousarray(array.transpose({2: (1, 0), 4: (3, 2, 0, 1)}[array.ndim]))


def from_native(name: str, tensor: torch.Tensor) -> np.ndarray:
    """From PyTorch's layout back to that of the parameter tree, as a copy."""
    array = tensor.detach().cpu().numpy()
    if name.endswith("kernel"):
        array = array.transpose({2: (1, 0), 4: (2, 3, 1, 0)}[array.ndim])
    return array.copy()
