"""Readers for raw data files: IDX, and pickles that hold only NumPy arrays and plain values."""

import gzip
import hashlib
import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets.dataset import RawArrays

# The four files of MNIST and of data sets in its format, and the array in each.
IDX_FILES = {
    "train-images-idx3-ubyte.gz": "train_x",
    "train-labels-idx1-ubyte.gz": "train_y",
    "t10k-images-idx3-ubyte.gz": "test_x",
    "t10k-labels-idx1-ubyte.gz": "test_y",
}
# NumPy's private function that rebuilds a pickled array, obtained in a public way.
RECONSTRUCT = np.empty(0).__reduce__()[0]
# All names that a pickled array of numbers needs; any other is refused before it is imported.
ARRAY_PARTS = {
    ("numpy.core.multiarray", "_reconstruct"): RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Refuses to import anything but the parts of an array."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ARRAY_PARTS[module, name]
        except KeyError:
            reason = f"it holds {module}.{name}, which is no array; nothing of it was executed"
            raise pickle.UnpicklingError(reason) from None


def verified(path: Path, *, sha256: str) -> bytes:
    """The content of a file with this SHA-256 (hex).

    Raises:
        ValueError: the file has another SHA-256, so it must not be decoded.
    """
    content = path.read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise ValueError(f"SHA-256 of the file: expected {sha256}, found {actual}; not decoded")
    return content


def unpickled(data: bytes) -> Any:
    """Unpickle NumPy arrays, numbers and bytes in tuples, lists and dicts; refuse anything else.

    Strings that Python 2 pickled become bytes.

    Raises:
        pickle.UnpicklingError: the pickle holds something else; nothing in it was executed.
    """
    return _ArrayUnpickler(io.BytesIO(data), encoding="bytes").load()


def idx(path: Path) -> np.ndarray:
    """The uint8 array in a gzipped IDX file (http://yann.lecun.com/exdb/mnist), in the file's shape.

    Raises:
        ValueError, EOFError, gzip.BadGzipFile, zlib.error, struct.error: it is no such file, or truncated.
    """
    content = gzip.decompress(path.read_bytes())
    zero, kind, n_dimensions = struct.unpack_from(">HBB", content)
    if (zero, kind) != (0, 8):
        raise ValueError("not an IDX file of bytes")
    shape = struct.unpack_from(f">{n_dimensions}I", content, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)


def idx_part(path: Path) -> RawArrays:
    """The array in one of `IDX_FILES`, by its name; images get an axis for their one channel.

    Raises:
        As for `idx`.
    """
    array = idx(path)
    return {IDX_FILES[path.name]: array[..., np.newaxis] if array.ndim == 3 else array}
