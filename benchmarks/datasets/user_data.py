"""What all kinds of the user's own data share: its path, its name, its split, and whether it changed.

The file of a kind (images.py, npz.py, text.py) has the constant `KIND` and four functions; see `Source`. The
argument of each is the location, the text after the colon of `kind:location`.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from benchmarks.common.errors import Problem
from benchmarks.datasets.dataset import Facts, Kind, RawArrays, Split, division, permutation

SIZE = re.compile(r"@([0-9]{1,9})(?:x([0-9]{1,9}))?\Z")
ROLES = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}
"""What people call the folder or the arrays of each part, in lower case."""


class Loaded(NamedTuple):
    """The four raw arrays, and facts they do not show.

    `classes` are the names in the order of the labels. With a validation set of its own, the source has it
    at the end of its training arrays. `converted` says what was done to the data, a sentence for each kind;
    `contradictory_files` names files of several classes that hold the same example.
    """

    arrays: RawArrays
    classes: Sequence[object]
    scale: float
    split: Split
    own_validation: bool = False
    converted: Sequence[str] = ()
    contradictory_files: Sequence[str] = ()


class Source(Protocol):
    """One kind of the user's own data."""

    KIND: Kind

    def files(self, location: str) -> list[Path]:
        """All files from which the data is read."""

    def split(self, location: str) -> Split:
        """Numbers of training, validation and test examples, without decoding any."""

    def shape(self, location: str) -> tuple[int, ...]:
        """Shape of an example, from as little of the data as possible."""

    def load(self, location: str) -> Loaded:
        """Read and check the data and split off the test set."""


def facts(loaded: Loaded, *, name: str, kind: Kind) -> Facts:
    """The facts of the user's own data, derived from its arrays; digests are left out."""
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
        own_validation=loaded.own_validation,
    )


def check_classes(loaded: Loaded, facts: Facts) -> None:
    """Check that every class has training examples after the split.

    Raises:
        Problem: a class has none.
    """
    labels = loaded.arrays["train_y"]
    train, validation = division(facts, labels)
    parts = (labels[train], labels[validation], loaded.arrays["test_y"])
    counts = np.stack([np.bincount(part, minlength=facts.n_classes) for part in parts])
    for number in np.flatnonzero(counts[0] == 0)[:1]:
        _, n_validation, n_test = counts[:, number]
        raise Problem(
            f"{facts.name}: class {loaded.classes[number]} has no example to train on, {n_validation} for "
            f"validation and {n_test} for the test",
            fix="give more examples of it, or leave it out: the validation set is drawn by seed, and so is "
            "the test set if you give none",
        )


def slug(kind: str, location: str) -> str:
    """The name in results: the kind, the last part of the path, and the size if one is given."""
    base = SIZE.sub("", location)
    size = location[len(base) + 1 :]
    name = Path(base).expanduser().resolve().name.lower().removesuffix(".npz").removesuffix(".txt")
    parts = (re.sub(r"[^a-z0-9_]+", "-", part).strip("-") for part in (kind, name, size))
    return "-".join(part for part in parts if part)


def path_digest(location: str) -> str:
    """Eight hex digits that stand for the path itself, wherever it is named from."""
    path = Path(SIZE.sub("", location)).expanduser().resolve()
    return hashlib.sha256(str(path).encode()).hexdigest()[:8]


def existing(location: str) -> Path:
    """The path that a location names.

    Raises:
        Problem: it does not exist.
    """
    if not location:
        raise Problem("your own data needs a path", fix="write KIND:PATH, as in images:photos@32")
    try:
        path = Path(location).expanduser()
        path.stat()
    except FileNotFoundError as error:
        cause = f"data {location}: {path.absolute()} does not exist"
        sized = "; a size is written @32 or @24x32, for images alone" if "@" in location else ""
        raise Problem(cause, fix=f"correct the path in the study{sized}") from error
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        cause = f"data {location}: {Path(location).absolute()} cannot be used: {reason}"
        raise Problem(cause, fix="correct the path in the study") from error
    return path


def existing_file(location: str) -> Path:
    """The file that a location names.

    Raises:
        Problem: it does not exist, or is a folder.
    """
    if not (path := existing(location)).is_file():
        raise Problem(
            f"data {location}: {path.absolute()} is not a file", fix="give the path of the file itself"
        )
    return path


def fingerprint(files: Iterable[Path]) -> str:
    """SHA-256 (hex) of the paths, sizes and modification times of files; a link to nothing has its own."""
    digest = hashlib.sha256()
    for path in files:
        status = path.stat() if path.exists() else path.lstat()
        digest.update(os.fsencode(path) + f"\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def parted(sizes: dict[str, int], *, where: str) -> Split:
    """The sizes of the parts, if a tenth of the training examples is drawn for each that is not given.

    `sizes` are the numbers of examples of `train`, and of `validation` and `test` if the source has them.

    Raises:
        Problem: there are too few examples.
    """
    n = sizes["train"]
    if n < 10:
        raise Problem(
            f"{where} has {n} examples to train on", fix="give ten or more: a tenth is used for validation"
        )
    drawn = [part for part in ("validation", "test") if part not in sizes]
    return Split(n - n // 10 * len(drawn), *(sizes.get(part, n // 10) for part in ("validation", "test")))


def places(sizes: dict[str, int], *, n_test: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the source's training set and of its test set, among all examples in the order of `sizes`.

    `sizes` are those of `parted`. Without a test set, `n_test` of the training examples are drawn for it by
    seed.
    """
    everything = np.arange(sum(sizes.values()))
    if "test" in sizes:
        training, testing = np.split(everything, [-n_test])
        return training, testing
    testing, training = np.split(permutation(sizes["train"]), [n_test])
    return np.concatenate([training, everything[sizes["train"] :]]), testing
