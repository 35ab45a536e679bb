"""A process that has prepared what several others start from, and forks one of them for each call.

Preparing is done once: importing a framework takes seconds. A forked process starts from it as if it were
alone, as long as what was prepared has started no threads.
"""

import contextlib
import os
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from benchmarks.common.process import FORKS, end_with_parent, forked


class ForkServer:
    """The process, which starts to prepare at once; it is killed at the end of its `with` statement."""

    def __init__(self, prepare: Callable, *arguments: object) -> None:
        self._connection, theirs = FORKS.Pipe()
        self._process = FORKS.Process(target=_serve, args=(theirs, prepare, arguments))
        self._process.start()
        theirs.close()

    def __enter__(self) -> "ForkServer":
        """Wait until everything is prepared, or could not be, which the first call tells."""
        with contextlib.suppress(EOFError, ConnectionError):
            self._connection.recv()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.join()

    def call(
        self, function: Callable, *arguments: object, environment: Mapping[str, str]
    ) -> tuple[Any | None, int]:
        """What a function returns in a process forked for it, and the exit code; see `process.forked`.

        If this process itself has ended, for what it prepares failed, that is the exit code.
        """
        try:
            self._connection.send((function, arguments, dict(environment)))
            return self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            return None, self._process.exitcode


def _serve(connection: Connection, prepare: Callable, arguments: tuple) -> None:
    """Prepare, then fork a process for each call that comes in, one after the other."""
    end_with_parent()
    prepare(*arguments)
    connection.send(None)
    while True:
        function, arguments, environment = connection.recv()
        connection.send(forked(_in_environment, environment, function, *arguments))


def _in_environment(environment: dict[str, str], function: Callable, *arguments: object) -> Any:
    os.environ.update(environment)
    return function(*arguments)
