"""The small CNN with group norm (Wu & He 2018, arXiv 1803.08494): examples of a batch stay independent."""

from benchmarks.models.cnn import convolutional
from benchmarks.models.layer import Spec
from benchmarks.models.layers import GroupNorm


def layers(n_classes: int) -> Spec:
    """The layers of `cnn` with eight groups in every norm."""
    return convolutional(n_classes, norm=GroupNorm)
