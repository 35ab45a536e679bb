"""What CIFAR-10 and CIFAR-100 share: a tar archive of pickles, with images stored channel by channel."""

import functools
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.datasets import download, formats
from benchmarks.datasets.dataset import Plugin, RawArrays

# The first address has redirected to the second since the department moved its pages.
ADDRESSES = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")


class Archive(NamedTuple):
    """An archive: its file name, its SHA-256 (hex), the pickles inside, and the key of the labels in them."""

    name: str
    sha256: str
    train: tuple[str, ...]
    test: str
    labels: bytes


def raw_arrays(plugin: Plugin, archive: Archive) -> RawArrays:
    """The four arrays, from the user's own folder, the cache or a public address."""
    decode = functools.partial(decoded, archive=archive)
    deliveries = [download.at_address(address, files=[archive.name], decode=decode) for address in ADDRESSES]
    return download.obtain(plugin, deliveries)


def decoded(path: Path, *, archive: Archive) -> RawArrays:
    """The four arrays of an archive: images uint8 [N, 32, 32, 3], labels uint8 [N].

    Raises:
        ValueError: the file has another SHA-256; it was not unpickled.
        pickle.UnpicklingError: a pickle holds more than arrays; nothing in it was executed.
    """
    content = formats.verified(path, sha256=archive.sha256)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        train_x, train_y = _batches(tar, archive.train, labels=archive.labels)
        test_x, test_y = _batches(tar, [archive.test], labels=archive.labels)
    return {"train_x": train_x, "train_y": train_y, "test_x": test_x, "test_y": test_y}


def _batches(tar: tarfile.TarFile, members: Sequence[str], *, labels: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [N, 32, 32, 3] and labels uint8 [N] of several pickles, concatenated."""
    batches = [formats.unpickled(tar.extractfile(member).read()) for member in members]
    channels_first = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, 3, 32, 32)
    # A copy in C order, which digests and files need.
    images = np.ascontiguousarray(channels_first.transpose(0, 2, 3, 1))
    return images, np.concatenate([batch[labels] for batch in batches]).astype(np.uint8)
