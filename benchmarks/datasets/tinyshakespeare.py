"""Tiny Shakespeare: 1,115,394 characters from his plays, 65 of them different, for models of text.

Source: A. Karpathy, "The Unreasonable Effectiveness of Recurrent Neural Networks" (2015), repository
char-rnn. What is checked: the SHA-256 of the file and of the decoded arrays. Examples are windows of 64
characters, split in their order as in text.py: the end of the file is for validation and test.
"""

import sys
from pathlib import Path

from benchmarks.datasets.dataset import RawArrays, Split

NAME = "tinyshakespeare"
KIND = "tokens"
SHAPE = (64,)
DTYPE = "uint8"
SCALE = 1.0
N_CLASSES = 65
SPLIT = Split(train=15_686, validation=871, test=871)
SHA256 = {
    "train_x": "6a7ce24b15036053679fa915c04c97d5b2f4bfe63b1f42d766567d9c207cc2b0",
    "train_y": "7f138392335315a72f3d7701f542c8fffc8b91bffa05d1e44e3933b00656b91c",
    "test_x": "dcc8506be1ace5ed35087697b3729be5730d65ebce4a52a2e4aca2add90a0b22",
    "test_y": "c2bb15ec5f3cd9693b9d9fdd71618093d0fb52286b87c1ea06387bf6532a25c7",
}

ADDRESS = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
FILE = "tinyshakespeare.txt"
FILE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def raw_arrays() -> RawArrays:
    """The four arrays, from the user's own folder, the cache or the public address."""
    from benchmarks.datasets import download, transfer

    public = download.Delivery(
        origin=f"public address {ADDRESS}",
        files=(FILE,),
        fetch=lambda path: transfer.from_address(ADDRESS, path),
        decode=_windows,
    )
    return download.obtain(sys.modules[__name__], [public])


def _windows(path: Path) -> RawArrays:
    from benchmarks.datasets import formats, text

    content = formats.verified(path, sha256=FILE_SHA256)
    arrays, _ = text.windows(content.decode(), n_test=SPLIT.test)
    return arrays
