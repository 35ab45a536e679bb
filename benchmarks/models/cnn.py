"""A small CNN: two convolutions with batch norm, a max pool and a dense layer."""

from benchmarks.models.layer import Spec
from benchmarks.models.layers import BatchNorm, Conv, Dense, Flatten, MaxPool, ReLU


def layers(n_classes: int) -> Spec:
    """Convolutions with 16 and 32 filters of 3 × 3, each with batch norm and ReLU, then a max pool of 2."""
    return [
        *[Conv(16, bias=False), BatchNorm(), ReLU()],
        *[Conv(32, bias=False), BatchNorm(), ReLU()],
        *[MaxPool(2), Flatten(), Dense(n_classes)],
    ]
