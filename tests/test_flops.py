"""Floating-point operations of a training: a count by hand, and PyTorch's own counter."""

import pytest

from benchmarks import models
from benchmarks.models import flops
from benchmarks.models.layers import Attention, Conv, Dense, Dropout, Flatten, ReLU, Residual

N_CLASSES = 10


def test_an_mlp_counted_by_hand():
    """784-128-10: forward 2 (784·128 + 128·10), again for the kernels, and 2 · 128·10 for the last input."""
    spec = models.spec("mlp", n_classes=10)
    first, last = 2 * 784 * 128, 2 * 128 * 10
    assert flops.of_training(spec, (28, 28, 1)) == 2 * first + 3 * last == 409_088


def test_a_convolution_counted_by_hand():
    """8 × 8 pixels of 3 channels at stride 2: 4 × 4 places, each 5 · 5 · 3 products for each of 6 filters."""
    spec = [Conv(6, size=5, stride=2), Flatten(), Dense(2)]
    conv, dense = 2 * 16 * 25 * 3 * 6, 2 * 96 * 2
    assert flops.of_training(spec, (8, 8, 3)) == 2 * conv + 3 * dense


def test_what_lies_behind_layers_without_weights_still_needs_no_gradient_of_its_input():
    shape = (4,)
    plain = flops.of_training([Dense(3)], shape)
    assert plain == 2 * 2 * 4 * 3
    assert flops.of_training([ReLU(), Dropout(0.5), Dense(3)], shape) == plain
    assert flops.of_training([Residual((ReLU(),)), Dense(3)], shape) == plain
    behind_a_branch = flops.of_training([Residual((Dense(4),)), Dense(3)], shape)
    assert behind_a_branch == 2 * 2 * 4 * 4 + 3 * 2 * 4 * 3


def test_scores_of_attention_have_two_gradients_even_in_front():
    positions, width = 6, 4
    kernels, scores = 4 * 2 * positions * width * width, 2 * 2 * positions * positions * width
    assert flops.of_training([Attention(heads=2)], (positions, width)) == 2 * kernels + 3 * scores


def counted(name, shape):
    """Operations for an example, forward and backward, by PyTorch's counter.

    It knows nothing of the CPU's kernel for attention, and counts the products that this stands for.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from benchmarks.frameworks.torch_parts.model import build_model

    model = build_model(models.spec(name, n_classes=N_CLASSES), shape)
    batch = torch.zeros(2, *shape) if len(shape) == 3 else torch.zeros(2, *shape, dtype=torch.int64)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(batch).sum().backward()
    return counter.get_total_flops() / len(batch)


@pytest.mark.parametrize("name", models.NAMES)
def test_pytorch_counts_the_same(name, in_torch):
    spec = models.spec(name, n_classes=N_CLASSES)
    shapes = [(12,)] if models.takes_tokens(spec) else [(28, 28, 1), (32, 32, 3)]
    for shape in shapes:
        assert in_torch(counted, name, shape) == flops.of_training(spec, shape)
