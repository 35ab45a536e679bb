"""How much one trace differs from another, quantity by quantity."""

import numpy as np

from benchmarks.identity.quantity import OVER_MANY_STEPS, Quantity, Stage, Trace, in_causal_order
from benchmarks.models.parameters import NOT_TRAINED

BOUND = 1e-10
"""Largest relative difference at which two trainings count as computing the same numbers."""
ROUNDING = 1e-6
"""If an array is this much smaller than the largest of its family, its scale is that of the family."""
FLOAT32_BOUND = 1e-3
"""Relative difference of the loss beyond which a training in float32 no longer follows the reference."""
FIRST_FLOAT32_BOUND = 2e-5
"""Largest relative difference that float32 may have from the reference in float64 where it has no cause to
part from it: up to the first step, and in the losses of a run at a tiny rate and of a tiny model."""
FEW_PREDICTIONS = 1e-2
"""The same for an accuracy: a last digit may decide for which class an output is largest."""
MOVED_FLOAT32_BOUND = 0.05
"""The same for the losses of some dozens of steps at a tiny rate, relative to what training changes them."""
LEAST_MOVED = FIRST_FLOAT32_BOUND / MOVED_FLOAT32_BOUND
"""A loss that changes by a smaller part of itself counts as changed by this: the rest may be rounding."""
FOLLOWED_FLOAT32_BOUND = 1e-3
"""The same for where a call of a whole run ends, relative to how far it moved."""
BEFORE_THE_SECOND_STEP = (
    *(Stage.INITIAL, Stage.OUTPUTS, Stage.FIRST_EVALUATION),
    *(Stage.FIRST_LOSS, Stage.FIRST_NORM, Stage.FIRST_STATE),
    *(Stage.LARGE, Stage.DIVERGED),
)
"""The stages in which float32 has had no time to part from its reference."""

TWICE = (Stage.SLOW, Stage.SLOW_AGAIN)

Differences = dict[Quantity, float]
"""Relative difference by quantity, in causal order; infinite if two arrays cannot be compared."""


def scales(reference: Trace) -> dict[Quantity, float]:
    """The scale that differences in each quantity are relative to: the reference's largest magnitude.

    Some arrays are 0 except for rounding errors: the bias in front of a batch norm and the key bias of
    attention do not influence the loss, so their gradient is a sum that cancels. Comparing one rounding
    error with another says nothing. So if an array is smaller than a millionth of the largest of its
    family (the parameters, or one slot of the optimizer's state, at the same stage), the scale is the
    largest magnitude in the family. This cannot hide a fault: an array that matters changes the loss, and
    with it all other arrays.
    """
    magnitudes = {name: magnitude(array) for name, array in reference.items()}
    largest: dict[str, float] = {}
    for name, size in magnitudes.items():
        largest[name.family] = max(size, largest.get(name.family, 0.0))
    return {
        name: size if size > ROUNDING * largest[name.family] else largest[name.family]
        for name, size in magnitudes.items()
    }


def moved(reference: Trace) -> dict[Quantity, float]:
    """The scale of losses in float32: by how much training changed them, where the reference tells.

    How far rounding can lead float32 astray depends on how far the parameters moved, and so does what a
    fault does; by how much a loss itself changes differs a thousandfold between models.
    """
    found = {}
    for name in reference:
        if (rest := name.at_rest) in reference:
            changed, least = magnitude(reference[name] - reference[rest]), magnitude(reference[rest])
            found[name] = max(changed, LEAST_MOVED * least)
    return found


def magnitude(array: np.ndarray) -> float:
    """Largest absolute value; 0 if there are no values."""
    return float(np.abs(array).max(initial=0.0))


def relative_difference(a: np.ndarray, b: np.ndarray, *, scale: float) -> float:
    """max |a − b| / scale; infinite if the shapes differ or a number is not finite."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    difference = magnitude(a.astype(np.float64) - b)
    return difference / scale if scale else difference


def differences(trace: Trace, reference: Trace, *, of_float32: bool = False) -> Differences:
    """The relative difference of every quantity that either trace has."""
    names = in_causal_order(list(dict.fromkeys([*reference, *trace])))
    relative_to = scales(reference) | (moved(reference) if of_float32 else {})
    return {
        name: relative_difference(trace[name], reference[name], scale=relative_to[name])
        if name in trace and name in reference
        else float("inf")
        for name in names
        if not name.is_at_rest
    }


def by_stage(differences: Differences) -> dict[Stage, float]:
    """The largest difference of each stage."""
    largest: dict[Stage, float] = {}
    for name, size in differences.items():
        largest[name.stage] = max(size, largest.get(name.stage, 0.0))
    return largest


def first_step_apart(a: np.ndarray, b: np.ndarray, *, by: np.ndarray | float) -> int | None:
    """The first step, counted from 1, at which two curves [steps] differ by more than `by`, if any."""
    close = np.abs(a.astype(np.float64) - b) <= by  # also False for NaN
    return None if close.all() else int(np.argmin(close)) + 1


def float32_bound(name: Quantity) -> float | None:
    """How far float32 may be from the reference in float64 in this quantity; None where it is not judged.

    Parameters that are trained are not: Adam turns a gradient that is only rounding into a whole step.
    """
    if name.stage == Stage.LARGE and name.of != "loss":
        return None
    if name.stage in TWICE:
        return MOVED_FLOAT32_BOUND if name.of == "losses" else None
    if name.stage == Stage.FOLLOWED:
        return FOLLOWED_FLOAT32_BOUND
    if name.stage == Stage.COUNTED:
        return FIRST_FLOAT32_BOUND if name.of.startswith("losses") else FLOAT32_BOUND
    if name.stage == Stage.TIMED:
        return FLOAT32_BOUND if OVER_MANY_STEPS in name.of else None
    if name.stage == Stage.STUDIED_SIZES:
        of_loss = FIRST_FLOAT32_BOUND if "loss" in name.of else None
        return of_loss or (FEW_PREDICTIONS if name.of.startswith("accuracies") else BOUND)
    if name.stage in (Stage.SMALLEST, Stage.SIZES):
        ahead = name.of.startswith(("first loss", "validation", "outputs"))
        return FIRST_FLOAT32_BOUND if ahead else MOVED_FLOAT32_BOUND if name.of.startswith("loss") else None
    averages = name.stage == Stage.FIRST_PARAMETERS and name.of.endswith(NOT_TRAINED)
    if name.stage in BEFORE_THE_SECOND_STEP or averages:
        return FIRST_FLOAT32_BOUND
    return FLOAT32_BOUND if name.stage == Stage.HARSH else None
