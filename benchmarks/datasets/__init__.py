"""Data sets: built-in ones, with one file for each, and the user's own, with one file for each kind.

To add a built-in data set, add a file here; nothing else changes. It has these facts and one function:

    NAME = "name"                         the file's name
    KIND = "images"                       or "tokens" for text, with one number for each character
    SHAPE = (28, 28, 1)                   of one example: height, width, channels; (T,) for tokens
    DTYPE = "uint8"                       of the raw examples, an integer type; raw labels are uint8
    SCALE = 255.0                         images are divided by it; tokens are not scaled
    N_CLASSES = 10                        or the size of the vocabulary
    SPLIT = Split(train=…, validation=…, test=…)    train + validation = the source's training set
    SHA256 = {"train_x": …, "train_y": …, "test_x": …, "test_y": …}    dataset.array_sha256 of each,
                                          or {} if the digest of the downloaded file is checked instead

    def raw_arrays() -> RawArrays         these four arrays: examples [N, *SHAPE] and labels [N] or [N, T]

`raw_arrays` imports whatever it needs besides NumPy itself, so that the facts can be read without it. Files
are downloaded by `download.obtain`, as in mnist.py. The docstring names the source of the data.

The user's own data is named `KIND:PATH`, as in `images:photos@32`; see user_data.py for these files. A part
of a training set is named behind either, as in `mnist/fraction=0.25`; see part.py.
"""

import difflib
import functools
import hashlib
import importlib
import pkgutil
from dataclasses import replace
from pathlib import Path

from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.common.provenance import code_digest
from benchmarks.datasets import dataset, user_data
from benchmarks.datasets.card import Card, card
from benchmarks.datasets.dataset import (
    Dataset,
    Facts,
    Kind,
    Mismatch,
    Plugin,
    RawArrays,
    Split,
    check,
    normalised,
    same,
    stated,
    taken,
    with_digests,
)
from benchmarks.datasets.part import WHOLE, named, of_slug

SOURCES = ("images", "npz", "text")
_SHARED = {"card", "cifar", "dataset", "download", "formats", "image_files", "part", "transfer", "user_data"}
NAMES = tuple(sorted({file.name for file in pkgutil.iter_modules(__path__)} - _SHARED - {*SOURCES}))


def module_name(source: str) -> str:
    """The name of the module of a data set, built-in or the user's own.

    Raises:
        Problem: there is no data set of that name.
    """
    source = named(source)[0]
    prefix, colon, path = source.partition(":")
    if source in NAMES or (prefix in SOURCES and path):
        return f"{__name__}.{prefix}"
    known = [*NAMES, *(f"{kind}:PATH" for kind in SOURCES)]
    if prefix in SOURCES:
        raise Problem(f"data set {source!r} has no path", fix=f"write {prefix}:PATH")
    close = difflib.get_close_matches(prefix, SOURCES if colon else NAMES, n=1)
    hint = f"did you mean {close[0]}{colon}{path}? " if close else ""
    raise Problem(f"unknown data set {source!r}", fix=f"{hint}known: {', '.join(known)}")


def module(name: str) -> Plugin:
    """The module of a built-in data set.

    Raises:
        Problem: there is no data set of that name.
    """
    return importlib.import_module(module_name(name))


def _user_data(source: str) -> tuple[user_data.Source, str]:
    """The module of the user's own data, and the part of its name after the colon."""
    return importlib.import_module(module_name(source)), named(source)[0].partition(":")[2]


def is_built_in(source: str) -> bool:
    """Whether the data set, or that of which it is a part, has a file here."""
    return named(source)[0] in NAMES


def slug(source: str) -> str:
    """The data set's name in results and files: only [a-z0-9_-], as in `images-my-photos-32`.

    Raises:
        Problem: there is no such data set.
    """
    module_name(source)
    base, part = named(source)
    prefix, _, location = base.partition(":")
    return (user_data.slug(prefix, location) if location else base) + part.slug


def kind(source: str) -> Kind:
    """Whether the examples are images or tokens."""
    return importlib.import_module(module_name(source)).KIND


def shape(source: str) -> tuple[int, ...]:
    """Shape of one example: (height, width, channels), or (positions,) for text.

    Raises:
        Problem: the data set is unknown, or it is the user's own and cannot be used.
    """
    if is_built_in(source):
        return module(source).SHAPE
    plugin, location = _user_data(source)
    return plugin.shape(location)


@functools.cache
def split_sizes(source: str) -> Split:
    """Numbers of training, validation and test examples, without downloading or decoding any.

    For the user's own data they are counted at the first call in this process.

    Raises:
        Problem: the data set is unknown, or it is the user's own and cannot be used.
    """
    base, part = named(source)
    if is_built_in(source):
        return module(base).SPLIT if part == WHOLE else taken(stated(module(base)), part).split
    plugin, location = _user_data(source)
    whole = plugin.split(location)
    return whole._replace(train=part.n_kept(whole.train, None))


def fingerprint(source: str) -> str:
    """A digest of the paths, sizes and times of the user's own files; "" for built-in data sets."""
    if is_built_in(source):
        return ""
    return user_data.fingerprint(_files(source))


def origin(source: str) -> str:
    """A digest of all that the file of a data set is made from: its source, and the code that reads it."""
    code = code_digest(__name__, module_name(source))
    return hashlib.sha256(f"{fingerprint(source)} {code}".encode()).hexdigest()


def remove_outdated(path: Path, source: str) -> list[str]:
    """Remove a file that `store` wrote, and its card, if it would write another now; a line if it did.

    Snakemake would obtain the data anew by itself. But it does not look for changed settings in jobs that
    come after one that is to run for a change of its own, and would leave out those that need the data.
    """
    made_from = _origin_file(path)
    told = made_from.read_bytes() if made_from.exists() else b""
    if not path.exists() or told == origin(source).encode():
        return []
    for file in (path, path.with_suffix(".json"), made_from):
        file.unlink(missing_ok=True)
    return [f"data {slug(source)}: the files, or the code that reads them, have changed"]


def _origin_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.origin")


def _files(source: str) -> list[Path]:
    """The files of the user's own data."""
    plugin, location = _user_data(source)
    return plugin.files(location)


def file_name(source: str) -> str:
    """The name, without its ending, of the file that `store` writes for a data set.

    Folders of one name in two places are two data sets, so that the path has a part in it.
    """
    if is_built_in(source):
        return slug(source)
    return f"{slug(source)}-{user_data.path_digest(_user_data(source)[1])}"


def store(source: str, path: Path) -> Card:
    """Obtain a data set, check it against its facts and write it to one .npz, whole or not at all.

    The data set's card lies beside it, as JSON in a file of the same name.

    Raises:
        Problem: the data set is unknown, no source could deliver it, its arrays differ from its facts, or
            it is the user's own and cannot be used.
    """
    if path.suffix != ".npz":
        raise Problem(
            f"{str(path) or 'the output'!r} is no name for the data", fix="name a file that ends in .npz"
        )
    if not is_built_in(source) and path.resolve() in {file.resolve() for file in _files(source)}:
        raise Problem(f"{path} is the data itself", fix="name another file to write")
    made_from = origin(source)  # before the files are read, which may change meanwhile
    facts, arrays, found = obtained(source)
    dataset.save(with_digests(facts, arrays), arrays, path)
    write_text(found.model_dump_json(indent=1) + "\n", path.with_suffix(".json"))
    write_text(made_from, _origin_file(path))
    return found


def obtained(source: str) -> tuple[Facts, RawArrays, Card]:
    """The facts and the raw arrays of a data set, and its card.

    Raises:
        Problem: as for `store`.
    """
    base, part = named(source)
    if base in NAMES:
        facts, arrays = _built_in(base)
        facts = taken(facts, part)
        return facts, arrays, card(facts, arrays, source=source, classes=range(facts.n_classes))
    plugin, location = _user_data(source)
    loaded = plugin.load(location)
    facts = user_data.facts(loaded, name=slug(base), kind=plugin.KIND)
    part.n_kept(facts.split.train, None)  # of a user's own data, classes are not made uneven
    facts = taken(facts, part)
    if facts.kind == "images":  # in text, a character may occur only once
        user_data.check_classes(loaded, facts)
    described = card(
        facts,
        loaded.arrays,
        source=source,
        classes=loaded.classes,
        converted=loaded.converted,
        contradictory_files=loaded.contradictory_files,
    )
    return facts, loaded.arrays, described


def _built_in(name: str) -> tuple[Facts, RawArrays]:
    plugin = module(name)
    facts, arrays = stated(plugin), plugin.raw_arrays()
    try:
        check(arrays, facts)
    except Mismatch as error:
        fix = "install the versions pinned in requirements/ and run again"
        raise Problem(f"{name} differs from the data set it should be: {error}", fix=fix) from error
    return facts, arrays


def read(path: Path) -> Dataset:
    """Read a file that `store` wrote, check its digests again, scale the data and split it.

    Raises:
        Problem: the file is missing, truncated, damaged or altered, or differs from the facts of the
            built-in data set that it names.
    """
    facts, arrays = dataset.load(path)
    try:
        _check_facts(facts)
        check(arrays, facts)
    except (Problem, Mismatch) as error:
        raise dataset.damaged(path, getattr(error, "cause", error)) from error
    return normalised(arrays, facts)


def _check_facts(facts: Facts) -> None:
    """Check that the facts in a file are those of the built-in data set that it names."""
    base = of_slug(facts.name)[0]
    if base.partition("-")[0] in SOURCES:
        return
    expected = taken(stated(module(base)), facts.part)
    same("facts", expected=replace(expected, sha256=expected.sha256 or facts.sha256), found=facts)
