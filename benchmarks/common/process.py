"""Child processes, which never outlive the run that they belong to."""

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

    The child is killed when this process receives SIGINT or SIGTERM. If this process itself is killed, the
    workflow's guard kills the child.

    Raises:
        KeyboardInterrupt: this process received SIGINT or SIGTERM.
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
    """The command line of one of this project's commands, with the interpreter of this process."""
    return [sys.executable, "-m", "benchmarks", command, *arguments]


def prefer_this_interpreter() -> None:
    """Make `python` in a shell this process's interpreter, even where its environment is not activated."""
    folder = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", "")])


def age_s() -> float:
    """Seconds since this process started."""
    return time.time() - psutil.Process().create_time()


def parents_age_s() -> float:
    """Seconds since the parent of this process started; for the child of a job, the age of the job."""
    return time.time() - psutil.Process(os.getppid()).create_time()


def oom_kills() -> int:
    """How many processes the kernel has killed since it started because memory ran out."""
    counters = Path("/proc/vmstat").read_text().splitlines()
    values = [line.split()[1] for line in counters if line.startswith("oom_kill ")]
    return int(values[0]) if values else 0
