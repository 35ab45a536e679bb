"""Child processes that never outlive the run they belong to."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil


def run(command: list[str], *, environment: Mapping[str, str] | None = None) -> int:
    """Run a command to its end and return its exit code, negative where a signal killed it.

    The child is killed when this process is interrupted or told to end. Should this process itself be
    killed, the workflow's guard ends the child with the workflow.

    Raises:
        KeyboardInterrupt: this process was interrupted or told to end.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    child = subprocess.Popen(command, env={**os.environ, **(environment or {})})
    try:
        return child.wait()
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def python(command: str, *arguments: str) -> list[str]:
    """One of this project's commands, to be run under the interpreter of this process."""
    return [sys.executable, "-m", "benchmarks", command, *arguments]


def prefer_this_interpreter() -> None:
    """Let `python` in the shell be the interpreter of this process, its environment activated or not."""
    folder = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", "")])


def age_s() -> float:
    """Seconds since this process started."""
    return time.time() - psutil.Process().create_time()


def parents_age_s() -> float:
    """Seconds since the parent of this process started: the job, for the child that does its work."""
    return time.time() - psutil.Process(os.getppid()).create_time()


def oom_kills() -> int:
    """How often the kernel has killed a process for want of memory since it started."""
    counters = Path("/proc/vmstat").read_text().splitlines()
    found = [line.split()[1] for line in counters if line.startswith("oom_kill ")]
    return int(found[0]) if found else 0
