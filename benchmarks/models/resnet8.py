"""ResNet-8 with batch norm: `resnet.py` with n = 1, shallower than any network of the paper."""

from benchmarks.models.layer import Spec
from benchmarks.models.layers import BatchNorm
from benchmarks.models.resnet import resnet


def layers(n_classes: int) -> Spec:
    """One block in each stage."""
    return resnet(n_classes, blocks=1, norm=BatchNorm)
