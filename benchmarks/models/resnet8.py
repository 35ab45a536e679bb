"""ResNet-8 with batch norm: the smallest of its family, Shallue et al.'s for CIFAR-10 (arXiv 1811.03600)."""

from benchmarks.models.layers import BatchNorm, Spec
from benchmarks.models.resnet import resnet


def layers(n_classes: int) -> Spec:
    """One block in each stage."""
    return resnet(n_classes, blocks=1, norm=BatchNorm)
