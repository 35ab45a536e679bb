"""Where two trainings part, in plain words: read off from what agrees and what does not."""

from collections.abc import Sequence

import numpy as np

from benchmarks.identity.difference import BOUND, Differences, first_step_apart, magnitude
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.models.parameters import NOT_TRAINED

FORWARD = {
    Stage.STREAM: "batch stream",
    Stage.FIRST_LOSS: "loss: the outputs of every layer agree",
    Stage.EVALUATION: "evaluation mode: what was trained agrees",
    Stage.CONSTANT: "optimizer: at a constant learning rate",
}
UNLIKE = "{} is missing or of another shape"
UNEXPLAINED = 0.01
"""Part of a difference that may be left when one factor is said to explain it."""


def place(found: Differences, trace: Trace, reference: Trace, *, rates: np.ndarray) -> str:
    """The first place, in causal order, at which a trace differs from the reference; "" if at none.

    `rates` [steps] are the learning rates of the training.
    """
    off = [name for name, size in found.items() if not size <= BOUND]
    if not off:
        return ""
    first, unlike = off[0], [name for name in off if not _alike(name, trace, reference)]
    if first in unlike:
        return UNLIKE.format(first)
    if first.stage in FORWARD:
        return FORWARD[first.stage]
    if first.stage in (Stage.INITIAL, Stage.OUTPUTS):
        part = "initialiser" if first.stage == Stage.INITIAL else "forward pass"
        return f"{part} of {layer(first.path, trace)}"
    if first.stage == Stage.FIRST_NORM:
        return f"backward pass{_last_moved(off, trace)}"
    if unlike:  # what follows reads several arrays
        return UNLIKE.format(unlike[0])
    if first.stage in (Stage.FIRST_PARAMETERS, Stage.FIRST_STATE):
        return _first_update(off, trace, reference)
    return _later(off, trace, reference, rates)


def _alike(name: Quantity, trace: Trace, reference: Trace) -> bool:
    """Whether both have this quantity, in one shape."""
    return name in trace and name in reference and trace[name].shape == reference[name].shape


def layer(path: str, trace: Trace) -> str:
    """A layer with its kind: `layer 3.body.0 Conv`."""
    kinds = dict(name.of.split(" ") for name in trace if name.stage == Stage.OUTPUTS)
    return f"layer {path} {kinds.get(path, '')}".rstrip()


def _last_moved(off: list[Quantity], trace: Trace) -> str:
    """A wrong gradient reaches its own layer and those in front of it: the last of them is named."""
    paths = [name.path for name in off if name.stage == Stage.FIRST_PARAMETERS and _is_trained(name)]
    return f", at {layer(paths[-1], trace)} or behind it" if paths else ""


def _is_trained(name: Quantity) -> bool:
    return not name.of.endswith(NOT_TRAINED)


def _first_update(off: list[Quantity], trace: Trace, reference: Trace) -> str:
    """What went wrong between the first gradient and the first new parameters."""
    parameters = [name for name in off if name.stage == Stage.FIRST_PARAMETERS and _is_trained(name)]
    state = [name for name in off if name.stage == Stage.FIRST_STATE]
    if not parameters and not state:
        return _not_trained(off[0], trace)
    trained = [name for name in reference if name.stage == Stage.FIRST_PARAMETERS and _is_trained(name)]
    alone = _alone({name.parameter for name in [*parameters, *state]}, {name.parameter for name in trained})
    if state:
        return _state(state, moved=bool(parameters), trace=trace, reference=reference) + alone
    factor = ratio(_steps(trained, trace), _steps(trained, reference))
    return f"optimizer: update rule{_times(factor, 'its first step')}{alone}"


def _not_trained(name: Quantity, trace: Trace) -> str:
    part = "random numbers" if name.of.endswith("generator") else "running averages"
    return f"{part} of {layer(name.path, trace)}"


def _alone(off: set[str], trained: set[str]) -> str:
    """Named where some parameters are updated as they should be and others are not."""
    some = sorted(off) if len(off) < len(trained) else []
    return f", of {', '.join(some[:3])}{' …' if len(some) > 3 else ''} alone" if some else ""


def _state(off: list[Quantity], *, moved: bool, trace: Trace, reference: Trace) -> str:
    """Which part of the update left its mark on the state after one step."""
    slots = list(dict.fromkeys(name.of.split(" ")[0] for name in off))
    known = {name.of.split(" ")[0] for name in reference if name.stage == Stage.FIRST_STATE}
    if len(slots) < len(known):
        return f"optimizer: rule of its {slots[0]}"
    pairs = [(trace[name], reference[name]) for name in off if name.of.startswith(f"{slots[0]} ")]
    factor = ratio(*zip(*pairs, strict=True))
    if factor is None:
        each = all(ratio([a], [b]) for a, b in pairs)
        return f"optimizer: {'gradient clipping, of each array alone' if each else 'weight decay'}"
    part = "gradient clipping" if moved else f"formulation of its {slots[0]}"
    return f"optimizer: {part}{_times(factor, 'the gradient' if moved else 'the state')}"


def _steps(names: list[Quantity], trace: Trace) -> list[np.ndarray]:
    """How far the first step moved each parameter."""
    return [trace[name] - trace[Quantity(Stage.INITIAL, name.of)] for name in names]


def _times(factor: float | None, what: str) -> str:
    """The factor, or how far it lies from 1 where it is nearly 1."""
    if factor is None:
        return ""
    return f" ({what} times {f'{factor:.4g}' if abs(factor - 1) > 1e-3 else f'1 {factor - 1:+.1e}'})"


def ratio(arrays: Sequence[np.ndarray], references: Sequence[np.ndarray]) -> float | None:
    """The one number that the references must be multiplied by to give the arrays, if that explains them."""
    a, b = (np.concatenate([each.ravel() for each in group]) for group in (arrays, references))
    if not magnitude(b):
        return None
    factor = float(a @ b / (b @ b))
    return factor if magnitude(a - factor * b) <= UNEXPLAINED * magnitude(a - b) else None


def _later(off: list[Quantity], trace: Trace, reference: Trace, rates: np.ndarray) -> str:
    """What agrees after one step and parts afterwards."""
    names = [name for name in off if name.stage == off[0].stage]
    if names[0].of and not any(_is_trained(name) for name in names):
        return _not_trained(names[0], trace)
    if names[0].stage == Stage.NORM:
        return "optimizer: as soon as gradients are clipped"
    curve = Quantity(Stage.LOSS)
    exact = reference[curve]
    step = first_step_apart(trace[curve], exact, by=BOUND * magnitude(exact))
    if step is None:
        early = off[0].stage in (Stage.EARLY_PARAMETERS, Stage.EARLY_STATE)
        return f"training: in the {'first' if early else 'last'} steps"
    trained = any(name.stage in (Stage.EARLY_PARAMETERS, Stage.PARAMETERS) for name in off)
    if trained and Quantity(Stage.NORM) not in off:  # which comes of a training that clips
        return "optimizer: as long as nothing is clipped"
    before = rates[max(0, step - 4) : step - 1]  # the last of them is what the wrong step took
    changed = len(before) == 3 and before[0] == before[1] != before[2]
    return f"schedule: the learning rate of step {step - 1}" if changed else f"training: from step {step} on"
