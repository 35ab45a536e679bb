"""How far one trace lies from another, and by what."""

import numpy as np

from benchmarks.identity.quantity import Quantity, Stage, Trace, in_causal_order

BOUND = 1e-10
"""Largest relative difference at which two trainings are held to compute the same numbers."""
ROUNDING = 1e-6
"""An array this much smaller than the largest of its family is measured by the family."""
FLOAT32_BOUND = 1e-3
"""Relative difference of the loss at which a training in float32 has parted from the reference."""

Differences = dict[Quantity, float]
"""Relative difference by quantity, in causal order; infinite where two arrays cannot be compared."""


def scales(reference: Trace) -> dict[Quantity, float]:
    """What a difference in each quantity is relative to: the largest magnitude in the reference's array.

    Some arrays are 0 but for rounding: the bias in front of a batch norm and the key bias of attention
    have no influence on the loss, so their gradient is a sum that cancels. Rounding relative to rounding
    says nothing. Where an array is less than a millionth of the largest of its family (the parameters, or
    one slot of the optimizer's state, at the same stage), it is that largest magnitude instead. This
    cannot hide a fault: an array that counts changes the loss, and all others with it.
    """
    own = {name: magnitude(array) for name, array in reference.items()}
    largest: dict[str, float] = {}
    for name, size in own.items():
        largest[name.family] = max(size, largest.get(name.family, 0.0))
    return {
        name: size if size > ROUNDING * largest[name.family] else largest[name.family]
        for name, size in own.items()
    }


def magnitude(array: np.ndarray) -> float:
    """Largest absolute value; 0 of no values."""
    return float(np.abs(array).max(initial=0.0))


def apart(a: np.ndarray, b: np.ndarray, *, scale: float) -> float:
    """max |a − b| / scale; infinite where the shapes differ or a number is not finite."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    difference = magnitude(a.astype(np.float64) - b)
    return difference / scale if scale else difference


def differences(trace: Trace, reference: Trace) -> Differences:
    """Every quantity that either trace has."""
    names = in_causal_order(list(dict.fromkeys([*reference, *trace])))
    relative_to = scales(reference)
    return {
        name: apart(trace[name], reference[name], scale=relative_to[name])
        if name in trace and name in reference
        else float("inf")
        for name in names
    }


def by_stage(found: Differences) -> dict[Stage, float]:
    """The largest difference of each stage."""
    largest: dict[Stage, float] = {}
    for name, size in found.items():
        largest[name.stage] = max(size, largest.get(name.stage, 0.0))
    return largest


def first_step_apart(a: np.ndarray, b: np.ndarray, *, by: np.ndarray | float) -> int | None:
    """The first step, counted from 1, at which two curves [steps] differ by more than `by`, if any."""
    together = np.abs(a.astype(np.float64) - b) <= by  # false of what is not a number, too
    return None if together.all() else int(np.argmin(together)) + 1
