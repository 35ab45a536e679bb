"""CIFAR-100: 60,000 colour photographs of 32 by 32 pixels in a hundred classes, split into 50,000 and 10,000.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009), with the
fine labels. What is checked: the SHA-256 of the published archive before it is decoded, and that the
decoded arrays stay as they were when they were first stored. Validation: 5,000 of the 50,000, by seed.
"""

import sys

from benchmarks.datasets.dataset import RawArrays, Split

NAME = "cifar100"
KIND = "images"
SHAPE = (32, 32, 3)
DTYPE = "uint8"
SCALE = 255.0
N_CLASSES = 100
SPLIT = Split(train=45_000, validation=5_000, test=10_000)
SHA256 = {}

ARCHIVE = "cifar-100-python.tar.gz"
ARCHIVE_SHA256 = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"


def raw_arrays() -> RawArrays:
    """The four arrays, from the user's own folder, the cache or a public address."""
    from benchmarks.datasets import cifar

    archive = cifar.Archive(
        name=ARCHIVE,
        sha256=ARCHIVE_SHA256,
        train=("cifar-100-python/train",),
        test="cifar-100-python/test",
        labels=b"fine_labels",
    )
    return cifar.raw_arrays(sys.modules[__name__], archive)
