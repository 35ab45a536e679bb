"""MNIST-1D: 5,000 signals of 40 samples in ten classes, generated on this machine (no network).

Source: S. Greydanus, D. Kobak, "Scaling down deep learning with MNIST-1D" (2024, arXiv 2011.14439),
package `mnist1d` with its default arguments and seed. Examples have the shape [40, 1, 1], so that models for
images can be used. The values are standardised floats, whose last bits may differ between machines. So they
are rounded to multiples of 1/4096 (in units of the standard deviation of the signals), and the digests are
those of the rounded values. A change of any value by 1e-6 of such a multiple would not change its rounding.
"""

import contextlib
import random
from collections.abc import Iterator

import numpy as np

from benchmarks.datasets.dataset import RawArrays, Split

NAME = "mnist1d"
KIND = "images"
SHAPE = (40, 1, 1)
DTYPE = "int16"
SCALE = 4096.0
N_CLASSES = 10
SPLIT = Split(train=3_500, validation=500, test=1_000)
SHA256 = {
    "train_x": "b596ec401911a8764d0e109d4969c7f85025d02c1ba0766b2b7c484fc265ed26",
    "train_y": "6e13c7aab5f831266ec59efd193e310c511faefd71cfc5d39427c20337df4dc6",
    "test_x": "35c63ef6aa80c95f9d38d7d1673f9036ed6193c4e7df08e86fe93e7d2dceeec4",
    "test_y": "9486539f99fcca7dc5923aba4d0cb5b7963f8e8e1f74398ca33a64ccb3b5b654",
}


def raw_arrays() -> RawArrays:
    """The four arrays in the generator's own split, 4,000 and 1,000."""
    from mnist1d.data import get_dataset_args, make_dataset

    with _global_random_state_kept():
        generated = make_dataset(get_dataset_args())
    return {
        "train_x": _rounded(generated["x"]),
        "train_y": generated["y"].astype(np.uint8),
        "test_x": _rounded(generated["x_test"]),
        "test_y": generated["y_test"].astype(np.uint8),
    }


def _rounded(signals: np.ndarray) -> np.ndarray:
    return np.rint(signals * SCALE).astype("<i2").reshape(-1, *SHAPE)


@contextlib.contextmanager
def _global_random_state_kept() -> Iterator[None]:
    """Restore NumPy's and Python's global random states, which the generator of the data seeds."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
