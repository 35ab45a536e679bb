"""One dataset's raw arrays and its facts in one uncompressed .npz, written whole or not at all."""

import json
import os
import struct
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.common.errors import Problem
from benchmarks.datasets.dataset import KEYS, Facts, RawArrays, Split

# What a damaged zip or .npy header is known to raise on its way through zipfile and NumPy.
UNREADABLE = (zipfile.BadZipFile, ValueError, KeyError, EOFError, RuntimeError, struct.error, zlib.error)


def save(facts: Facts, arrays: RawArrays, path: Path) -> None:
    """Write the arrays and the facts, which name the dataset and the digest of each array.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            np.savez(file, facts=np.array(json.dumps(asdict(facts))), **arrays)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def load(path: Path) -> tuple[Facts, RawArrays]:
    """The dataset's facts and its four raw arrays, not yet held to each other.

    Raises:
        Problem: the file is missing, truncated or damaged, or of another version.
    """
    try:
        with np.lib.npyio.NpzFile(path, allow_pickle=False) as file:
            return _facts(str(file["facts"])), {key: file[key] for key in KEYS}
    except FileNotFoundError as error:
        raise Problem(
            f"data file {path} does not exist",
            mend=f"python -m benchmarks fetch DATASET --output {path}",
        ) from error
    except (*UNREADABLE, TypeError) as error:
        raise damaged(path, error) from error


def _facts(text: str) -> Facts:
    fields = json.loads(text)
    return Facts(**{**fields, "shape": tuple(fields["shape"]), "split": Split(*fields["split"])})


def damaged(path: Path, reason: object) -> Problem:
    """A data file that must not be used, and what to do about it."""
    return Problem(f"data file {path} is damaged: {reason}", mend="delete it and run again")
