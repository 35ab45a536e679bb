"""The quantities of a trace, named by the stage of the training that they belong to, and their files."""

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from benchmarks.common.files import write_bytes


class Stage(StrEnum):
    """The stages of a training in causal order: a fault shows first in its own stage, then in later ones."""

    STREAM = "batch stream"
    INITIAL = "initial parameters"
    OUTPUTS = "layer outputs"
    FIRST_EVALUATION = "evaluation outputs before the first step"
    FIRST_LOSS = "loss 1"
    FIRST_NORM = "gradient norm 1"
    FIRST_PARAMETERS = "parameters after one step"
    FIRST_STATE = "optimizer state after one step"
    EARLY_PARAMETERS = "parameters after 20 steps"
    EARLY_STATE = "optimizer state after 20 steps"
    LOSS = "loss"
    NORM = "gradient norm"
    PARAMETERS = "parameters"
    STATE = "optimizer state"
    EVALUATION = "evaluation outputs"
    CONSTANT = "parameters at a constant rate"
    EXAGGERATED = "parameters with exaggerated settings"
    HARSH = "losses with harsh settings"
    LARGE = "step with large parameters"
    DIVERGED = "loss of a training that diverges"
    PRODUCTS = "layers of products alone"
    SMALLEST = "steps at the smallest batch size"
    SIZES = "steps at other batch sizes"
    CALLS = "many short calls"
    SLOW = "training at a tiny rate"
    SLOW_AGAIN = "training at a tiny rate after a reset"
    STUDIED = "run by the study's own code"
    STUDIED_SIZES = "runs by the study's own code at each batch size"
    RUN = "run as in the study"
    RUN_AGAIN = "second run with the same trainer"
    COUNTED = "tiny model over all steps"
    TIMED = "round that throughput times"
    FOLLOWED = "whole run, followed"


ORDER = {stage: place for place, stage in enumerate(Stage)}
PHRASES = {
    Stage.STREAM: "batch stream {}",
    Stage.INITIAL: "initial parameter {}",
    Stage.OUTPUTS: "output of layer {}",
    Stage.FIRST_PARAMETERS: "parameter {} after one step",
    Stage.FIRST_STATE: "{} after one step",
    Stage.EARLY_PARAMETERS: "parameter {} after 20 steps",
    Stage.EARLY_STATE: "{} after 20 steps",
    Stage.PARAMETERS: "parameter {}",
    Stage.STATE: "{}",
    Stage.CONSTANT: "parameter {} at a constant rate",
    Stage.EXAGGERATED: "{} with exaggerated settings",
    Stage.LARGE: "{} of a step with large parameters",
    Stage.PRODUCTS: "{} alone",
    Stage.SMALLEST: "{}",
    Stage.SIZES: "{}",
    Stage.SLOW: "{} of a training at a tiny rate",
    Stage.SLOW_AGAIN: "{} of a training at a tiny rate after a reset",
    Stage.CALLS: "{} after many short calls",
    Stage.STUDIED: "{} of a run by the study's own code",
    Stage.STUDIED_SIZES: "{} of a run by the study's own code",
    Stage.RUN: "{} of a run",
    Stage.RUN_AGAIN: "{} of a second run",
    Stage.TIMED: "{} of a timed round",
    Stage.COUNTED: "{} of a tiny model over all steps",
    Stage.FOLLOWED: "{} of a whole run",
}
"""The name of one quantity in words, for stages that have several."""


AT_REST = " at rest"
MIXED = " in mixed precision"
OVER_MANY_STEPS = "over many steps"
"""In the name of what a timed round of the tiny model comes to, by which float32 is judged too."""


class Quantity(NamedTuple):
    """One array of a trace. `of` says which array of its stage it is.

    It is a parameter's name (`3.kernel`), words with a parameter's name (`velocity 3.kernel`), a layer's path
    with its kind (`3.body.0 Conv`), or words alone; it is empty if the stage has only one array.
    """

    stage: Stage
    of: str = ""

    def __str__(self) -> str:
        return PHRASES.get(self.stage, str(self.stage)).format(self.of).strip()

    @property
    def at_rest(self) -> "Quantity":
        """The same quantity of a training at no rate, which only the reference has."""
        return Quantity(self.stage, self.of + AT_REST)

    @property
    def is_at_rest(self) -> bool:
        """Whether it is compared with nothing, and only says by how much a training changes a loss."""
        return self.of.endswith(AT_REST)

    @property
    def in_mixed_precision(self) -> "Quantity":
        """The same quantity of the reference in float32, for arms whose products are in bfloat16."""
        return Quantity(self.stage, self.of + MIXED)

    @property
    def in_float64(self) -> "Quantity":
        """The same quantity without that."""
        return Quantity(self.stage, self.of.removesuffix(MIXED))

    @property
    def parameter(self) -> str:
        """The parameter's name, without the slot."""
        return self.of.split(" ")[-1]

    @property
    def path(self) -> str:
        """Path of the layer that the array belongs to."""
        return self.of.split(" ")[0] if self.stage == Stage.OUTPUTS else self.parameter.rpartition(".")[0]

    @property
    def family(self) -> str:
        """The family (all arrays of a stage and slot) whose scale is used if this array is only rounding."""
        slot = self.of.rpartition(" ")[0] if self.stage != Stage.OUTPUTS else self.of
        return f"{self.stage} {slot} {'generator' if self.of.endswith('generator') else ''}"


Trace = dict[Quantity, np.ndarray]


def without_mixed_precision(trace: Trace) -> Trace:
    """A trace without what the reference has in mixed precision."""
    return {name: value for name, value in trace.items() if name == name.in_float64}


def with_mixed_precision(trace: Trace) -> Trace:
    """A trace in which that stands in the place of what the reference has in float64."""
    mixed = {name.in_float64: value for name, value in trace.items() if name != name.in_float64}
    return without_mixed_precision(trace) | mixed


FAILED = " failed"
"""Behind the name of a trace in the metadata of its file: the error for which it could not be recorded."""


def in_causal_order(quantities: list[Quantity]) -> list[Quantity]:
    """Sorted by stage; within a stage the order is kept."""
    return sorted(quantities, key=lambda quantity: ORDER[quantity.stage])


def trace_name(dataset: str, model: str, arm: str, execution: str) -> str:
    """Name of one trace in its file."""
    return f"{dataset}/{model}/{arm}/{execution}"


def serialised(traces: dict[str, Trace | str], conditions: dict[str, str]) -> bytes:
    """The content of a file of traces by their names; numbers in the keys keep the order of quantities.

    In place of a trace that could not be recorded stands the error. `conditions` has, by the same names, the
    digest of what a certificate made from the trace holds for.
    """
    failures = {f"{name}{FAILED}": trace for name, trace in traces.items() if isinstance(trace, str)}
    content = {
        f"{name}/{number:05d}/{quantity.stage}/{quantity.of}": np.ascontiguousarray(value)
        for name, trace in traces.items()
        if not isinstance(trace, str)
        for number, (quantity, value) in enumerate(trace.items())
    }
    return save(content, metadata=conditions | failures)


def write_traces(traces: dict[str, Trace | str], conditions: dict[str, str], path: Path) -> None:
    """Write such a file, whole or not at all."""
    write_bytes(serialised(traces, conditions), path)


def read_trace(path: Path, name: str) -> Trace:
    """Read one trace of a file, without loading the others."""
    with safe_open(path, "numpy") as file:
        keys = sorted(key for key in file.keys() if key.startswith(f"{name}/"))  # noqa: SIM118
        arrays = [(key.removeprefix(f"{name}/").split("/"), file.get_tensor(key)) for key in keys]
    return {Quantity(Stage(stage), of): value for (_, stage, of), value in arrays}


def read_failure(path: Path, name: str) -> str:
    """The error for which a trace could not be recorded; empty if it was."""
    with safe_open(path, "numpy") as file:
        return file.metadata().get(f"{name}{FAILED}", "")


def read_conditions(path: Path, name: str) -> str:
    """The digest of what a certificate made from a trace holds for."""
    with safe_open(path, "numpy") as file:
        return file.metadata()[name]
