"""A guard that leaves no process behind when a run ends, however it ends.

The guard is a small process beside the workflow. It waits until the workflow has ended, whether by
Ctrl-C, a closed terminal, `kill -9` or because memory ran out, and then kills every process that belongs
to the workflow. So nothing depends on how a job handles a signal: a framework may swallow an interrupt,
and a job that was only just starting never received it.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from types import FrameType

import psutil

from benchmarks.common.errors import INTERRUPTED

OWNER = "BATCH_ATLAS_RUN"
"""Environment variable with the unique name of the run that a process belongs to."""

SETTLING_S = 1.0
"""Seconds within which a process that was starting when the workflow ended becomes visible."""

STDERR = 2
"""File descriptor that the last line is written to: `sys.stderr` may be in use when a signal arrives."""

_guards: list[subprocess.Popen] = []
"""Keeps the guard's standard input open until this process ends; that is how the guard notices the end."""


def start() -> None:
    """Start a guard for this process, the workflow; processes started from now on belong to it."""
    # In a session of its own, so that neither Ctrl-C nor a closed terminal reaches the guard itself.
    owner = uuid.uuid4().hex
    command = [sys.executable, "-m", "benchmarks.common.guard", owner]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    _guards.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, **quiet))
    os.environ[OWNER] = owner


def end_on_signals() -> None:
    """Let Ctrl-C, SIGTERM and a closed terminal end this process at once, whatever it is doing.

    SIGINT is handled even if it was ignored when the process started, as it is in a script's background
    jobs; otherwise only `kill -9` would end such a run. A hang-up that `nohup` ignores stays ignored.
    """
    signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _end)


def _end(number: int, frame: FrameType | None) -> None:
    """Print one line and end without waiting: results are written whole or not at all."""
    with contextlib.suppress(OSError):
        # Only if the line can be written at once: a full pipe would block this process for ever.
        if select.select([], [STDERR], [], 0)[1]:
            os.write(STDERR, f"\n{INTERRUPTED}\n".encode())
    os._exit(128 + number)


def belonging_to(owner: str) -> list[psutil.Process]:
    """The living processes that carry this owner in their environment."""
    processes = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(OWNER) == owner and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process)
    return processes


def kill_all_of(owner: str) -> None:
    """Kill every process of this owner, including those that are started meanwhile."""
    settled = time.monotonic() + SETTLING_S
    while (processes := belonging_to(owner)) or time.monotonic() < settled:
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.1)


if __name__ == "__main__":
    sys.stdin.buffer.read()  # ends when the workflow does
    kill_all_of(sys.argv[1])
