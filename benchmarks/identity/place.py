"""Where in a training a trace begins to differ from the reference, in words."""

from collections.abc import Sequence

import numpy as np

from benchmarks.identity.difference import BOUND, Differences, first_step_apart, magnitude
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.models.parameters import NOT_TRAINED

FORWARD = {
    Stage.STREAM: "batch stream",
    Stage.FIRST_LOSS: "loss, or the examples that the trainer holds: the outputs of every layer agree",
    Stage.FIRST_EVALUATION: "evaluation mode: what was trained agrees",
    Stage.EVALUATION: "evaluation mode: what was trained agrees",
    Stage.CONSTANT: "optimizer: at a constant learning rate",
    Stage.EXAGGERATED: "optimizer: with clipping, decay or schedule exaggerated",
    Stage.HARSH: "optimizer: with clipping or decay exaggerated",
    Stage.LARGE: "loss or backward pass: where outputs are large",
    Stage.DIVERGED: "loss: of a training that diverged",
    Stage.PRODUCTS: "products: of a layer alone",
    Stage.SMALLEST: "batch size: at the smallest one, or with examples beyond the first 500",
    Stage.SIZES: "batch size: at another one than 32, or with examples beyond the first 500",
    Stage.CALLS: "calls: many of them, with evaluations in between",
    Stage.SLOW: "training: at a tiny rate, or with examples beyond the first 500",
    Stage.SLOW_AGAIN: "reset: a second training with the same trainer",
    Stage.STUDIED: "run: the study's own code plans or runs it otherwise",
    Stage.STUDIED_SIZES: "run: the study's own code plans or runs it otherwise",
    Stage.RUN: "run: evaluations on the way, calls of many steps, or all examples",
    Stage.RUN_AGAIN: "reset: a second run with the same trainer",
    Stage.COUNTED: "training: only after many steps, or after a reset",
    Stage.TIMED: "throughput: what it times is another training",
    Stage.FOLLOWED: "run: somewhere between the first and the last step of a whole one",
}
MISMATCHED = "{} is missing or of another shape"
UNEXPLAINED = 0.01
"""Part of a difference that a single factor may leave unexplained and still count as its explanation."""


def place(differences: Differences, trace: Trace, reference: Trace, *, rates: np.ndarray) -> str:
    """The part of a training, in causal order, at which a trace first differs from the reference, or "".

    `rates` [steps] are the learning rates of the training.
    """
    differing = [name for name, size in differences.items() if not size <= BOUND]
    if not differing:
        return ""
    first, mismatched = differing[0], [name for name in differing if not _in_both(name, trace, reference)]
    if first in mismatched:
        return MISMATCHED.format(first)
    if first.stage in FORWARD:
        return FORWARD[first.stage]
    if first.stage in (Stage.INITIAL, Stage.OUTPUTS):
        part = "initialiser" if first.stage == Stage.INITIAL else "forward pass"
        return f"{part} of {layer(first.path, trace)}"
    if first.stage == Stage.FIRST_NORM:
        return f"backward pass or norm of the gradient{_last_moved(differing, trace)}"
    if mismatched:  # what follows compares several arrays
        return MISMATCHED.format(mismatched[0])
    if first.stage in (Stage.FIRST_PARAMETERS, Stage.FIRST_STATE):
        return _first_update(differing, trace, reference)
    return _later(differing, trace, reference, rates)


def _in_both(name: Quantity, trace: Trace, reference: Trace) -> bool:
    """Whether both have this quantity, in the same shape."""
    return name in trace and name in reference and trace[name].shape == reference[name].shape


def layer(path: str, trace: Trace) -> str:
    """A layer with its path and kind: `layer 3.body.0 Conv`."""
    kinds = dict(name.of.split(" ") for name in trace if name.stage == Stage.OUTPUTS)
    return f"layer {path} {kinds.get(path, '')}".rstrip()


def _last_moved(differing: list[Quantity], trace: Trace) -> str:
    """The last layer with a wrong gradient: the fault also changes the gradients of all layers before it."""
    paths = [name.path for name in differing if name.stage == Stage.FIRST_PARAMETERS and _is_trained(name)]
    return f", at {layer(paths[-1], trace)} or behind it" if paths else ""


def _is_trained(name: Quantity) -> bool:
    """Whether the quantity belongs to a trained parameter."""
    return not name.of.endswith(NOT_TRAINED)


def _first_update(differing: list[Quantity], trace: Trace, reference: Trace) -> str:
    """The place of a difference between the first gradient and the first updated parameters."""
    parameters = [name for name in differing if name.stage == Stage.FIRST_PARAMETERS and _is_trained(name)]
    state = [name for name in differing if name.stage == Stage.FIRST_STATE]
    if not parameters and not state:
        return _not_trained(differing[0], trace)
    trained = [name for name in reference if name.stage == Stage.FIRST_PARAMETERS and _is_trained(name)]
    alone = _alone({name.parameter for name in [*parameters, *state]}, {name.parameter for name in trained})
    if state:
        return _state(state, moved=bool(parameters), trace=trace, reference=reference) + alone
    factor = ratio(_steps(trained, trace), _steps(trained, reference))
    return f"optimizer: update rule{_times(factor, 'its first step')}{alone}"


def _not_trained(name: Quantity, trace: Trace) -> str:
    """The place of a difference in what gradients do not train."""
    part = "random numbers" if name.of.endswith("generator") else "running averages"
    return f"{part} of {layer(name.path, trace)}"


def _alone(differing: set[str], trained: set[str]) -> str:
    """The names of the parameters that are updated wrongly, if others are updated correctly."""
    some = sorted(differing) if len(differing) < len(trained) else []
    return f", of {', '.join(some[:3])}{' …' if len(some) > 3 else ''} alone" if some else ""


def _state(differing: list[Quantity], *, moved: bool, trace: Trace, reference: Trace) -> str:
    """The part of the update that explains a difference in the optimizer's state after one step."""
    slots = list(dict.fromkeys(name.of.split(" ")[0] for name in differing))
    known = {name.of.split(" ")[0] for name in reference if name.stage == Stage.FIRST_STATE}
    if len(slots) < len(known):
        return f"optimizer: rule of its {slots[0]}"
    pairs = [(trace[name], reference[name]) for name in differing if name.of.startswith(f"{slots[0]} ")]
    factor = ratio(*zip(*pairs, strict=True))
    if factor is None:
        each = all(ratio([a], [b]) for a, b in pairs)
        return f"optimizer: {'gradient clipping, of each array alone' if each else 'weight decay'}"
    part = "gradient clipping" if moved else f"formulation of its {slots[0]}"
    return f"optimizer: {part}{_times(factor, 'the gradient' if moved else 'the state')}"


def _steps(names: list[Quantity], trace: Trace) -> list[np.ndarray]:
    """The change of each parameter in the first step."""
    return [trace[name] - trace[Quantity(Stage.INITIAL, name.of)] for name in names]


def _times(factor: float | None, what: str) -> str:
    """The factor in words; if it is nearly 1, its distance from 1."""
    if factor is None:
        return ""
    return f" ({what} times {f'{factor:.6g}' if abs(factor - 1) > 1e-3 else f'1 {factor - 1:+.1e}'})"


def ratio(arrays: Sequence[np.ndarray], references: Sequence[np.ndarray]) -> float | None:
    """The factor that turns the references into the arrays; None if no single factor does."""
    a, b = (np.concatenate([each.ravel() for each in group]) for group in (arrays, references))
    if not magnitude(b):
        return None
    factor = float(a @ b / (b @ b))
    return factor if magnitude(a - factor * b) <= UNEXPLAINED * magnitude(a - b) else None


def _later(differing: list[Quantity], trace: Trace, reference: Trace, rates: np.ndarray) -> str:
    """The place of a difference that appears only after the first step."""
    names = [name for name in differing if name.stage == differing[0].stage]
    counts = [name for name in names if name.of.endswith("generator")]
    if counts:  # these depend on nothing else that is compared
        return _not_trained(counts[0], trace)
    if names[0].of and not any(_is_trained(name) for name in names):
        return _not_trained(names[0], trace)
    if names[0].stage == Stage.NORM:
        return "optimizer: as soon as gradients are clipped"
    curve = Quantity(Stage.LOSS)
    exact = reference[curve]
    step = first_step_apart(trace[curve], exact, by=BOUND * magnitude(exact))
    if step is None:
        early = differing[0].stage in (Stage.EARLY_PARAMETERS, Stage.EARLY_STATE)
        return f"training: in the {'first' if early else 'last'} steps"
    trained = any(name.stage in (Stage.EARLY_PARAMETERS, Stage.PARAMETERS) for name in differing)
    if trained and Quantity(Stage.NORM) not in differing:  # the norms come from a training that clips
        return "optimizer: as long as nothing is clipped"
    before = rates[max(0, step - 4) : step - 1]  # the last is the rate of the first wrong step
    changed = len(before) == 3 and before[0] == before[1] != before[2]
    return f"schedule: the learning rate of step {step - 1}" if changed else f"training: from step {step} on"
