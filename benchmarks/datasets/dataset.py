"""Data sets: raw arrays with facts that they are checked against, stored in one file, scaled and split."""

import functools
import hashlib
import json
import os
import struct
import zipfile
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np

from benchmarks.common.errors import Problem
from benchmarks.datasets.part import WHOLE, Part, chosen

# Part of every result: another seed would give another validation set.
SPLIT_SEED = 20160915

Kind = Literal["images", "tokens"]
RawArrays = dict[str, np.ndarray]
KEYS = ("train_x", "train_y", "test_x", "test_y")


class Split(NamedTuple):
    """Numbers of examples; train and validation together are the source's training set."""

    train: int
    validation: int
    test: int


class Plugin(Protocol):
    """The contents of a data set's module; the docstring of the package explains them."""

    NAME: str
    KIND: Kind
    SHAPE: tuple[int, ...]
    DTYPE: str
    SCALE: float
    N_CLASSES: int
    SPLIT: Split
    SHA256: dict[str, str]

    def raw_arrays(self) -> RawArrays:
        """The four arrays of the source, before scaling and splitting."""


class Mismatch(ValueError):
    """An array differs from what the facts of its data set say."""


@dataclass(frozen=True)
class Facts:
    """What is known about the raw arrays of a data set, which are stored with it and checked against it.

    The fields are those of a data set's module. `sha256` lacks the digests that are not known beforehand.
    With `own_validation`, the source has a validation set, which is the end of the training arrays. A `part`
    of a training set leaves `left_out` of its examples out.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    dtype: str
    scale: float
    n_classes: int
    split: Split
    sha256: dict[str, str]
    own_validation: bool = False
    part: Part = WHOLE
    left_out: int = 0

    @property
    def n_source(self) -> int:
        """Examples of the source's training set: those for training, for validation, and those left out."""
        return self.split.train + self.left_out + self.split.validation

    @property
    def complete_sha256(self) -> str:
        """One SHA-256 (hex) for all four raw arrays: the digest of their four digests."""
        return hashlib.sha256("\n".join(self.sha256[key] for key in KEYS).encode()).hexdigest()

    def type_and_shape(self, key: str) -> tuple[str, tuple[int, ...]]:
        """Type and shape that one of the four arrays must have."""
        n = self.split.test if key.startswith("test") else self.n_source
        if key.endswith("_x"):
            return self.dtype, (n, *self.shape)
        label = self.shape if self.kind == "tokens" else ()
        return integers_for(self.n_classes), (n, *label)


@dataclass(frozen=True)
class Dataset:
    """A data set, scaled and split.

    For images, `*_x` are float32 [N, H, W, C], and `*_y` are int32 [N], classes from 0 to `n_classes` - 1.
    For text, `*_x` are int32 tokens [N, T], and `*_y` int32 [N, T] are the token that follows each of them;
    `n_classes` is the size of the vocabulary. `sha256` is one digest for all raw arrays.
    """

    name: str
    n_classes: int
    sha256: str
    train_x: np.ndarray
    train_y: np.ndarray
    validation_x: np.ndarray
    validation_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of everything that a training sees: all arrays as they are scaled and split."""
        total = hashlib.sha256(str(self.n_classes).encode())
        for name in ("train_x", "train_y", "validation_x", "validation_y", "test_x", "test_y"):
            array = np.ascontiguousarray(getattr(self, name))
            total.update(f"{name} {array.dtype} {array.shape}".encode())
            total.update(array)
        return total.hexdigest()


def stated(plugin: Plugin) -> Facts:
    """The facts in the module of a built-in data set."""
    return Facts(
        name=plugin.NAME,
        kind=plugin.KIND,
        shape=tuple(plugin.SHAPE),
        dtype=plugin.DTYPE,
        scale=plugin.SCALE,
        n_classes=plugin.N_CLASSES,
        split=plugin.SPLIT,
        sha256=dict(plugin.SHA256),
    )


def with_digests(facts: Facts, arrays: RawArrays) -> Facts:
    """The facts with the digests of these four arrays added where they were missing."""
    return replace(facts, sha256={key: facts.sha256.get(key) or array_sha256(arrays[key]) for key in KEYS})


def integers_for(n_classes: int) -> str:
    """The smallest unsigned integer type for classes 0 to `n_classes` - 1, which raw labels have."""
    return np.min_scalar_type(n_classes - 1).name


def permutation(n: int) -> np.ndarray:
    """The random order in which `n` examples are split, the same on every machine and NumPy version."""
    # NumPy guarantees that RandomState never changes; the numbers of a Generator may.
    return np.random.RandomState(SPLIT_SEED).permutation(n)


def array_sha256(array: np.ndarray) -> str:
    """SHA-256 (hex) of the bytes of an array in C order."""
    return hashlib.sha256(np.ascontiguousarray(array)).hexdigest()


def check(arrays: RawArrays, facts: Facts) -> None:
    """Check raw arrays, all four or some of them, against the facts.

    Raises:
        Mismatch: a type, shape or digest differs; the message has the expected and the actual one.
    """
    for key, array in arrays.items():
        actual = (array.dtype.name, array.shape)
        same(f"type and shape of {key}", expected=facts.type_and_shape(key), found=actual)
        if key in facts.sha256:
            same(f"SHA-256 of {key}", expected=facts.sha256[key], found=array_sha256(array))


def same(what: str, *, expected: object, found: object) -> None:
    """Check that two values are equal.

    Raises:
        Mismatch: they differ; the message names them with `what`.
    """
    if found != expected:
        raise Mismatch(f"{what}: expected {expected}, found {found}")


def taken(facts: Facts, part: Part) -> Facts:
    """The facts of a part of the data set, from those of the whole.

    Raises:
        Problem: it has no such part.
    """
    n_training = facts.split.train
    n_kept = part.n_kept(n_training, facts.n_classes if facts.kind == "images" else None)
    name, split = facts.name + part.slug, facts.split._replace(train=n_kept)
    return replace(facts, name=name, split=split, part=part, left_out=n_training - n_kept)


def division(facts: Facts, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the source's training set, with these labels: those for training, and for validation.

    Images are split at random, unless the source has a validation set of its own, which comes last. Text is
    split in its order: otherwise the model would be trained on windows next to those that it is validated
    on, which share words with them. A part of images is drawn at random in any case.
    """
    in_order = facts.kind == "tokens" or facts.own_validation
    order = np.arange(facts.n_source) if in_order else permutation(facts.n_source)
    training, validation = np.split(order, [facts.n_source - facts.split.validation])
    # In a user's files one class may follow another, so that their first examples would be of a few classes.
    if facts.own_validation and facts.kind == "images" and facts.part != WHOLE:
        training = training[permutation(len(training))]
    kept = chosen(labels[training], facts.part, n_kept=facts.split.train, n_classes=facts.n_classes)
    return training[kept], validation


def normalised(arrays: RawArrays, facts: Facts) -> Dataset:
    """The data set: the raw arrays scaled, and the validation set split off from the training set."""
    train, validation = division(facts, arrays["train_y"])
    return Dataset(
        name=facts.name,
        n_classes=facts.n_classes,
        sha256=facts.complete_sha256,
        train_x=_scaled(arrays["train_x"][train], facts),
        train_y=arrays["train_y"][train].astype(np.int32),
        validation_x=_scaled(arrays["train_x"][validation], facts),
        validation_y=arrays["train_y"][validation].astype(np.int32),
        test_x=_scaled(arrays["test_x"], facts),
        test_y=arrays["test_y"].astype(np.int32),
    )


def _scaled(raw: np.ndarray, facts: Facts) -> np.ndarray:
    if facts.kind == "tokens":
        return raw.astype(np.int32)
    return np.divide(raw, facts.scale, dtype=np.float32)


# The errors that zipfile and NumPy raise for a damaged zip file or .npy header.
UNREADABLE = (zipfile.BadZipFile, ValueError, KeyError, EOFError, RuntimeError, struct.error, zlib.error)


def save(facts: Facts, arrays: RawArrays, path: Path) -> None:
    """Write the arrays and the facts to a file, whole or not at all.

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
    """The facts and the four raw arrays in a file; they are not yet checked against each other.

    Raises:
        Problem: the file is missing, truncated or damaged, or of another version.
    """
    try:
        with np.lib.npyio.NpzFile(path, allow_pickle=False) as file:
            return _facts(str(file["facts"])), {key: file[key] for key in KEYS}
    except FileNotFoundError as error:
        raise Problem(
            f"data file {path} does not exist",
            fix=f"python -m benchmarks fetch DATASET --output {path}",
        ) from error
    except (*UNREADABLE, TypeError) as error:
        raise damaged(path, error) from error


def _facts(text: str) -> Facts:
    fields = json.loads(text)
    tuples = {"shape": tuple(fields["shape"]), "split": Split(*fields["split"])}
    return Facts(**fields | tuples | {"part": Part(*fields.get("part", WHOLE))})


def damaged(path: Path, reason: object) -> Problem:
    """The problem of a data file that must not be used."""
    return Problem(f"data file {path} is damaged: {reason}", fix="delete it and run again")
