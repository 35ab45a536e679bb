"""ResNet-20 with batch norm: the smallest that He et al. 2015 (arXiv 1512.03385) train on CIFAR-10.

Its shortcuts differ from theirs (see `resnet.py`): it has 272,474 trained parameters, theirs 269,722.
"""

from benchmarks.models.layer import Spec
from benchmarks.models.layers import BatchNorm
from benchmarks.models.resnet import resnet


def layers(n_classes: int) -> Spec:
    """Three blocks in each stage."""
    return resnet(n_classes, blocks=3, norm=BatchNorm)
