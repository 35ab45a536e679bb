"""A framework that does not compute where the study says is refused in the process in which it does not."""

from types import SimpleNamespace

import pytest

from benchmarks.common.errors import Problem
from benchmarks.common.machine import Gpu
from benchmarks.frameworks import devices
from benchmarks.frameworks.trainer import Device, tells_of_memory

SETTINGS = {"threads": 2, "precision": "float32"}


def framework(kind):
    asked = []
    return SimpleNamespace(
        __name__="benchmarks.frameworks.keras_jax",
        configure=lambda **given: asked.append(given),
        device=lambda: Device(kind, kind.upper()),
        asked=asked,
    )


@pytest.mark.parametrize(
    ("kind", "device", "gpus", "refused"),
    [
        ("cpu", "auto", [], False),
        ("cpu", "cpu", [Gpu(0, "H100")], False),
        ("gpu", "auto", [Gpu(0, "H100")], False),
        ("gpu", "gpu", [Gpu(0, "H100")], False),
        ("cpu", "auto", [Gpu(0, "H100")], True),
        ("cpu", "gpu", [Gpu(0, "H100")], True),
        ("cpu", "gpu", [], True),
    ],
)
def test_a_framework_that_falls_back_to_the_cpu_is_refused(monkeypatch, kind, device, gpus, refused):
    monkeypatch.setattr(devices.machine, "gpus", lambda: gpus)
    made = framework(kind)
    if refused:
        with pytest.raises(Problem, match="keras_jax computes on the CPU in this process"):
            devices.configure(made, device=device, **SETTINGS)
    else:
        devices.configure(made, device=device, **SETTINGS)
    assert made.asked == [{"device": device, **SETTINGS}]


@pytest.mark.parametrize(
    ("said", "tells"),
    [
        ("CUDA error: out of memory", True),
        ("INTERNAL: failed to allocate: CUDA_ERROR_OUT_OF_MEMORY: out of memory", True),
        ("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes", True),
        ("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)", True),
        ("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory", True),
        ("OOM when allocating tensor with shape[8]", True),
        ("shapes (2,3) and (4,5) not aligned", False),
    ],
)
def test_an_error_that_tells_of_memory_is_known_by_its_words(said, tells):
    assert tells_of_memory(RuntimeError(said)) == tells
    assert tells_of_memory(MemoryError())
