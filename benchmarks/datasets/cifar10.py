"""CIFAR-10: 60,000 colour photographs of 32 by 32 pixels in ten classes, split into 50,000 and 10,000.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009). What is checked:
the SHA-256 of the published archive before it is decoded, and that the decoded arrays stay as they were
when they were first stored. Validation: 5,000 of the 50,000, by seed.
"""

import sys

from benchmarks.datasets.dataset import RawArrays, Split

NAME = "cifar10"
KIND = "images"
SHAPE = (32, 32, 3)
DTYPE = "uint8"
SCALE = 255.0
N_CLASSES = 10
SPLIT = Split(train=45_000, validation=5_000, test=10_000)
SHA256 = {}

ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


def raw_arrays() -> RawArrays:
    """The four arrays, from the user's own folder, the cache or a public address."""
    from benchmarks.datasets import cifar

    archive = cifar.Archive(
        name=ARCHIVE,
        sha256=ARCHIVE_SHA256,
        train=tuple(f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)),
        test="cifar-10-batches-py/test_batch",
        labels=b"labels",
    )
    return cifar.raw_arrays(sys.modules[__name__], archive)
