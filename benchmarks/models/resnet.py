"""The residual networks for small images of He et al. 2015 (arXiv 1512.03385, section 4.2), 6n + 2 deep.

The shortcuts differ from theirs where the shape changes. Section 4.2 takes every second pixel and fills the
new channels with zeros (option A), which needs no parameters; here it is a 1 × 1 convolution with a norm, as
in their deeper networks for ImageNet (option B, section 3.3).
"""

from collections.abc import Callable

from benchmarks.models.layer import Layer, Spec
from benchmarks.models.layers import Conv, Dense, GlobalAveragePool, ReLU, Residual

WIDTHS = (16, 32, 64)
Norm = Callable[[], Layer]


def resnet(n_classes: int, *, blocks: int, norm: Norm) -> Spec:
    """A 3 × 3 stem, three stages of `blocks` blocks (16, 32, 64 filters), global average pool, dense.

    The first block of the second and of the third stage halves height and width.
    """
    layers, width = [Conv(WIDTHS[0], bias=False), norm(), ReLU()], WIDTHS[0]
    for filters in WIDTHS:
        for _ in range(blocks):
            layers += [_block(filters, changes=filters != width, norm=norm), ReLU()]
            width = filters
    return [*layers, GlobalAveragePool(), Dense(n_classes)]


def _block(filters: int, *, changes: bool, norm: Norm) -> Residual:
    """Two 3 × 3 convolutions, each followed by a norm, and a shortcut around them."""
    stride = 2 if changes else 1
    first = (Conv(filters, stride=stride, bias=False), norm(), ReLU())
    shortcut = (Conv(filters, size=1, stride=stride, bias=False), norm()) if changes else ()
    return Residual((*first, Conv(filters, bias=False), norm()), shortcut)
