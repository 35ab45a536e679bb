"""Digits: 1,797 handwritten digits of 8 by 8 values from 0 to 16, part of scikit-learn (no network).

Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository (1998), of which this is the test part. It is not split: 360 test examples are drawn from it by
seed, then 180 validation examples. So training and test share writers, which makes the test easier.
"""

import numpy as np

from benchmarks.datasets.dataset import RawArrays, Split, permutation

NAME = "digits"
KIND = "images"
SHAPE = (8, 8, 1)
DTYPE = "uint8"
SCALE = 16.0
N_CLASSES = 10
SPLIT = Split(train=1_257, validation=180, test=360)
SHA256 = {
    "train_x": "39a311fb57293bd97c8e80a702f42a25108f0ef09bed678d1e2d074b529617f0",
    "train_y": "456ed60a0a220b90cb968334cf20289a22363e828226b242c293a77576a64b82",
    "test_x": "a8f6e8eb810c49e3591fd3f3a9ac6ea35bbd10d58d2b6efd9bff36235eef81de",
    "test_y": "460645ee81cd3be55940cc7e2785ae6f44ae61a93a5c174e79a71443d5b04521",
}


def raw_arrays() -> RawArrays:
    """The four arrays, with the test set drawn by seed."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = bunch.images.astype(np.uint8)[..., np.newaxis], bunch.target.astype(np.uint8)
    test, train = np.split(permutation(len(labels)), [SPLIT.test])
    return {
        "train_x": images[train],
        "train_y": labels[train],
        "test_x": images[test],
        "test_y": labels[test],
    }
