"""Errors a person can act on: one message that names the cause and the fix, and no traceback."""

import contextlib
import errno
import sys
from collections.abc import Iterator
from types import TracebackType

FIXES = {
    errno.ENOSPC: "free some space there and run the same command again; finished results are kept",
    errno.EDQUOT: "free some of your quota and run the same command again; finished results are kept",
    errno.EACCES: "give yourself permission to read or write it, or run from a folder that you can write to",
    errno.EROFS: "the file system is read-only: run from a folder on one that is not",
}

INTERRUPTED = "interrupted: finished results are kept; run the same command again to continue"


class Problem(Exception):
    """Something that the user can fix; `cause` says what is wrong and `fix` what to do."""

    def __init__(self, cause: str, *, fix: str) -> None:
        super().__init__(f"{cause}\n  fix: {fix}")
        self.cause = cause
        self.fix = fix


def problem_from(error: OSError) -> Problem:
    """A problem with a fix from an error of the operating system, such as a full disk."""
    where = error.filename or "the results folder"
    fix = FIXES.get(error.errno, "check the file or folder named here, then run the same command again")
    return Problem(f"{where}: {error.strerror or error}", fix=fix)


def hide_interrupts(error_type: type, error: BaseException, traceback: TracebackType | None) -> None:
    """Print one line for an interrupt that nobody caught, and the traceback of any other error."""
    if issubclass(error_type, KeyboardInterrupt):
        print(INTERRUPTED, file=sys.stderr)
    else:
        sys.__excepthook__(error_type, error, traceback)


@contextlib.contextmanager
def exit_with_message() -> Iterator[None]:
    """End the process on a problem that a user can fix, with one message on stderr and exit code 1."""
    try:
        yield
    except Problem as problem:
        sys.exit(f"error: {problem}")
    except OSError as error:
        sys.exit(f"error: {problem_from(error)}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
