"""Files: written whole or not at all, and one run at a time on one results folder."""

import os
from pathlib import Path

import filelock

from benchmarks.common.errors import Problem, problem_from

_held: list[filelock.FileLock] = []
"""Keeps the lock from being collected, which would give it back."""


def check_writable(folder: Path) -> None:
    """See that results can be written, before anything is planned.

    Raises:
        Problem: the folder is a file, or cannot be written.
    """
    fix = "move what is in the way, make the folder writable for you, or run from a folder that is"
    if folder.exists() and not folder.is_dir():
        raise Problem(f"{folder} is not a folder", fix=fix)
    if not os.access(folder if folder.exists() else folder.absolute().parent, os.W_OK):
        raise Problem(f"{folder}/ cannot be written", fix=fix)


def hold(folder: Path) -> None:
    """Lock a results folder until this process ends, even by kill -9.

    Raises:
        Problem: another run holds it, or the folder cannot be written.
    """
    lock = filelock.FileLock(folder / ".lock")
    owner = folder / ".lock-owner"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
        owner.write_text(str(os.getpid()))
    except filelock.Timeout as error:
        who = owner.read_text() if owner.exists() else "unknown"
        raise Problem(
            f"another run (process {who}) is working on {folder}/",
            fix="wait until it ends, or stop it; finished results are kept",
        ) from error
    except OSError as error:
        raise problem_from(error) from error
    _held.append(lock)


def write_text(text: str, path: Path) -> None:
    """Write a text file whole or not at all."""
    write_bytes(text.encode(), path)


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file whole or not at all, so that an interruption leaves no half of one.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say where it is full
        raise
    finally:
        draft.unlink(missing_ok=True)
