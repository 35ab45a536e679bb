"""784-128-10 with ReLU: the network of everybody's first tutorial."""

from benchmarks.models.layer import Spec
from benchmarks.models.layers import Dense, Flatten, ReLU


def layers(n_classes: int) -> Spec:
    """One hidden layer of 128 units."""
    return [Flatten(), Dense(128), ReLU(), Dense(n_classes)]
