"""Two convolutions with batch norm, a pool and a dense layer: the smallest usual CNN."""

from benchmarks.models.layer import Spec
from benchmarks.models.layers import BatchNorm, Conv, Dense, Flatten, MaxPool, ReLU


def layers(n_classes: int) -> Spec:
    """16 and 32 filters of 3 × 3, each batch-normalised, pooled by 2 at the end."""
    return [
        *[Conv(16, bias=False), BatchNorm(), ReLU()],
        *[Conv(32, bias=False), BatchNorm(), ReLU()],
        *[MaxPool(2), Flatten(), Dense(n_classes)],
    ]
