"""C1 of Keskar et al. 2016 (arXiv 1609.04836, table 1): an AlexNet for CIFAR-10.

As in their code (`shallownet` of keskarnitish/large-batch-training), both pools are padded, so that 32
pixels become 16 and then 8. Their "same" padding depends on the backend of Keras; here all four sides are
padded.
"""

from benchmarks.models.layer import Layer, Spec
from benchmarks.models.layers import BatchNorm, Conv, Dense, Dropout, Flatten, MaxPool, ReLU


def layers(n_classes: int) -> Spec:
    """[Conv 5 × 5 to 64, batch norm, ReLU, padded max pool 3 / 2] × 2, dense 384 and 192 with dropout ½."""
    stage = [Conv(64, size=5, bias=False), BatchNorm(), ReLU(), MaxPool(3, stride=2, padded=True)]
    return [*stage, *stage, Flatten(), *_dense(384), *_dense(192), Dense(n_classes)]


def _dense(units: int) -> list[Layer]:
    """One hidden dense layer with its batch norm, ReLU and dropout."""
    return [Dense(units, bias=False), BatchNorm(), ReLU(), Dropout(0.5)]
