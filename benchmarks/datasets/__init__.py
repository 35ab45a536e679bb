"""Datasets: built-in ones, one file of this package each, and the user's own, one file for each kind.

Adding a file adds a built-in dataset, and nothing else is edited. It states its facts and has one function:

    NAME = "name"                         the file's name
    KIND = "images"                       or "tokens": text, as numbers of characters
    SHAPE = (28, 28, 1)                   of one example: height, width, channels; (T,) for tokens
    DTYPE = "uint8"                       of the raw examples: an integer type; raw labels are uint8
    SCALE = 255.0                         images are divided by it, into [0, 1]; tokens stay as they are
    N_CLASSES = 10                        or the size of the vocabulary
    SPLIT = Split(train=…, validation=…, test=…)    train + validation = the source's training set
    SHA256 = {"train_x": …, "train_y": …, "test_x": …, "test_y": …}    dataset.array_sha256 of each,
                                          or {} where the digest of the file itself is held instead

    def raw_arrays() -> RawArrays         those four arrays, [N, *SHAPE] and [N], or twice [N, T]

Whatever `raw_arrays` needs beyond NumPy it imports inside, so that facts are read without it. Files
to download go through `download.obtain`, as in mnist.py. The docstring names the source.

The user's own data is named `KIND:PATH`, as in `images:photos@32`; user_data.py says what its files have.
"""

import difflib
import functools
import importlib
import pkgutil
from dataclasses import replace
from pathlib import Path

from benchmarks.common.errors import Problem
from benchmarks.datasets import dataset, user_data
from benchmarks.datasets.dataset import (
    Dataset,
    Facts,
    Kind,
    Mismatch,
    Plugin,
    Split,
    check,
    normalised,
    same,
    stated,
    with_digests,
)

SOURCES = ("images", "npz", "text")
_SHARED = {"cifar", "dataset", "download", "formats", "user_data"}
NAMES = tuple(sorted({file.name for file in pkgutil.iter_modules(__path__)} - _SHARED - {*SOURCES}))


def module_name(source: str) -> str:
    """The module behind a dataset, built-in or the user's own.

    Raises:
        Problem: there is none of that name.
    """
    prefix, colon, path = source.partition(":")
    if source in NAMES or (prefix in SOURCES and path):
        return f"{__name__}.{prefix}"
    known = [*NAMES, *(f"{kind}:PATH" for kind in SOURCES)]
    if prefix in SOURCES:
        raise Problem(f"dataset {source!r} names no path", fix=f"write {prefix}:PATH")
    close = difflib.get_close_matches(prefix, SOURCES if colon else NAMES, n=1)
    hint = f"did you mean {close[0]}{colon}{path}? " if close else ""
    raise Problem(f"unknown dataset {source!r}", fix=f"{hint}known: {', '.join(known)}")


def module(name: str) -> Plugin:
    """The plug-in of a built-in dataset.

    Raises:
        Problem: there is none of that name.
    """
    return importlib.import_module(module_name(name))


def _user_data(source: str) -> tuple[user_data.Source, str]:
    """The module and the location of the user's own data."""
    return importlib.import_module(module_name(source)), source.partition(":")[2]


def slug(source: str) -> str:
    """The dataset's name in results and files: [a-z0-9_-] only, `images-my-photos-32` for instance.

    Raises:
        Problem: there is no such dataset.
    """
    module_name(source)
    prefix, _, location = source.partition(":")
    return user_data.slug(prefix, location) if location else source


def kind(source: str) -> Kind:
    """Whether the examples are images or tokens."""
    return importlib.import_module(module_name(source)).KIND


def shape(source: str) -> tuple[int, ...]:
    """Shape of one example: height, width, channels, or the positions of a text.

    Raises:
        Problem: unknown dataset, or data of the user's own that cannot be trained on.
    """
    if source in NAMES:
        return module(source).SHAPE
    plugin, location = _user_data(source)
    return plugin.shape(location)


@functools.cache
def split_sizes(source: str) -> Split:
    """Numbers of train, validation and test examples, known without any download or decoding.

    Of the user's own data it is what was found when this process first asked.

    Raises:
        Problem: unknown dataset, or a path where the user's own data is not.
    """
    if source in NAMES:
        return module(source).SPLIT
    plugin, location = _user_data(source)
    return plugin.split(location)


def fingerprint(source: str) -> str:
    """Changes when the user's own data does: from names, sizes and times of its files. "" for built-in."""
    if source in NAMES:
        return ""
    plugin, location = _user_data(source)
    return user_data.fingerprint(plugin.files(location))


def store(source: str, path: Path) -> None:
    """Obtain a dataset, hold it to its facts and write it to one .npz, whole or not at all.

    Raises:
        Problem: unknown dataset, no source left, arrays other than the facts say, or data of the
            user's own that cannot be trained on.
    """
    facts, arrays = _built_in(source) if source in NAMES else _users(source)
    dataset.save(with_digests(facts, arrays), arrays, path)


def _built_in(name: str) -> tuple[Facts, user_data.RawArrays]:
    plugin = module(name)
    facts, arrays = stated(plugin), plugin.raw_arrays()
    try:
        check(arrays, facts)
    except Mismatch as error:
        fix = "install the versions pinned in requirements/ and run again"
        raise Problem(f"{name} is not the dataset it should be: {error}", fix=fix) from error
    return facts, arrays


def _users(source: str) -> tuple[Facts, user_data.RawArrays]:
    plugin, location = _user_data(source)
    loaded = plugin.load(location)
    facts = user_data.facts(loaded, name=slug(source), kind=plugin.KIND)
    if facts.kind == "images":  # a character may well occur once in a text
        user_data.check_classes(loaded, facts)
    return facts, loaded.arrays


def read(path: Path) -> Dataset:
    """Read what `store` wrote, hold it to its digests again, scale and split it.

    Raises:
        Problem: the file is missing, truncated, damaged or altered, or no longer what a built-in
            dataset's facts say.
    """
    facts, arrays = dataset.load(path)
    try:
        _hold_to_stated(facts)
        check(arrays, facts)
    except (Problem, Mismatch) as error:
        raise dataset.damaged(path, getattr(error, "cause", error)) from error
    return normalised(arrays, facts)


def _hold_to_stated(facts: Facts) -> None:
    """Hold the facts in a file to those of the built-in dataset that it names."""
    if facts.name.partition("-")[0] in SOURCES:
        return
    expected = stated(module(facts.name))
    same("facts", expected=replace(expected, sha256=expected.sha256 or facts.sha256), found=facts)
