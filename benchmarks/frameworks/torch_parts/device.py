"""The process and its device, as PyTorch is set up in it."""

import torch

from benchmarks.frameworks.trainer import Device

DTYPES = {"float32": torch.float32, "float64": torch.float64}

_configured = {"gpu": True, "flush_denormal": False}


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and numbers; TF32 is off.

    Numbers below 1e-38 are flushed to 0, as TensorFlow does. The velocities of weights that seldom get
    a gradient (the edge pixels of MNIST) come down to there and stay, and are slow to compute with.
    """
    # Before the thread pool starts, whose threads take it over.
    _configured["flush_denormal"] = torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_default_dtype(DTYPES[precision])
    _configured["gpu"] = device != "cpu"


def device() -> Device:
    """The device that PyTorch computes on."""
    if _configured["gpu"] and torch.cuda.is_available():
        return Device("gpu", torch.cuda.get_device_name(0))
    return Device("cpu", "CPU")


def torch_device() -> torch.device:
    """The same as PyTorch's own value."""
    return torch.device("cuda" if device().kind == "gpu" else "cpu")


def switches() -> dict:
    """What is switched on and off in this process, as PyTorch reports it, or reported when it was set."""
    return {
        "intra_op_threads": torch.get_num_threads(),
        "flush_denormal": _configured["flush_denormal"],
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "captured_graph": "fused",
        "default_dtype": str(torch.get_default_dtype()),
    }


def synchronise() -> None:
    """Wait until everything asked of the device is computed."""
    if device().kind == "gpu":
        torch.cuda.synchronize()


def reset_peak_memory() -> None:
    """Start the framework's own GPU peak counter anew, from what is held without the allocator's cache."""
    if device().kind == "gpu":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_memory_mib() -> float | None:
    """The framework's own GPU peak in MiB; None on a CPU, where PyTorch would report 0.

    It is what the allocator reserved. A captured graph keeps the memory of its activations, but what was
    freed within the capture no longer counts as allocated, and a replay asks the allocator for nothing.
    """
    return torch.cuda.max_memory_reserved() / 2**20 if device().kind == "gpu" else None


def is_out_of_memory(error: Exception) -> bool:
    """Whether PyTorch says with this error that memory ran out."""
    said = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return said or isinstance(error, torch.OutOfMemoryError | MemoryError)
