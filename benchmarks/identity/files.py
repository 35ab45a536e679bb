"""Traces in files: one safetensors file for all traces of a framework in one precision."""

from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from benchmarks.common.files import write_bytes
from benchmarks.identity.quantity import Quantity, Stage, Trace


def where(dataset: str, model: str, arm: str, execution: str) -> str:
    """Name of one trace in its file."""
    return f"{dataset}/{model}/{arm}/{execution}"


def write(traces: dict[str, Trace], path: Path) -> None:
    """Write traces by their names, whole or not at all; the quantities are numbered, for their order."""
    content = {
        f"{name}/{number:05d}/{quantity.stage}/{quantity.of}": np.ascontiguousarray(value)
        for name, trace in traces.items()
        for number, (quantity, value) in enumerate(trace.items())
    }
    write_bytes(save(content), path)


def read(path: Path, name: str) -> Trace:
    """Read one trace; the others in the file are left alone."""
    with safe_open(path, "numpy") as file:
        keys = sorted(key for key in file.keys() if key.startswith(f"{name}/"))  # noqa: SIM118
        found = [(key.removeprefix(f"{name}/").split("/"), file.get_tensor(key)) for key in keys]
    return {Quantity(Stage(stage), of): value for (_, stage, of), value in found}
