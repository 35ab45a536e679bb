"""A certificate: what the comparison of one trace with the reference came to.

The reference is always the framework `numpy` in its idiomatic execution, in float64.
"""

import math

import numpy as np

from benchmarks.common.value import Value
from benchmarks.identity.difference import BOUND, FLOAT32_BOUND, by_stage, differences, first_step_apart
from benchmarks.identity.place import place
from benchmarks.identity.quantity import Quantity, Stage, Trace

REFERENCE = ("numpy", "idiomatic")
Names = dict[str, str]
"""Dataset, model, arm, framework and execution of one trace."""


class Certificate(Value):
    """The outcome of comparing one trace with the reference.

    `differences` holds the largest relative difference of each stage in causal order; null stands for
    arrays that cannot be compared (missing, of another shape, not finite). `float32_parts_at_step` is the
    first step, from 1, at which the loss of the same training in float32 is further from the reference
    than FLOAT32_BOUND; null is never.
    """

    dataset: str
    model: str
    arm: str
    framework: str
    execution: str
    reference: str = " ".join(REFERENCE)
    certified: bool
    statistical: bool
    verdict: str
    differs_by: str
    first_difference: str | None
    largest_difference: float | None
    differences: dict[str, float | None]
    float32_parts_at_step: int | None


def certificate(
    names: Names,
    trace: Trace,
    reference: Trace,
    *,
    rates: np.ndarray,
    losses: np.ndarray,
    statistical: bool,
) -> Certificate:
    """Compare one trace with the reference.

    `rates` [steps] are the learning rates, `losses` [steps] the learning curve in float32.
    `statistical` is a training whose framework draws random numbers of its own: its traces were made
    without them, and so the verdict promises no more than that the rest is the same.
    """
    found = differences(trace, reference)
    first = next((name for name, size in found.items() if not size <= BOUND), None)
    exact = reference[Quantity(Stage.LOSS)]
    told = (
        ""
        if first is None
        else f"{place(found, trace, reference, rates=rates)} [{first} by {found[first]:.1e}]"
    )
    agrees = "statistical" if statistical else "certified"
    return Certificate(
        **names,
        certified=first is None,
        statistical=statistical,
        verdict=f"not certified: {told}" if told else agrees,
        differs_by=told,
        first_difference=None if first is None else str(first),
        largest_difference=_number(max(found.values())),
        differences={str(stage): _number(size) for stage, size in by_stage(found).items()},
        float32_parts_at_step=first_step_apart(losses, exact, by=FLOAT32_BOUND * np.abs(exact)),
    )


def _number(size: float) -> float | None:
    """What JSON can hold."""
    return size if math.isfinite(size) else None
