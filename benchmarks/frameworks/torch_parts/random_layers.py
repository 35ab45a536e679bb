"""The random layers, on the generator that all frameworks share (`recipe.generator`).

Random bits are compared as the whole numbers they are, which is exact in every precision.
"""

import math

import numpy as np
import torch
from torch import nn

from benchmarks.frameworks.torch_parts.layers import CHANNELS_FIRST, channels_last
from benchmarks.models.layers import Dropout, Shape, Spec, walk
from benchmarks.recipe.randomness import BITS, bits


class RandomModule(nn.Module):
    """A module that passes its input through in evaluation; its generator is (key, count of draws)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("generator", torch.zeros(2, dtype=torch.int32))

    def draw(self, *shape: int) -> torch.Tensor:
        """Random bits of the next draw, int32 of this shape; the index runs over the last axis first."""
        index = torch.arange(math.prod(shape), dtype=torch.int32, device=self.generator.device)
        drawn = bits(index, self.generator[0], self.generator[1])
        self.generator[1].add_(1)
        return drawn.view(shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the layer does in training, else its input."""
        return self.changed(x) if self.training else x

    def changed(self, x: torch.Tensor) -> torch.Tensor:
        """The output in training."""
        raise NotImplementedError


class SharedDropout(RandomModule):
    """Dropout; the index of a number is its place in the batch with channels last."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate, self.threshold = rate, math.ceil(rate * 2**BITS)

    def changed(self, x: torch.Tensor) -> torch.Tensor:
        """The numbers with u ≥ rate over 1 − rate, the others 0."""
        drawn = self.draw(*channels_last(x).shape)
        drawn = drawn.permute(CHANNELS_FIRST) if x.ndim == 4 else drawn
        return (x / (1 - self.rate)).masked_fill(drawn < self.threshold, 0.0)


class OwnDropout(nn.Dropout):
    """PyTorch's dropout, which leaves the shared generator as it is."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.register_buffer("generator", torch.zeros(2, dtype=torch.int32))


def start_own_generator(layers: Spec, input_shape: Shape, parameters: dict[str, np.ndarray]) -> None:
    """PyTorch's own generator starts from the keys of the dropouts that draw from it."""
    for path, layer, _ in walk(layers, input_shape):
        if isinstance(layer, Dropout) and layer.source == "framework":
            torch.manual_seed(int(parameters[f"{path}.generator"][0]))


class RandomShift(RandomModule):
    """Each image moved by up to `reach` pixels in height and in width, zeros coming in."""

    def __init__(self, reach: int) -> None:
        super().__init__()
        self.reach = reach

    def changed(self, x: torch.Tensor) -> torch.Tensor:
        """y[i, j] = x[i + a, j + b] in each image [C, H, W]."""
        n, channels, height, width = x.shape
        moved = (self.draw(n, 2) * (2 * self.reach + 1)) >> BITS  # a + reach and b + reach
        rows = moved[:, 0, None] + torch.arange(height, device=x.device)
        columns = moved[:, 1, None] + torch.arange(width, device=x.device)
        padded = nn.functional.pad(x, [self.reach] * 4)
        rows = rows[:, None, :, None].expand(-1, channels, -1, padded.shape[3])
        columns = columns[:, None, None, :].expand(-1, channels, height, -1)
        return padded.gather(2, rows).gather(3, columns)


class RandomFlip(RandomModule):
    """Each image mirrored left to right with probability ½."""

    def changed(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to the same."""
        drawn = self.draw(x.shape[0], 1, 1, 1)
        return torch.where(drawn < 2 ** (BITS - 1), x.flip(3), x)
