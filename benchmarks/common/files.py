"""Files that are written whole or not at all, and a lock that keeps a results folder to one run at a time."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import filelock

from benchmarks.common.errors import Problem, problem_from

_locks: list[filelock.FileLock] = []
"""Keeps the locks alive: a lock is released when Python collects it."""


def check_writable(folder: Path) -> None:
    """Check that results can be written, before any job is planned.

    Raises:
        Problem: the folder is a file, or cannot be written.
    """
    fix = "move the file away, give yourself permission to write, or run from a folder that you can write to"
    if folder.exists() and not folder.is_dir():
        raise Problem(f"{folder} is not a folder", fix=fix)
    if not os.access(folder if folder.exists() else folder.absolute().parent, os.W_OK):
        raise Problem(f"{folder}/ cannot be written", fix=fix)


def lock_folder(folder: Path) -> None:
    """Lock a results folder until this process ends; even `kill -9` releases the lock.

    Raises:
        Problem: another run has locked it, or the folder cannot be written.
    """
    lock = filelock.FileLock(folder / ".lock")
    owner = folder / ".lock-owner"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
        owner.write_text(str(os.getpid()), encoding="utf-8")
    except filelock.Timeout as error:
        process = owner.read_text(encoding="utf-8") if owner.exists() else "unknown"
        raise Problem(
            f"another run (process {process}) is working on {folder}/",
            fix="wait until it ends, or stop it; finished results are kept",
        ) from error
    except OSError as error:
        raise problem_from(error) from error
    _locks.append(lock)


def is_in_use(folder: Path) -> bool:
    """Whether a run is working on a results folder."""
    if not folder.is_dir():
        return False
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        return True
    lock.release()
    return False


def write_text(text: str, path: Path) -> None:
    """Write a text file whole or not at all."""
    write_bytes(text.encode(), path)


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file whole or not at all, so that an interruption never leaves half a file.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # a crash of the machine must not leave the name without the content
        draft.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # the error of a full disk names no file
        raise
    finally:
        draft.unlink(missing_ok=True)


def write_sealed(content: dict, path: Path) -> None:
    """Write a JSON object whose first line holds the SHA-256 of all that follows it."""
    body = json.dumps(content, indent=1)[2:].encode()
    write_bytes(b'{"sha256": "%s",\n' % hashlib.sha256(body).hexdigest().encode() + body, path)


def read_sealed(path: Path) -> dict:
    """Read what `write_sealed` wrote.

    Raises:
        Problem: the file is missing, cut short or altered.
    """
    try:
        first, _, body = path.read_bytes().partition(b"\n")
        if hashlib.sha256(body).hexdigest() == json.loads(first + b'"": 0}')["sha256"]:
            return json.loads(b"{" + body)
        cause = "has been altered"
    except FileNotFoundError:
        cause = "is missing"
    except (ValueError, LookupError, TypeError):
        cause = "is damaged"
    raise Problem(f"{path} {cause}", fix="run the same command again; it is made again from the store")


def set_aside(path: Path) -> None:
    """Rename a damaged file or folder, so that it is made again and the last such one can be looked at."""
    aside = path.with_name(f"{path.name}.damaged")
    if aside.is_dir():
        shutil.rmtree(aside)
    path.replace(aside)
