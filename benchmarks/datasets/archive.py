"""One dataset's raw arrays in one uncompressed .npz, written whole or not at all."""

import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from benchmarks.datasets.dataset import KEYS, RawArrays
from benchmarks.errors import Problem

# What a damaged zip or .npy header is known to raise on its way through zipfile and NumPy.
UNREADABLE = (zipfile.BadZipFile, ValueError, KeyError, EOFError, RuntimeError, struct.error, zlib.error)


def save(name: str, arrays: RawArrays, path: Path) -> None:
    """Write the arrays and the dataset's name.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            np.savez(file, name=np.array(name), **arrays)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def load(path: Path) -> tuple[str, RawArrays]:
    """The dataset's name and its four raw arrays, not yet held to their digests.

    Raises:
        Problem: the file is missing, truncated or damaged.
    """
    try:
        with np.lib.npyio.NpzFile(path, allow_pickle=False) as file:
            return str(file["name"]), {key: file[key] for key in KEYS}
    except FileNotFoundError as error:
        raise Problem(
            f"data file {path} does not exist",
            mend=f"python -m benchmarks.fetch NAME --output {path}",
        ) from error
    except UNREADABLE as error:
        raise damaged(path, error) from error


def damaged(path: Path, reason: object) -> Problem:
    """A data file that must not be used, and what to do about it."""
    return Problem(f"data file {path} is damaged: {reason}", mend="delete it and run again")
