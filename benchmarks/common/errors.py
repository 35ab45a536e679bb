"""Errors a person can act on: one message that names the cause and the fix, and no traceback."""

import contextlib
import errno
import sys
from collections.abc import Iterator
from types import TracebackType

FIXES = {
    errno.ENOSPC: "free some space there and run the same command again; finished results are kept",
    errno.EDQUOT: "free some of your quota and run the same command again; finished results are kept",
    errno.EACCES: "make the folder writable for you, or run from a folder that is",
    errno.EROFS: "the file system is read-only: run from a folder on one that can be written",
}


INTERRUPTED = "interrupted: finished results are kept; run the same command again to go on"


class Problem(Exception):
    """Something that the user can fix; `cause` says what is wrong and `fix` what to do."""

    def __init__(self, cause: str, *, fix: str) -> None:
        super().__init__(f"{cause}\n  fix: {fix}")
        self.cause = cause
        self.fix = fix


def problem_from(error: OSError) -> Problem:
    """The full disk, the unwritable folder and their kin, said so that a person can act."""
    where = error.filename or "the results folder"
    fix = FIXES.get(error.errno, "look at the file or folder named, then run the same command again")
    return Problem(f"{where}: {error.strerror or error}", fix=fix)


def hide_interrupts(kind: type, error: BaseException, traceback: TracebackType | None) -> None:
    """Say one line of an interrupt that nobody caught, and everything of any other error."""
    if issubclass(kind, KeyboardInterrupt):
        print(INTERRUPTED, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


@contextlib.contextmanager
def told_plainly() -> Iterator[None]:
    """Turn the problems a user can fix into one message on stderr and exit code 1."""
    try:
        yield
    except Problem as problem:
        sys.exit(f"error: {problem}")
    except OSError as error:
        sys.exit(f"error: {problem_from(error)}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
