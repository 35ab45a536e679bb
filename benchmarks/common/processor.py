"""The processor: its name, its generation, its cores, clock, caches and instructions."""

import contextlib
import os
import platform
from pathlib import Path

import archspec.cpu
import psutil

CPUINFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def name() -> str:
    """What the processor calls itself. Several generations may share one name."""
    return _described().get("model name") or platform.processor() or platform.machine()


def model() -> str:
    """Family, model and stepping of the processor, which tell apart generations of one name."""
    described = _described()
    return " ".join(described.get(key, "") for key in ("cpu family", "model", "stepping")).strip()


def _described() -> dict[str, str]:
    """What the kernel says of the first core; empty where it says nothing."""
    described: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in CPUINFO.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            described.setdefault(key.strip(), value.strip())
    return described


def microarchitecture() -> str:
    """The newest generation all of whose instructions this processor has, as archspec names it: `zen5`.

    A virtual machine may hide some of them, and the processor then goes by the name of an older generation.
    """
    return archspec.cpu.host().name


def instructions() -> list[str]:
    """The instruction sets that archspec knows, of those that the processor has."""
    return sorted(archspec.cpu.host().features)


def cores() -> int:
    """The number of cores that this process may run on."""
    return len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count()


def clock_mhz() -> float | None:
    """The highest clock rate that the system tells, or else the present one; None if it tells neither."""
    with contextlib.suppress(OSError, NotImplementedError, AttributeError):
        found = psutil.cpu_freq()
        return (found.max or found.current or None) if found else None
    return None


def caches() -> dict[str, str]:
    """The size of each cache of the first core, as the kernel writes it, by its level and kind: `L1 data`."""
    found = {}
    with contextlib.suppress(OSError):
        for folder in sorted(CACHES.glob("index*")):
            level, kind, size = (_text(folder / part) for part in ("level", "type", "size"))
            found[f"L{level} {kind.lower()}" if kind != "Unified" else f"L{level}"] = size
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def describe() -> dict:
    """What is recorded of the processor, for the provenance of a result."""
    return {
        "cpu": name(),
        "cpu_model": model(),
        "microarchitecture": microarchitecture(),
        "cores": cores(),
        "clock_mhz": clock_mhz(),
        "caches": caches(),
        "instructions": instructions(),
    }
