"""Peak memory of training steps, on a CPU as resident set, on a GPU by two independent counters."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pynvml

from benchmarks.record import Memory

KIB_PER_MIB = 1024
BYTES_PER_MIB = 2**20


class PeakMemory:
    """Peak memory between the entry and the exit of `tracked`."""

    def __init__(self) -> None:
        self.memory = Memory()


@contextlib.contextmanager
def tracked(framework: ModuleType, *, baseline_mib: float) -> Iterator[PeakMemory]:
    """Measure the peak of what runs inside, above the resident set that the process had before.

    `baseline_mib` is taken after import and data and before the model is built: what the training
    holds throughout then counts, and what was needed only to build it does not.
    On a CPU that is the kernel's own high-water mark, which is set back on entering; `ru_maxrss`
    would still hold the peak of the parent process. On a GPU the framework's counter and what the
    driver reports for this process are both kept.
    """
    peak = PeakMemory()
    on_gpu = framework.device().kind == "gpu"
    framework.reset_peak_memory()
    reset_high_water_mark()
    yield peak
    framework.synchronise()
    peak.memory = Memory(
        process_mib=None if on_gpu else max(0.0, resident_mib("VmHWM") - baseline_mib),
        framework_mib=framework.peak_memory_mib(),
        device_mib=device_memory_mib() if on_gpu else None,
    )


def reset_high_water_mark() -> None:
    """Set the process's VmHWM back to its present resident set (proc(5), /proc/pid/clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def resident_mib(field: str) -> float:
    """`VmRSS` (now) or `VmHWM` (peak) of this process, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / KIB_PER_MIB
    raise LookupError(f"/proc/self/status has no {field}")


def device_memory_mib() -> float | None:
    """GPU memory that the driver counts for this process; None where it does not say."""
    pynvml.nvmlInit()
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle):
            if process.pid == os.getpid() and process.usedGpuMemory:
                return process.usedGpuMemory / BYTES_PER_MIB
    return None
