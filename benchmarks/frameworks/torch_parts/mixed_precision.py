"""Layers whose products of matrices are in bfloat16; everything else of them is in float32."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from benchmarks.frameworks.torch_parts import layers


def in_bfloat16(product: Callable[..., torch.Tensor], *factors: torch.Tensor) -> torch.Tensor:
    """A product of factors in float32, rounded as `models.layers.Product` says; in float64 as it is.

    To convert back is to round the gradient, which arrives in float32, on its way.
    """
    if factors[0].dtype == torch.float64:
        return product(*factors)
    return product(*(factor.to(torch.bfloat16) for factor in factors)).to(factors[0].dtype)


class Linear(nn.Linear):
    """`nn.Linear`, whose bias is added in float32."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, …, inputs] to [N, …, units]."""
        y = in_bfloat16(functional.linear, x, self.weight)
        return y if self.bias is None else y + self.bias


class ImageLinear(layers.OverChannels, Linear):
    """`Linear` over the channels of images."""


class Conv2d(nn.Conv2d):
    """`nn.Conv2d`, whose bias is added in float32."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, filters, H / stride, W / stride]."""
        y = in_bfloat16(self._convolved, x, self.weight)
        return y if self.bias is None else y + self.bias[:, None, None]

    def _convolved(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(x, weight, None, self.stride, self.padding)


class Attention(layers.Attention):
    """Attention of which all products are in bfloat16, and the softmax is in float32."""

    projection = Linear

    def attended(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """softmax(q kᵀ / √d) v of each head, [N, heads, positions, d]."""
        scores = in_bfloat16(torch.matmul, q, k.transpose(-1, -2)) / math.sqrt(q.shape[-1])
        hidden = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        return in_bfloat16(torch.matmul, scores.masked_fill(hidden, -math.inf).softmax(-1), v)
