"""How much one trace differs from another, quantity by quantity."""

import numpy as np

from benchmarks.identity.quantity import Quantity, Stage, Trace, in_causal_order
from benchmarks.models.parameters import NOT_TRAINED

BOUND = 1e-10
"""Largest relative difference at which two trainings count as computing the same numbers."""
ROUNDING = 1e-6
"""If an array is this much smaller than the largest of its family, its scale is that of the family."""
FLOAT32_BOUND = 1e-3
"""Relative difference of the loss beyond which a training in float32 no longer follows the reference."""
FIRST_FLOAT32_BOUND = 2e-5
"""Largest relative difference, up to the first step, that float32 may have from the reference in float64."""

SLOW_FLOAT32_BOUND = 1e-3
"""The same for the losses of some dozens of steps at a small rate."""
FEW_PREDICTIONS = 1e-2
"""The same for an accuracy: a last digit may decide for which class an output is largest."""
STATE_FLOAT32_BOUND = 1e-2
"""The same for the optimizer's state after a few steps."""
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


def magnitude(array: np.ndarray) -> float:
    """Largest absolute value; 0 if there are no values."""
    return float(np.abs(array).max(initial=0.0))


def relative_difference(a: np.ndarray, b: np.ndarray, *, scale: float) -> float:
    """max |a − b| / scale; infinite if the shapes differ or a number is not finite."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    difference = magnitude(a.astype(np.float64) - b)
    return difference / scale if scale else difference


def differences(trace: Trace, reference: Trace) -> Differences:
    """The relative difference of every quantity that either trace has."""
    names = in_causal_order(list(dict.fromkeys([*reference, *trace])))
    relative_to = scales(reference)
    return {
        name: relative_difference(trace[name], reference[name], scale=relative_to[name])
        if name in trace and name in reference
        else float("inf")
        for name in names
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
    if name.stage in TWICE:
        return SLOW_FLOAT32_BOUND if name.of == "losses" else None
    if name.stage == Stage.COUNTED:
        return FIRST_FLOAT32_BOUND if name.of == "losses" else None
    if name.stage == Stage.STUDIED_SIZES:
        of_loss = SLOW_FLOAT32_BOUND if "loss" in name.of else None
        return of_loss or (FEW_PREDICTIONS if name.of.startswith("accuracies") else BOUND)
    averages = name.stage == Stage.FIRST_PARAMETERS and name.of.endswith(NOT_TRAINED)
    forward = name.stage in (Stage.SMALLEST, Stage.SIZES) and name.of.startswith(("first loss", "validation"))
    if name.stage in BEFORE_THE_SECOND_STEP or averages or forward:
        return FIRST_FLOAT32_BOUND
    if name.stage in (Stage.SMALLEST, Stage.SIZES) and name.of.startswith("loss"):
        return SLOW_FLOAT32_BOUND
    if name.stage == Stage.HARSH:
        return FLOAT32_BOUND
    state = name.stage == Stage.SMALLEST and name.of.startswith("state")
    return STATE_FLOAT32_BOUND if state else None
