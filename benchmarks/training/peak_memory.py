"""Peak memory of training steps: the resident set on a CPU, two independent counters on a GPU."""

import contextlib
import dataclasses
import gc
import os
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pynvml

from benchmarks import models
from benchmarks.common.heap import give_back_freed_memory
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer


class Subject(NamedTuple):
    """What is measured: a compiled trainer and the batches [steps, B] that it is trained on for this.

    `baseline_mib` is the resident set of the process in MiB before the trainer was built.
    """

    framework: ModuleType
    trainer: Trainer
    batches: np.ndarray
    baseline_mib: float


KIB_PER_MIB = 1024
BYTES_PER_MIB = 2**20


def baseline_mib(setup: Setup) -> float:
    """Resident set in MiB of a process in which the framework has trained, but nothing of any size.

    A framework loads parts of itself, and starts its threads, when it first compiles and takes a step. That
    belongs to the framework and not to a model or batch size, so a tiny model has it done beforehand.
    """
    size = 2 * setup.optimizer.accumulation
    examples, labels = np.zeros((2 * size, 2, 2, 1), np.float32), np.zeros(2 * size, np.int32)
    layers = models.spec("logistic", n_classes=2)
    tiny = dataclasses.replace(setup, layers=layers, examples=examples, labels=labels)
    trainer = tiny.trainer()
    trainer.reset(tiny.parameters(seed=0))
    trainer.compile(size)
    trainer.train(tiny.stream(seed=0).batches(size, first=0, count=1))
    del trainer
    gc.collect()
    give_back_freed_memory()
    return resident_mib("VmRSS")


def measure(subject: Subject) -> dict[str, float | None]:
    """Train and return `peak_memory_mib` and, on a GPU, `device_memory_mib`, both in MiB.

    On a CPU the peak is the kernel's high-water mark, reset before the steps, minus the resident set that
    the process had before the trainer was built. So it counts what the training holds throughout, and not
    what was needed only to build the trainer. (`ru_maxrss` would include the peak of the parent process.)
    On a GPU the peak is the framework's own counter; `device_memory_mib` is what the driver counts for
    this process.
    """
    on_gpu = subject.framework.device().kind == "gpu"
    subject.framework.reset_peak_memory()
    give_back_freed_memory()  # what building and compiling needed
    reset_high_water_mark()
    subject.trainer.train(subject.batches)
    subject.framework.synchronise()
    if on_gpu:
        peak, device = subject.framework.peak_memory_mib(), device_memory_mib()
        return {"peak_memory_mib": peak, "device_memory_mib": device}
    resident = max(0.0, resident_mib("VmHWM") - subject.baseline_mib)
    return {"peak_memory_mib": resident, "device_memory_mib": None}


def reset_high_water_mark() -> None:
    """Reset the process's VmHWM to its present resident set (proc(5), /proc/pid/clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def resident_mib(field: str) -> float:
    """`VmRSS` (now) or `VmHWM` (peak) of this process, in MiB."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / KIB_PER_MIB
    raise LookupError(f"/proc/self/status has no {field}")


def device_memory_mib() -> float | None:
    """GPU memory in MiB that the driver counts for this process; None if the driver does not report it."""
    with contextlib.suppress(pynvml.NVMLError):  # as in a container, or of a part of a GPU
        pynvml.nvmlInit()
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle):
                if process.pid == os.getpid() and process.usedGpuMemory:
                    return process.usedGpuMemory / BYTES_PER_MIB
    return None
