"""A multilayer perceptron with one hidden layer, as in many a first tutorial: 784-128-10 on MNIST."""

from benchmarks.models.layer import Spec
from benchmarks.models.layers import Dense, Flatten, ReLU


def layers(n_classes: int) -> Spec:
    """One hidden layer of 128 units with ReLU."""
    return [Flatten(), Dense(128), ReLU(), Dense(n_classes)]
