"""Every difference that is planted into the close look at the first steps, and a trace with one of them."""

import contextlib

import planted_batches  # noqa: F401  (importing a file of plants registers them)
import planted_layers  # noqa: F401
import planted_optimizers  # noqa: F401
from planting import PLANTS, STEPS, case

from benchmarks.identity.quantity import Trace
from benchmarks.identity.trace import record_trace


def traced(name: str, plant: bool) -> Trace:
    """The trace of PyTorch on the training of a plant, with it or without."""
    chosen = PLANTS[name]
    with chosen.plant() if plant else contextlib.nullcontext():
        return record_trace(case("pytorch", chosen.layers, chosen.optimizer), steps=STEPS)
