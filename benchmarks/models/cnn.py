"""A small CNN: two convolutions with batch norm, a max pool and a dense layer."""

from collections.abc import Callable

from benchmarks.models.layer import Layer, Spec
from benchmarks.models.layers import BatchNorm, Conv, Dense, Flatten, MaxPool, ReLU


def layers(n_classes: int) -> Spec:
    """Convolutions with 16 and 32 filters of 3 × 3, each with batch norm and ReLU, then a max pool of 2."""
    return convolutional(n_classes, norm=BatchNorm)


def convolutional(n_classes: int, *, norm: Callable[[], Layer]) -> Spec:
    """The same with another norm behind each convolution."""
    stages = [[Conv(filters, bias=False), norm(), ReLU()] for filters in (16, 32)]
    return [*stages[0], *stages[1], MaxPool(2), Flatten(), Dense(n_classes)]
