"""Readers of raw data files: IDX, and pickles that may hold NumPy arrays and nothing else."""

import gzip
import hashlib
import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

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


def pickled_arrays(path: Path, *, sha256: str) -> Any:
    """Whatever nest of arrays a gzipped pickle holds, read only if the file is the one meant.

    Raises:
        ValueError: the file's SHA-256 is another one; it was not unpickled.
        pickle.UnpicklingError: it holds more than arrays; nothing was executed.
    """
    compressed = path.read_bytes()
    found = hashlib.sha256(compressed).hexdigest()
    if found != sha256:
        raise ValueError(f"SHA-256 of the file: expected {sha256}, found {found}; not unpickled")
    return unpickled(gzip.decompress(compressed))


def unpickled(data: bytes) -> Any:
    """Unpickle NumPy arrays in tuples, lists and dicts; refuse anything else."""
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
