"""F1 of Keskar et al. 2016 (arXiv 1609.04836, table 1): five dense layers of 512, batch-normalised."""

from benchmarks.models.layer import Spec
from benchmarks.models.layers import BatchNorm, Dense, Flatten, ReLU

DEPTH = 5


def layers(n_classes: int) -> Spec:
    """784 – [512 – batch norm – ReLU] × 5 – 10 on MNIST."""
    hidden = [layer for _ in range(DEPTH) for layer in (Dense(512, bias=False), BatchNorm(), ReLU())]
    return [Flatten(), *hidden, Dense(n_classes)]
