"""Readers of raw data files: IDX, and pickles of NumPy arrays and plain values, nothing else."""

import gzip
import hashlib
import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets.dataset import RawArrays

# The four files of MNIST and of what keeps its format, and the array that each holds.
IDX_FILES = {
    "train-images-idx3-ubyte.gz": "train_x",
    "train-labels-idx1-ubyte.gz": "train_y",
    "t10k-images-idx3-ubyte.gz": "test_x",
    "t10k-labels-idx1-ubyte.gz": "test_y",
}
# NumPy's own function for it, by the public way: how an array says that it is to be pickled.
RECONSTRUCT = np.empty(0).__reduce__()[0]
# All that a pickled array of numbers needs; every other name is refused before it is imported.
ARRAY_PARTS = {
    ("numpy.core.multiarray", "_reconstruct"): RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ARRAY_PARTS[module, name]
        except KeyError:
            reason = f"it holds {module}.{name}, which is no array: nothing of it was executed"
            raise pickle.UnpicklingError(reason) from None


def verified(path: Path, *, sha256: str) -> bytes:
    """The content of a file, if the file is the one meant.

    Raises:
        ValueError: its SHA-256 is another one; it must not be decoded.
    """
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"SHA-256 of the file: expected {sha256}, found {found}; not decoded")
    return content


def unpickled(data: bytes) -> Any:
    """Unpickle NumPy arrays, numbers and bytes in tuples, lists and dicts; refuse anything else.

    Text of Python 2 comes as bytes.

    Raises:
        pickle.UnpicklingError: there is more in it; nothing was executed.
    """
    return _ArrayUnpickler(io.BytesIO(data), encoding="bytes").load()


def idx(path: Path) -> np.ndarray:
    """The uint8 array of a gzipped IDX file (http://yann.lecun.com/exdb/mnist), in its own shape.

    Raises:
        ValueError, EOFError, gzip.BadGzipFile, zlib.error, struct.error: not such a file, or cut off.
    """
    content = gzip.decompress(path.read_bytes())
    zero, kind, n_dimensions = struct.unpack_from(">HBB", content)
    if (zero, kind) != (0, 8):
        raise ValueError("not an IDX file of bytes")
    shape = struct.unpack_from(f">{n_dimensions}I", content, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)


def idx_part(path: Path) -> RawArrays:
    """One of the four arrays from one of `IDX_FILES`, grey images with their one channel.

    Raises:
        As `idx`.
    """
    array = idx(path)
    return {IDX_FILES[path.name]: array[..., np.newaxis] if array.ndim == 3 else array}
