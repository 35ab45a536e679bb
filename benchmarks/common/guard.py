"""A run that ends leaves no process behind, however it ends: a guard outlives it by a moment.

The guard is a small process beside the workflow. It waits until the workflow is gone, by Ctrl-C, a
closed terminal, `kill -9` or for want of memory, and then kills every process that belongs to it.
So nothing depends on what a job does with a signal: a framework may swallow an interrupt, and a job
that was only just being started has never received it.
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
"""Environment variable with the name of the run that a process belongs to, unlike that of any other run."""

SETTLING_S = 1.0
"""Seconds in which a process that was being started when the workflow ended comes to light."""

STDERR = 2
"""File descriptor that the last line goes to; `sys.stderr` may be in use where a signal arrives."""

_started: list[subprocess.Popen] = []
"""Keeps the guard's standard input open until this process ends, which is how the guard learns of it."""


def start() -> None:
    """Put a guard beside this process, the workflow; processes started from now on belong to it."""
    # In a session of its own, so that neither Ctrl-C nor a closed terminal reaches the guard itself.
    owner = uuid.uuid4().hex
    command = [sys.executable, "-m", "benchmarks.common.guard", owner]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    _started.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, **quiet))
    os.environ[OWNER] = owner


def end_on_signals() -> None:
    """Let Ctrl-C, SIGTERM and a closed terminal end this process at once, whatever it is doing.

    SIGINT is heeded even where it was ignored at the start, as it is in a script's background jobs;
    otherwise nothing but `kill -9` would end such a run. A hang-up that `nohup` ignores stays ignored.
    """
    signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _end)


def _end(number: int, frame: FrameType | None) -> None:
    """Say one line and end, without waiting for anything: results are written whole or not at all."""
    with contextlib.suppress(OSError):
        # Not where nobody reads: a full pipe would hold this process up for ever.
        if select.select([], [STDERR], [], 0)[1]:
            os.write(STDERR, f"\n{INTERRUPTED}\n".encode())
    os._exit(128 + number)


def belonging_to(owner: str) -> list[psutil.Process]:
    """The living processes that carry this owner in their environment, the oldest first."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(OWNER) == owner and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def kill_all_of(owner: str) -> None:
    """Kill every process of this owner, those too that another one is starting meanwhile."""
    settled = time.monotonic() + SETTLING_S
    while (found := belonging_to(owner)) or time.monotonic() < settled:
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.1)


if __name__ == "__main__":
    sys.stdin.buffer.read()  # ends when the workflow does
    kill_all_of(sys.argv[1])
