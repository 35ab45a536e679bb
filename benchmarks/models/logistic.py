"""Multinomial logistic regression: one dense layer, the only model here whose loss is convex."""

from benchmarks.models.layer import Spec
from benchmarks.models.layers import Dense, Flatten


def layers(n_classes: int) -> Spec:
    """One dense layer, no hidden one."""
    return [Flatten(), Dense(n_classes)]
