"""The process and its device, as JAX is set up in it."""

import os

import jax
from jax import numpy as jnp

from benchmarks.frameworks.trainer import Device

ONE_KERNEL = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1099511627776"
"""On a CPU a loop whose body calls no library, as at batch size 1, becomes one kernel: no hand-over between
threads at each operation, which takes longer there than the operation."""


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and numbers before JAX starts; TF32 is off.

    XLA reads the environment when the first array is made; NPROC is the size of the pool in which it
    computes on a CPU.
    """
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    os.environ["NPROC"] = str(threads)
    if ONE_KERNEL not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_KERNEL}".strip()
    jax.config.update("jax_enable_x64", precision == "float64")
    jax.config.update("jax_default_matmul_precision", "highest")
    if device == "cpu":
        jax.config.update("jax_platforms", "cpu")


def device() -> Device:
    """The device that JAX computes on."""
    (first, *_) = jax.devices()
    return Device("cpu", "CPU") if first.platform == "cpu" else Device("gpu", first.device_kind)


def switches() -> dict:
    """What is switched on and off in this process, as JAX and the environment report it."""
    return {
        "xla_cpu_threads": int(os.environ["NPROC"]),
        "xla_flags": os.environ["XLA_FLAGS"],
        "tf32": jax.config.jax_default_matmul_precision != "highest",
        "x64": jax.config.jax_enable_x64,
        "gpu_memory_preallocated": os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true",
    }


def synchronise() -> None:
    """Wait until everything asked of the device is computed."""
    jax.effects_barrier()
    jnp.zeros(()).block_until_ready()


def reset_peak_memory() -> None:
    """JAX cannot start its peak counter anew: the peak is that since the process began."""


def peak_memory_mib() -> float | None:
    """The framework's own GPU peak in MiB since the process began; None on a CPU, where JAX has none."""
    if device().kind == "cpu":
        return None
    return jax.devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20


def is_out_of_memory(error: Exception) -> bool:
    """Whether JAX says with this error that memory ran out."""
    said = isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    return said or isinstance(error, MemoryError)
