"""Fashion-MNIST: 70,000 images of clothing with 28 by 28 grey values, split into 60,000 and 10,000.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms" (2017, arXiv 1708.07747). What is checked: the SHA-256 of the decoded arrays,
from a copy whose decompressed files have the published MD5 (training images:
f4a8712d7a061bf5bd6d2ca38dc4d50a).
Validation: 5,000 of the 60,000, by seed.
"""

import sys

from benchmarks.datasets.dataset import RawArrays, Split

NAME = "fashion_mnist"
KIND = "images"
SHAPE = (28, 28, 1)
DTYPE = "uint8"
SCALE = 255.0
N_CLASSES = 10
SPLIT = Split(train=55_000, validation=5_000, test=10_000)
SHA256 = {
    "train_x": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
    "train_y": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
    "test_x": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
    "test_y": "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
}

ADDRESSES = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)


def raw_arrays() -> RawArrays:
    """The four arrays, from the user's own folder, the cache or a public address."""
    from benchmarks.datasets import download, formats

    deliveries = [
        download.at_address(address, files=formats.IDX_FILES, decode=formats.idx_part)
        for address in ADDRESSES
    ]
    return download.obtain(sys.modules[__name__], deliveries)
