"""The settings of PyTorch in this process, and its device."""

from collections.abc import Callable

import torch

from benchmarks.frameworks.trainer import Device, Repeated, tells_of_memory

DTYPES = {"float32": torch.float32, "float64": torch.float64}

_configured = {"gpu": True, "flush_denormal": False}


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and precision; TF32 is off, and products in bfloat16 are summed in float32.

    Denormal numbers, below about 1e-38, are flushed to 0, as TensorFlow does. The velocities of weights that
    seldom get a gradient (those of MNIST's edge pixels) decay into that range, and would slow each step down.
    """
    # This must come before the thread pool starts, since its threads inherit it.
    _configured["flush_denormal"] = torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.set_default_dtype(DTYPES[precision])
    _configured["gpu"] = device != "cpu"


def device() -> Device:
    """The device that PyTorch computes on."""
    if _configured["gpu"] and torch.cuda.is_available():
        return Device("gpu", torch.cuda.get_device_name(0))
    return Device("cpu", "CPU")


def torch_device() -> torch.device:
    """The device that PyTorch computes on, as a `torch.device`."""
    return torch.device("cuda" if device().kind == "gpu" else "cpu")


def switches() -> dict:
    """The settings in force in this process, as PyTorch reports them."""
    return {
        "intra_op_threads": torch.get_num_threads(),
        "flush_denormal": _configured["flush_denormal"],
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "sums_in_bfloat16": torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "captured_graph": "fused",
        "default_dtype": str(torch.get_default_dtype()),
    }


def synchronise() -> None:
    """Wait until the device has computed everything."""
    if device().kind == "gpu":
        torch.cuda.synchronize()


def reset_peak_memory() -> None:
    """Reset PyTorch's GPU peak counter to the memory in use, after emptying the allocator's cache."""
    if device().kind == "gpu":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_memory_mib() -> float | None:
    """PyTorch's GPU peak in MiB; None on a CPU, where PyTorch would report 0.

    This is the memory that the allocator reserved, not the memory it counts as allocated: a captured graph
    keeps the memory of its activations, but PyTorch counts it as freed, and a replay allocates nothing.
    """
    return torch.cuda.max_memory_reserved() / 2**20 if device().kind == "gpu" else None


def is_out_of_memory(error: Exception) -> bool:
    """Whether this error of PyTorch means that memory ran out."""
    return isinstance(error, torch.OutOfMemoryError) or tells_of_memory(error)


def product(size: int, precision: str) -> Repeated:
    """See `frameworks`: a product of two matrices [size, size]."""
    factor = torch.rand(size, size, dtype=getattr(torch, precision), device=torch_device())
    return _repeated(torch.mm, factor, factor)


def scaling(n: int, precision: str) -> Repeated:
    """See `frameworks`: an array [n] times a number."""
    array = torch.rand(n, dtype=getattr(torch, precision), device=torch_device())
    return _repeated(torch.mul, array, 0.5)


def _repeated(operation: Callable, array: torch.Tensor, factor: torch.Tensor | float) -> Repeated:
    out = torch.empty_like(array)

    def repeat(times: int) -> None:
        for _ in range(times):
            operation(array, factor, out=out)
        synchronise()

    return repeat
