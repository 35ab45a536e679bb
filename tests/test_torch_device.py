"""What PyTorch's frameworks say of their device; a GPU is played where there is none."""

from unittest.mock import patch

import pytest
from pytorch_process import torch_process

in_torch = pytest.fixture(torch_process, scope="module")


class Allocator:
    """PyTorch's on a GPU, in MiB: a captured graph keeps its blocks, which no longer count as allocated."""

    def __init__(self, *, graphs, cached, parameters):
        self.graphs, self.cached, self.parameters = graphs, cached, parameters
        self.peak = {"allocated": 999, "reserved": 999}

    @property
    def now(self):
        """What counts at this moment."""
        return {"allocated": self.parameters, "reserved": self.graphs + self.cached + self.parameters}

    def empty_cache(self):
        self.cached = 0

    def reset_peak_memory_stats(self):
        self.peak = self.now

    def take(self, mib):
        """A block taken and given back, which stays in the cache."""
        self.peak = {kind: max(self.peak[kind], count + mib) for kind, count in self.now.items()}
        self.cached += mib


def peak_of_a_replay():
    """The peak in MiB that is told after a replay which takes 3 MiB beyond the blocks of its graph."""
    import torch

    from benchmarks.frameworks.torch_parts import device
    from benchmarks.frameworks.trainer import Device

    allocator = Allocator(graphs=100, cached=50, parameters=20)
    cuda = {
        "empty_cache": allocator.empty_cache,
        "reset_peak_memory_stats": allocator.reset_peak_memory_stats,
        "max_memory_allocated": lambda: allocator.peak["allocated"] * 2**20,
        "max_memory_reserved": lambda: allocator.peak["reserved"] * 2**20,
    }
    with patch.multiple(torch.cuda, **cuda), patch.object(device, "device", lambda: Device("gpu", "played")):
        device.reset_peak_memory()
        allocator.take(3)
        return device.peak_memory_mib()


def test_the_peak_on_a_gpu_holds_the_blocks_of_captured_graphs_and_not_what_was_freed_before(in_torch):
    assert in_torch(peak_of_a_replay) == 100 + 20 + 3


def peak_on_a_cpu():
    from benchmarks.frameworks.torch_parts import device

    device.configure(threads=1, device="cpu", precision="float64")
    device.reset_peak_memory()
    return device.peak_memory_mib()


def test_a_cpu_has_no_peak(in_torch):
    assert in_torch(peak_on_a_cpu) is None


def flushing(supported):
    """What is said of denormal numbers, and what becomes of one, on a processor that can flush or not."""
    import torch

    from benchmarks.frameworks.torch_parts import device

    able = torch.set_flush_denormal(False)
    told = torch.set_flush_denormal if supported else lambda wanted: False
    with patch.object(torch, "set_flush_denormal", told):
        device.configure(threads=1, device="cpu", precision="float64")
    small = torch.full((4,), 1e-310, dtype=torch.float64)
    return device.switches()["flush_denormal"], able, bool((small * 0.5 == 0).all())


@pytest.mark.parametrize("supported", [True, False])
def test_the_switches_say_whether_denormal_numbers_are_flushed(in_torch, supported):
    said, able, flushed = in_torch(flushing, supported)
    assert said == flushed == (able and supported)
