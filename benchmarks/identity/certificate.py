"""A certificate: how far one trace lies from the reference, quantity by quantity."""

import numpy as np

from benchmarks.identity.trace import Trace
from benchmarks.record import Value

BOUND = 1e-10
"""Largest relative difference at which two trainings are held to compute the same numbers."""


class Certificate(Value):
    """The outcome of comparing one trace with the reference; `differences` holds every quantity."""

    dataset: str
    model: str
    arm: str
    framework: str
    execution: str
    reference: str
    certified: bool
    largest_difference: float
    differs_by: str
    differences: dict[str, float]

    @property
    def verdict(self) -> str:
        """What summary.csv says of a cell with this certificate."""
        return "certified" if self.certified else f"not certified: {self.differs_by}"


def relative_difference(a: np.ndarray, b: np.ndarray) -> float:
    """max |a − b| / max |b|; infinite where the shapes differ or a number is not finite."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    scale = float(np.abs(b).max(initial=0.0))
    apart = float(np.abs(a - b).max(initial=0.0))
    return apart / scale if scale else apart


def differences(trace: Trace, reference: Trace) -> dict[str, float]:
    """Relative difference of every quantity that either trace has."""
    nothing = np.empty(0)
    names = list(dict.fromkeys([*reference, *trace]))
    return {
        name: relative_difference(trace.get(name, nothing), reference.get(name, nothing))
        if name in trace and name in reference
        else float("inf")
        for name in names
    }


def worst(found: dict[str, float]) -> str:
    """What differs, the quantity that is furthest off first."""
    off = sorted((name for name in found if found[name] > BOUND), key=lambda name: -found[name])
    return ", ".join(f"{name} by {found[name]:.1e}" for name in off[:3])
