"""Child processes, which never outlive the run that they belong to."""

import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from benchmarks.common.errors import exit_with_message

FORKS = multiprocessing.get_context("fork")
PR_SET_PDEATHSIG = 1
"""See prctl(2)."""
LOOK_S = 0.005
"""Seconds between two looks at a process that is watched: in one, a process takes some dozens of MiB."""


def run(command: list[str]) -> int:
    """Run a command to its end and return its exit code, negative where a signal killed it.

    The child is killed when this process receives SIGINT or SIGTERM. If this process itself is killed, the
    workflow's guard kills the child.

    Raises:
        KeyboardInterrupt: this process received SIGINT or SIGTERM.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    child = subprocess.Popen(command)
    try:
        return child.wait()
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def python(command: str, *arguments: str) -> list[str]:
    """The command line of one of this project's commands, with the interpreter of this process."""
    return [sys.executable, "-m", "benchmarks", command, *arguments]


def prefer_this_interpreter(project: Path) -> None:
    """Make `python` in a shell this process's interpreter, even where its environment is not activated.

    It finds the package in the folder `project` even with PYTHONSAFEPATH, which hides the working folder.
    """
    for name, folder in (("PATH", Path(sys.executable).parent), ("PYTHONPATH", project)):
        os.environ[name] = os.pathsep.join(filter(None, [str(folder), os.environ.get(name)]))


def ended(exit_code: int) -> str:
    """How a process ended, in words; its exit code is negative after a signal."""
    return f"was killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"ended with {exit_code}"


def forked(
    function: Callable, *arguments, may_go_on: Callable[[int], bool] | None = None, **options
) -> tuple[Any | None, int]:
    """What a function returns in a process forked for it, and the exit code, negative after a signal.

    The result is None if the process ended without one. The process does not outlive this one. With
    `may_go_on`, it is asked every LOOK_S seconds about the process of this id, which is killed if it may not.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    receiver, sender = FORKS.Pipe(duplex=False)
    child = FORKS.Process(target=_send, args=(sender, function, arguments, options))
    with _frozen():
        child.start()
    sender.close()
    try:
        while may_go_on and not receiver.poll(LOOK_S):
            if not may_go_on(child.pid):
                child.kill()
        result = receiver.recv()
    except EOFError:
        result = None
    except BaseException:
        child.kill()
        raise
    child.join()
    return result, child.exitcode


@contextlib.contextmanager
def _frozen() -> Iterator[None]:
    """Let a process that is forked meanwhile collect no garbage among what it shares with this one.

    A collection writes to every object that it looks at, and what is written to is copied. What was frozen
    when this process itself was forked stays so.
    """
    before = gc.get_freeze_count()
    gc.freeze()
    try:
        yield
    finally:
        if not before:
            gc.unfreeze()


def _send(sender: Connection, function: Callable, arguments: tuple, options: dict) -> None:
    """Call the function in a forked process."""
    end_with_parent()
    with exit_with_message():  # a full disk, say, which whoever called may tell as well
        sender.send(function(*arguments, **options))


def end_with_parent() -> None:
    """Let this process, which was forked, end at once when it is interrupted or its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start_time() -> float:
    """When this process started, in seconds since 1970."""
    return psutil.Process().create_time()


def oom_kills() -> int:
    """How many processes the kernel has killed since it started because memory ran out."""
    counters = Path("/proc/vmstat").read_text(encoding="utf-8").splitlines()
    values = [line.split()[1] for line in counters if line.startswith("oom_kill ")]
    return int(values[0]) if values else 0
