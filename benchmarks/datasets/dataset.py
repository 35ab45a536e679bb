"""What a dataset is: integer arrays held to their digests, then scaled and split by seed."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

# Part of every result: another seed makes another validation set.
SPLIT_SEED = 20160915

RawArrays = dict[str, np.ndarray]
KEYS = ("train_x", "train_y", "test_x", "test_y")


class Split(NamedTuple):
    """Numbers of examples; train and validation together are the source's training set."""

    train: int
    validation: int
    test: int


class Plugin(Protocol):
    """What a plug-in file states and does; the package's docstring explains each."""

    NAME: str
    SHAPE: tuple[int, int, int]
    DTYPE: str
    SCALE: float
    N_CLASSES: int
    SPLIT: Split
    SHA256: dict[str, str]

    def raw_arrays(self) -> RawArrays:
        """The four arrays of the source, before scaling and splitting."""


class Mismatch(ValueError):
    """An array is not the one that its dataset's facts describe."""


@dataclass(frozen=True)
class Dataset:
    """One dataset, ready to train on.

    `*_x` are float32 [N, H, W, C], channels last; `*_y` are int32 [N], classes 0 to
    `n_classes` - 1. `sha256` stands for all four raw arrays.
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


def permutation(n: int) -> np.ndarray:
    """The order in which `n` examples are split, the same on every machine and NumPy version."""
    # RandomState is frozen by NumPy's compatibility policy; the stream of a Generator may change.
    return np.random.RandomState(SPLIT_SEED).permutation(n)


def array_sha256(array: np.ndarray) -> str:
    """SHA-256 (hex) of an array's values in C order."""
    return hashlib.sha256(np.ascontiguousarray(array)).hexdigest()


def dataset_sha256(facts: Plugin) -> str:
    """One SHA-256 (hex) for all four raw arrays: that of their digests, one a line."""
    return hashlib.sha256("\n".join(facts.SHA256[key] for key in KEYS).encode()).hexdigest()


def check(arrays: RawArrays, facts: Plugin) -> None:
    """Hold raw arrays, all four or some of them, to what the facts say.

    Raises:
        Mismatch: a type, shape or digest differs; says which, expected and found.
    """
    for key, array in arrays.items():
        n = facts.SPLIT.test if key.startswith("test") else facts.SPLIT.train + facts.SPLIT.validation
        form = ("uint8", (n,)) if key.endswith("_y") else (facts.DTYPE, (n, *facts.SHAPE))
        _same(f"type and shape of {key}", expected=form, found=(array.dtype.name, array.shape))
        _same(f"SHA-256 of {key}", expected=facts.SHA256[key], found=array_sha256(array))


def _same(what: str, *, expected: object, found: object) -> None:
    if found != expected:
        raise Mismatch(f"{what}: expected {expected}, found {found}")


def normalised(arrays: RawArrays, facts: Plugin) -> Dataset:
    """Scale the four raw arrays and split the validation set off the training set."""
    order = permutation(len(arrays["train_y"]))
    train, validation = order[: facts.SPLIT.train], order[facts.SPLIT.train :]
    return Dataset(
        name=facts.NAME,
        n_classes=facts.N_CLASSES,
        sha256=dataset_sha256(facts),
        train_x=_scaled(arrays["train_x"][train], facts.SCALE),
        train_y=arrays["train_y"][train].astype(np.int32),
        validation_x=_scaled(arrays["train_x"][validation], facts.SCALE),
        validation_y=arrays["train_y"][validation].astype(np.int32),
        test_x=_scaled(arrays["test_x"], facts.SCALE),
        test_y=arrays["test_y"].astype(np.int32),
    )


def _scaled(raw: np.ndarray, scale: float) -> np.ndarray:
    return np.divide(raw, scale, dtype=np.float32)
