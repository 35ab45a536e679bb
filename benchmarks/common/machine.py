"""The machine: its name, its GPUs, a lease on one of them, and the load that other processes put on it."""

import contextlib
import itertools
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import filelock
import psutil
import pynvml

from benchmarks.common import processor
from benchmarks.common.errors import Problem

MIB = 2**20
LEASE = VISIBLE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"
"""The variables that tell CUDA which GPUs it may use, and in which order it counts them."""
HIDDEN = ("", "-1")
"""What the first of them is where it may use none."""
T = TypeVar("T")


class Gpu(NamedTuple):
    """One GPU as the driver describes it; None where it does not tell.

    The compute capability is CUDA's version of what the GPU can do, such as 9.0; the clock is the highest of
    its multiprocessors.
    """

    index: int
    name: str
    memory_mib: float | None = None
    compute_capability: str | None = None
    power_limit_w: float | None = None
    highest_clock_mhz: int | None = None


def gpus() -> list[Gpu]:
    """The GPUs that the NVIDIA driver reports; none where there is no driver, or where they are hidden."""
    if os.environ.get(VISIBLE) in HIDDEN:
        return []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    return [_gpu(index) for index in range(pynvml.nvmlDeviceGetCount())]


def _gpu(index: int) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    capability = _told(pynvml.nvmlDeviceGetCudaComputeCapability, handle)
    limit_mw = _told(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    memory = _told(pynvml.nvmlDeviceGetMemoryInfo, handle)
    return Gpu(
        index,
        _text(pynvml.nvmlDeviceGetName(handle)),
        memory and memory.total / MIB,
        compute_capability=capability and ".".join(map(str, capability)),
        power_limit_w=limit_mw and limit_mw / 1e3,
        highest_clock_mhz=_told(pynvml.nvmlDeviceGetMaxClockInfo, handle, pynvml.NVML_CLOCK_SM),
    )


BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}
"""The instruction sets of x86 and ARM, as archspec names them, that multiply numbers in bfloat16."""
FIRST_WITH_BFLOAT16 = (8, 0)
"""The first compute capability of GPUs that do: Ampere."""


def multiplies_bfloat16(device: str) -> bool:
    """Whether there are instructions for bfloat16 where a study with this setting of its device computes."""
    gpu = None if device == "cpu" else first_gpu()
    if gpu is None:
        return not BFLOAT16.isdisjoint(processor.instructions())
    return tuple(map(int, (gpu.compute_capability or "0.0").split("."))) >= FIRST_WITH_BFLOAT16


SLOWED_BY = {
    pynvml.nvmlClocksThrottleReasonSwPowerCap: "power limit",
    pynvml.nvmlClocksThrottleReasonHwSlowdown: "hardware",
    pynvml.nvmlClocksThrottleReasonSwThermalSlowdown: "temperature",
    pynvml.nvmlClocksThrottleReasonHwThermalSlowdown: "temperature",
    pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown: "power supply",
}
"""What may keep a GPU below the clock rate that it would have otherwise, by NVML's bits."""


def gpu_state(device: str) -> dict | None:
    """What the driver says now of the GPU that this process computes on; None where it computes on a CPU.

    `device` is the setting of the study. Clock rates are in MHz, the power in watts, the temperature in
    degrees Celsius; None where a GPU does not tell. `slowed_by` has what keeps the clock rate down just now.
    """
    if device == "cpu" or not gpus():
        return None
    gpu = _told(_handle, _allowed()[0])
    if gpu is None:
        return None
    power_mw = _told(pynvml.nvmlDeviceGetPowerUsage, gpu)
    reasons = _told(pynvml.nvmlDeviceGetCurrentClocksEventReasons, gpu) or 0
    return {
        "clock_mhz": _told(pynvml.nvmlDeviceGetClockInfo, gpu, pynvml.NVML_CLOCK_SM),
        "highest_clock_mhz": _told(pynvml.nvmlDeviceGetMaxClockInfo, gpu, pynvml.NVML_CLOCK_SM),
        "power_w": None if power_mw is None else power_mw / 1e3,
        "temperature_c": _told(pynvml.nvmlDeviceGetTemperature, gpu, pynvml.NVML_TEMPERATURE_GPU),
        "slowed_by": sorted({name for bit, name in SLOWED_BY.items() if reasons & bit}),
    }


def _handle(identifier: str) -> object:
    """NVML's handle of a GPU, from what CUDA_VISIBLE_DEVICES calls it: its number or its UUID."""
    if identifier.isdigit():
        return pynvml.nvmlDeviceGetHandleByIndex(int(identifier))
    return pynvml.nvmlDeviceGetHandleByUUID(identifier)


def _told(query: Callable[..., T], *arguments) -> T | None:
    """The answer of a query to NVML; None where this GPU has none."""
    try:
        return query(*arguments)
    except pynvml.NVMLError:
        return None


def leased_memory_mib() -> float:
    """Memory in MiB of the GPU that this process computes on.

    Raises:
        Problem: its driver does not tell.
    """
    try:
        return pynvml.nvmlDeviceGetMemoryInfo(_handle(_allowed()[0])).total / MIB
    except pynvml.NVMLError as error:
        cause = f"the driver does not tell how much memory this GPU has ({error})"
        raise Problem(cause, fix="name batch sizes in place of `auto`") from error


def driver() -> str | None:
    """Version of the NVIDIA driver, if there is one."""
    return _text(pynvml.nvmlSystemGetDriverVersion()) if gpus() else None


def _text(name: str | bytes) -> str:
    """NVML's older bindings return bytes."""
    return name.decode() if isinstance(name, bytes) else name


def slug(device: str = "auto") -> str:
    """The machine's name in results: the GPU's name, or without a GPU the processor's.

    A processor is named with its microarchitecture, since several generations share one name, and with the
    number of its cores.
    """
    gpu = None if device == "cpu" else first_gpu()
    return _fit_for_a_folder(gpu.name if gpu else _processor())


def first_gpu() -> Gpu | None:
    """The first of the GPUs that this process may use, by which a machine is named."""
    found = gpus()
    return next((gpu for gpu in found if str(gpu.index) == _allowed()[0]), found[0]) if found else None


def _processor() -> str:
    plain = re.sub(r"[(](R|TM)[)]|CPU|@.*", "", processor.name())
    return f"{plain} {processor.microarchitecture()} {processor.cores()} cores"


def _fit_for_a_folder(name: str) -> str:
    """Lower-case words, joined by hyphens; a word that repeats the one before it is left out."""
    words = re.findall("[a-z0-9]+", name.lower())
    return "-".join(word for before, word in itertools.pairwise(["", *words]) if word != before)


def describe() -> dict:
    """Everything that is recorded about the machine, for the provenance of a result."""
    return {
        **processor.describe(),
        "memory_mib": round(psutil.virtual_memory().total / MIB),
        "gpus": [gpu._asdict() for gpu in gpus()],
        "gpu_driver": driver(),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


@contextlib.contextmanager
def leased_gpu(device: str) -> Iterator[None]:
    """Lease one GPU: this process and its children see no other from then on. On a CPU nothing is leased.

    Raises:
        Problem: every GPU is leased by another job.
    """
    if device == "cpu" or not gpus():
        yield
        return
    for gpu in _allowed():
        lock = filelock.FileLock(Path(tempfile.gettempdir()) / f"batch-atlas-gpu-{gpu}.lock", mode=0o666)
        with contextlib.suppress(filelock.Timeout), lock.acquire(blocking=False):
            # CUDA counts GPUs by their speed otherwise, and the driver by their place.
            os.environ |= {VISIBLE: gpu, ORDER: "PCI_BUS_ID"}
            yield
            return
    raise Problem(
        "every GPU is in use by another job of Batch Atlas",
        fix="wait until it ends, or run fewer jobs at a time (resources gpu= in profiles/default)",
    )


def _allowed() -> list[str]:
    """GPU ids that this process may use, in the driver's order."""
    visible = os.environ.get(VISIBLE)
    return visible.split(",") if visible else [str(gpu.index) for gpu in gpus()]


class OtherLoad:
    """CPU time that other processes have used since this object was created."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._others_s = others_cpu_s()

    def share(self) -> float:
        """Share of all cores' time that others used, from 0 to 1; time stolen by a hypervisor counts."""
        elapsed = (time.perf_counter() - self._started) * psutil.cpu_count()
        return max(0.0, (others_cpu_s() - self._others_s) / elapsed)


def others_cpu_s() -> float:
    """CPU seconds since the machine started, less idle ones and those of this process and its descendants."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Linux counts a guest's time under user as well.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return sum(times) - idle - guests - family_cpu_s()


def family_cpu_s() -> float:
    """CPU seconds of this process and of all that descend from it, those that have ended among them."""
    process, seconds = psutil.Process(), 0.0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile, and counts as its parent's
            seconds += sum(each.cpu_times()[:4])  # its own as user and in the kernel, and its children's
    return seconds
