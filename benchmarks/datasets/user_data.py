"""What the kinds of the user's own data share: where it lies, its name, its split, whether it changed.

A file for one kind (images.py, npz.py, text.py) states its `KIND` and has four functions, each of the
text after the colon of `kind:location`: see `Source`.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from benchmarks.common.errors import Problem
from benchmarks.datasets.dataset import Facts, Kind, RawArrays, Split, division

SIZE = re.compile(r"@(\d+)(?:x(\d+))?$")


class Loaded(NamedTuple):
    """The four raw arrays, and what is not to be seen from them; `classes` in the order of their numbers."""

    arrays: RawArrays
    classes: Sequence[object]
    scale: float
    split: Split


class Source(Protocol):
    """One kind of the user's own data."""

    KIND: Kind

    def files(self, location: str) -> list[Path]:
        """All files that the data is read from."""

    def split(self, location: str) -> Split:
        """Numbers of examples, without decoding any."""

    def shape(self, location: str) -> tuple[int, ...]:
        """Shape of an example, read off as little as tells it."""

    def load(self, location: str) -> Loaded:
        """Read, check and split off the test set."""


def facts(loaded: Loaded, *, name: str, kind: Kind) -> Facts:
    """The facts of data that nobody stated before: they are read off the arrays, digests excepted."""
    examples = loaded.arrays["train_x"]
    return Facts(
        name=name,
        kind=kind,
        shape=examples.shape[1:],
        dtype=examples.dtype.name,
        scale=loaded.scale,
        n_classes=len(loaded.classes),
        split=loaded.split,
        sha256={},
    )


def check_classes(loaded: Loaded, facts: Facts) -> None:
    """Insist that every class is trained on, whatever was drawn for validation and for the test.

    Raises:
        Problem: nothing of a class is left to train on.
    """
    train, validation = division(facts)
    labels = loaded.arrays["train_y"]
    parts = (labels[train], labels[validation], loaded.arrays["test_y"])
    counts = np.stack([np.bincount(part, minlength=facts.n_classes) for part in parts])
    for number in np.flatnonzero(counts[0] == 0)[:1]:
        _, n_validation, n_test = counts[:, number]
        raise Problem(
            f"{facts.name}: class {loaded.classes[number]} has no example to train on, {n_validation} for "
            f"validation and {n_test} for the test",
            fix="give more examples of it, or leave it out: what validates is drawn by seed, and so is what "
            "tests unless it is given apart",
        )


def slug(kind: str, location: str) -> str:
    """Name for results: the kind, the last part of the path, and the size if one is given."""
    base = SIZE.sub("", location)
    size = location[len(base) + 1 :]
    name = Path(base).expanduser().resolve().name.lower().removesuffix(".npz").removesuffix(".txt")
    parts = (re.sub(r"[^a-z0-9_]+", "-", part).strip("-") for part in (kind, name, size))
    return "-".join(part for part in parts if part)


def existing(location: str) -> Path:
    """The path that a location names.

    Raises:
        Problem: there is nothing.
    """
    if not location:
        raise Problem("data of your own without a path", fix="write KIND:PATH, as in images:photos@32")
    path = Path(location).expanduser()
    if not path.exists():
        raise Problem(
            f"data {location}: {path.absolute()} does not exist", fix="correct the path in the study"
        )
    return path


def existing_file(location: str) -> Path:
    """The file that a location names.

    Raises:
        Problem: there is none, or a folder.
    """
    if not (path := existing(location)).is_file():
        raise Problem(f"data {location}: {path.absolute()} is not a file", fix="name the file itself")
    return path


def fingerprint(files: Iterable[Path]) -> str:
    """SHA-256 (hex) of the files' paths, sizes and times of change."""
    digest = hashlib.sha256()
    for path in files:
        status = path.stat()
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def tenths(n: int, *, n_test: int | None, where: str) -> Split:
    """A tenth of `n` examples validates; another tenth of them tests unless the test set is apart.

    Raises:
        Problem: too few for that.
    """
    if n < 10:
        raise Problem(
            f"{where} has {n} examples to train on", fix="a tenth of them validates: give ten or more"
        )
    tenth = n // 10
    return Split(n - 2 * tenth, tenth, tenth) if n_test is None else Split(n - tenth, tenth, n_test)
