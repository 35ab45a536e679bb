"""Layers that PyTorch lacks, or that it computes differently from the layer spec.

Dropout and augmentation draw from the generator that all frameworks share (`recipe.randomness`). Random
bits are compared as whole numbers, which is exact in every precision.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.models.layer import Shape, Spec, walk
from benchmarks.models.layers import Dropout
from benchmarks.recipe.randomness import BITS, bits

CHANNELS_LAST, CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """A view in the spec's order of axes: images become [N, H, W, C], everything else is unchanged."""
    return x.permute(CHANNELS_LAST) if x.ndim == 4 else x


class ChannelsFirst(nn.Module):
    """From the data's order (height, width, channel) to PyTorch's (channel, height, width)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A view; nothing is copied."""
        return x.permute(CHANNELS_FIRST)


class Flatten(nn.Module):
    """Flatten images in the order height, width, channel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, …] to [N, features]."""
        return channels_last(x).flatten(1)


class OverChannels(nn.Module):
    """Lets a module that works on the last axis work on the channels of images, one pixel at a time."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, outputs, H, W]."""
        return super().forward(channels_last(x)).permute(CHANNELS_FIRST)


class ImageLinear(OverChannels, nn.Linear):
    """`nn.Linear` over the channels of images."""


class ImageLayerNorm(OverChannels, nn.LayerNorm):
    """`nn.LayerNorm` over the channels of images."""


class GroupNorm(nn.GroupNorm):
    """`nn.GroupNorm` that can also be captured as the first layer.

    There its input, the data, needs no gradient. PyTorch 2.13's backward kernel then returns none for it,
    and `make_fx` crashes.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, …] to [N, C, …]. Data is normalised first; the trained scale and shift follow separately."""
        if x.requires_grad or not torch.is_grad_enabled():
            return super().forward(x)
        shape = (-1, *[1] * (x.ndim - 2))
        y = functional.group_norm(x, self.num_groups, eps=self.eps)
        return y * self.weight.view(shape) + self.bias.view(shape)


class TextGroupNorm(GroupNorm):
    """`nn.GroupNorm` for text, whose channels are the last axis."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, positions, width] to [N, positions, width]."""
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


class BiasedBatchNorm(nn.BatchNorm2d):
    """Batch norm for any input that averages the biased variance, as the layer spec says.

    PyTorch's own averages the unbiased variance, and so is a different model in evaluation.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise by the batch in training, by the running averages in evaluation."""
        if x.ndim == 3:  # in text, each position counts as an example
            return BiasedBatchNorm.forward(self, x.flatten(0, 1)).view_as(x)
        if not self.training:
            averages = self.running_mean, self.running_var
            return functional.batch_norm(x, *averages, self.weight, self.bias, eps=self.eps)
        y, mean, inverse_sd = torch.native_batch_norm(
            x, self.weight, self.bias, None, None, True, 0.0, self.eps
        )
        with torch.no_grad():
            variance = inverse_sd.pow(-2).sub_(self.eps)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance, self.momentum)
        return y


class GhostBatchNorm(BiasedBatchNorm):
    """Batch norm of each ghost batch by itself; `ghost_batches` gives their number in a batch of n."""

    def __init__(self, channels: int, ghost_batches: Callable[[int], int], **settings) -> None:
        super().__init__(channels, **settings)
        self.ghost_batches = ghost_batches

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise by the ghost batches in training, by the running averages in evaluation."""
        groups = self.ghost_batches(len(x))
        if groups == 1 or not self.training:
            return super().forward(x)
        return self._parted(x.unflatten(0, (groups, -1)), channels=-1 if x.ndim == 3 else 2).flatten(0, 1)

    def _parted(self, x: torch.Tensor, channels: int) -> torch.Tensor:
        """x̂ γ + β of [ghost batches, examples, …]; `channels` is the axis of the channels."""
        axes = [axis for axis in range(1, x.ndim) if axis != channels % x.ndim]
        variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        with torch.no_grad():
            self._average(self.running_mean, mean.flatten(1))
            self._average(self.running_var, variance.flatten(1))
        shape = [-1 if axis == channels % x.ndim else 1 for axis in range(x.ndim)]
        normal = (x - mean) * (variance + self.eps).rsqrt()
        return normal * self.weight.view(shape) + self.bias.view(shape)

    def _average(self, running: torch.Tensor, moments: torch.Tensor) -> None:
        """r ← (1 − m)ᵏ r + Σ m (1 − m)^(k − i) of the i-th of k, which is one after the other at once."""
        later = torch.arange(len(moments) - 1, -1, -1, device=moments.device)
        weights = self.momentum * (1 - self.momentum) ** later.to(moments.dtype)
        running.mul_((1 - self.momentum) ** len(moments)).add_(weights @ moments)


class GlobalAveragePool(nn.Module):
    """Mean over height and width."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C]."""
        return x.mean((2, 3))


class Residual(nn.Module):
    """body(x) + shortcut(x); an empty shortcut is the identity."""

    def __init__(self, body: nn.Sequential, shortcut: nn.Sequential) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of both branches."""
        return self.body(x) + self.shortcut(x)


class PositionEmbedding(nn.Module):
    """A learned vector added at each position."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, positions, width] to [N, positions, width]."""
        return x + self.weight


class Attention(nn.Module):
    """Causal multi-head self-attention."""

    projection = nn.Linear

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (self.projection(width, width) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, positions, width] to [N, positions, width]."""
        qkv = (self._heads(project(x)) for project in (self.query, self.key, self.value))
        return self.output(self.attended(*qkv).transpose(1, 2).flatten(2))

    def attended(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """softmax(q kᵀ / √d) v of each head, [N, heads, positions, d]."""
        return functional.scaled_dot_product_attention(q, k, v, is_causal=True)

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        """[N, positions, width] to [N, heads, positions, width / heads]."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class RandomModule(nn.Module):
    """A module that is random in training and the identity in evaluation, with (key, count) of its draws."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("generator", torch.zeros(2, dtype=torch.int32))

    def draw(self, *shape: int) -> torch.Tensor:
        """Random bits of the next draw, int32 of this shape, indexed in C order."""
        index = torch.arange(math.prod(shape), dtype=torch.int32, device=self.generator.device)
        drawn = bits(index, self.generator[0], self.generator[1])
        self.generator[1].add_(1)
        return drawn.view(shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output in training; in evaluation the input itself."""
        return self.training_output(x) if self.training else x

    def training_output(self, x: torch.Tensor) -> torch.Tensor:
        """The output in training."""
        raise NotImplementedError


class SharedDropout(RandomModule):
    """Dropout from the shared generator; elements are indexed in the batch's order with channels last."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate, self.threshold = rate, math.ceil(rate * 2**BITS)

    def training_output(self, x: torch.Tensor) -> torch.Tensor:
        """x / (1 − rate) where u ≥ rate, otherwise 0."""
        drawn = self.draw(*channels_last(x).shape)
        drawn = drawn.permute(CHANNELS_FIRST) if x.ndim == 4 else drawn
        return (x / (1 - self.rate)).masked_fill(drawn < self.threshold, 0.0)


class FrameworkDropout(nn.Dropout):
    """PyTorch's dropout, which draws from PyTorch's generator and leaves the shared one unused."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.register_buffer("generator", torch.zeros(2, dtype=torch.int32))


def seed_framework_generator(layers: Spec, input_shape: Shape, parameters: dict[str, np.ndarray]) -> None:
    """Seed PyTorch's own generator with the key of the last dropout layer that draws from it."""
    for path, layer, _ in walk(layers, input_shape):
        if isinstance(layer, Dropout) and layer.source == "framework":
            torch.manual_seed(int(parameters[f"{path}.generator"][0]))


class RandomShift(RandomModule):
    """Moves each image by up to `reach` pixels in height and width, and fills up with zeros."""

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.reach = reach

    def training_output(self, x: torch.Tensor) -> torch.Tensor:
        """y[i, j] = x[i + a, j + b] in each image: [N, C, H, W] to [N, C, H, W]."""
        n, channels, height, width = x.shape
        moved = (self.draw(n, 2) * (2 * self.reach + 1)) >> BITS  # a + reach and b + reach
        rows = moved[:, 0, None] + torch.arange(height, device=x.device)
        columns = moved[:, 1, None] + torch.arange(width, device=x.device)
        padded = nn.functional.pad(x, [self.reach] * 4)
        rows = rows[:, None, :, None].expand(-1, channels, -1, padded.shape[3])
        columns = columns[:, None, None, :].expand(-1, channels, height, -1)
        return padded.gather(2, rows).gather(3, columns)


class RandomFlip(RandomModule):
    """Mirrors each image left to right with probability ½."""

    def training_output(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C, H, W]."""
        drawn = self.draw(x.shape[0], 1, 1, 1)
        return torch.where(drawn < 2 ** (BITS - 1), x.flip(3), x)
