"""Datasets: one file of this package each. Adding a file adds a dataset, and nothing else is edited.

A new file `name.py` states its facts and has one function:

    NAME = "name"                         the file's name
    SHAPE = (28, 28, 1)                   of one example: height, width, channels
    DTYPE = "uint8"                       of the raw examples: an integer type; raw labels are uint8
    SCALE = 255.0                         examples are divided by it: images come into [0, 1]
    N_CLASSES = 10
    SPLIT = Split(train=…, validation=…, test=…)    train + validation = the source's training set
    SHA256 = {"train_x": …, "train_y": …, "test_x": …, "test_y": …}    dataset.array_sha256 of each

    def raw_arrays() -> RawArrays         those four arrays, [N, *SHAPE] and [N]

Whatever `raw_arrays` needs beyond NumPy it imports inside, so that facts are read without it. Files
to download go through `download.obtain`, as in mnist.py. The docstring names the source.
"""

import difflib
import importlib
import pkgutil
from pathlib import Path

from benchmarks.datasets import archive
from benchmarks.datasets.dataset import Dataset, Mismatch, Plugin, Split, check, normalised
from benchmarks.errors import Problem

_SHARED = {"archive", "dataset", "download", "formats", "transfer"}
NAMES = tuple(sorted({file.name for file in pkgutil.iter_modules(__path__)} - _SHARED))


def module(name: str) -> Plugin:
    """The plug-in of a dataset.

    Raises:
        Problem: there is none of that name.
    """
    if name not in NAMES:
        close = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise Problem(f"unknown dataset {name!r}", mend=f"{hint}known: {', '.join(NAMES)}")
    return importlib.import_module(f"{__name__}.{name}")


def split_sizes(name: str) -> Split:
    """Numbers of train, validation and test examples, known without any download."""
    return module(name).SPLIT


def store(name: str, path: Path) -> None:
    """Obtain a dataset, hold it to its digests and write it to one .npz, whole or not at all.

    Raises:
        Problem: unknown dataset, no source left, or arrays other than the facts say.
    """
    plugin = module(name)
    arrays = plugin.raw_arrays()
    try:
        check(arrays, plugin)
    except Mismatch as error:
        mend = "install the versions pinned in requirements/ and run again"
        raise Problem(f"{name} is not the dataset it should be: {error}", mend=mend) from error
    archive.save(name, arrays, path)


def read(path: Path) -> Dataset:
    """Read what `store` wrote, hold it to the digests again, scale and split it.

    Raises:
        Problem: the file is missing, truncated, damaged or altered.
    """
    name, arrays = archive.load(path)
    try:
        plugin = module(name)
        check(arrays, plugin)
    except (Problem, Mismatch) as error:
        raise archive.damaged(path, getattr(error, "cause", error)) from error
    return normalised(arrays, plugin)
