"""What a measurement depends on: its settings, data, threads, machine, code, and versions.

This is the one place that says what the digest of a stored measurement is made of.
"""

import functools
import platform

from benchmarks.common import machine, processor, provenance
from benchmarks.common.store import Conditions


def conditions(
    measurement: str,
    settings: dict,
    *,
    modules: tuple[str, ...],
    data: dict[str, str],
    threads: int,
    device: str,
) -> Conditions:
    """All that a measurement of this kind depends on, as JSON.

    `settings` defines what is measured; names that change nothing, such as that of an arm, do not belong
    there. `modules` are those that the measurement begins with; all that they import counts too. `data` has
    the SHA-256 of each data set; `device` is the setting of the study, and what it leads to on this machine
    counts.
    """
    return {
        "measurement": measurement,
        "settings": settings,
        "data": data,
        "threads": threads,
        "machine": hardware(device),
        "versions": {"python": platform.python_version(), **provenance.versions_behind(*modules)},
        "code": provenance.code_behind(*modules),
    }


@functools.cache
def hardware(device: str) -> dict:
    """The kind of machine: its processor and, unless the study keeps to the CPU, its GPU and driver."""
    used = None if device == "cpu" else machine.first_gpu()
    gpu = {"gpu": used.name, "gpu_driver": machine.driver()} if used else {}
    return {"cpu": processor.name(), "cpu_model": processor.model(), "cores": processor.cores(), **gpu}
