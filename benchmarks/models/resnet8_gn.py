"""ResNet-8 with group norm (Wu & He 2018, arXiv 1803.08494): examples of a batch stay independent."""

from benchmarks.models.layer import Spec
from benchmarks.models.layers import GroupNorm
from benchmarks.models.resnet import resnet


def layers(n_classes: int) -> Spec:
    """One block in each stage, eight groups in every norm."""
    return resnet(n_classes, blocks=1, norm=GroupNorm)
