"""What CIFAR-10 and CIFAR-100 share: one tar archive of pickles, images stored channel after channel."""

import functools
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.datasets import download, formats
from benchmarks.datasets.dataset import Plugin, RawArrays

# The second is where the first has pointed since the department moved its pages.
ADDRESSES = ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/")


class Archive(NamedTuple):
    """One such file: its name and SHA-256 (hex), the pickles in it, and the key of their labels."""

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
        ValueError: the file is not the one meant; it was not unpickled.
        pickle.UnpicklingError: it holds more than arrays; nothing was executed.
    """
    content = formats.verified(path, sha256=archive.sha256)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        train_x, train_y = _batches(tar, archive.train, labels=archive.labels)
        test_x, test_y = _batches(tar, [archive.test], labels=archive.labels)
    return {"train_x": train_x, "train_y": train_y, "test_x": test_x, "test_y": test_y}


def _batches(tar: tarfile.TarFile, members: Sequence[str], *, labels: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of some pickles, one after another."""
    batches = [formats.unpickled(tar.extractfile(member).read()) for member in members]
    planes = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, 3, 32, 32)
    # A copy, since digests and files are of C order.
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return images, np.concatenate([batch[labels] for batch in batches]).astype(np.uint8)
