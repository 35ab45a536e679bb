"""How float32 is judged where products are in bfloat16: by the reference in float32, which rounds them too.

Two correct trainings round most numbers alike. A sum whose last digit differs is now and then rounded the
other way, and what follows from it is too, so that the more products lie behind a number, the further apart
the two may be. The measure of that is what rounding does at all: how far the reference lies from itself in
float64, where nothing is rounded. A training that does not round, or not everything, is as far away.
"""

import numpy as np

from benchmarks.identity.difference import (
    FIRST_FLOAT32_BOUND,
    Differences,
    differences,
    float32_bound,
    scales,
)
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.models.parameters import NOT_TRAINED

PRODUCTS = {"Dense": 1, "Conv": 1, "Attention": 4}
"""How many products follow one another in a layer: of attention, projection, scores, weights and output."""
SHARE_ALONE = 0.1
"""What a layer alone may differ by from the reference, as a share of what rounding does.
Between correct implementations it was 0.04 at most; where one rounding is left out it is 0.3 or more."""
SHARE_OF_SUMS = 0.5
"""The same of a bias or a norm, whose gradient is a sum over the batch: what rounding does to it largely
cancels, so that a single number which is rounded the other way may be a quarter of that."""
SHARE = 0.2
"""What a number may differ by for each product that lies behind it, as a share of what rounding does.
Between correct implementations it was 0.1 at most; where one rounding is left out it is 0.5 or more."""
LARGEST_SHARE = 2.0
"""The same however many lie behind it. From 1 on, it may be as far away as a training that does not round."""
LOSS_BOUND_ALONE, LOSS_BOUND = 2.0**-12, 2.0**-6
"""Largest relative difference of a loss, and of a loss or norm of a whole model: one number, so that it may
by chance be as near without any rounding."""
FEW_PREDICTIONS = 0.25
"""The same of an accuracy, which is that of guessing: a rounding may decide which output is the largest."""
OF_ROUNDING = (Stage.OUTPUTS, Stage.FIRST_EVALUATION, Stage.FIRST_STATE, Stage.FIRST_PARAMETERS)


AS_IN_FLOAT32 = (Stage.INITIAL, Stage.DIVERGED, Stage.COUNTED, Stage.TIMED)
"""The stages without such products: what the tiny model of these comes to is in float32 throughout."""


def has(reference: Trace) -> bool:
    """Whether this reference is of an arm whose products are in bfloat16."""
    return any(name != name.in_float64 for name in reference)


def is_of_rounding(name: Quantity) -> bool:
    """Whether a quantity is judged relative to what rounding does: arrays up to the end of the first step."""
    if name.stage == Stage.PRODUCTS:
        return not name.of.endswith("loss")
    return name.stage in OF_ROUNDING or (name.stage == Stage.SIZES and "outputs" in name.of)


def products_behind(trace: Trace) -> dict[Quantity, int]:
    """How many products lie behind each such array: those of a gradient go through the model twice."""
    reached, at = 0, {}
    for name in (each for each in trace if each.stage == Stage.OUTPUTS):
        reached += PRODUCTS.get(name.of.split(" ")[1], 0)
        at[name.path] = reached
    found = {}
    for name in filter(is_of_rounding, trace):
        passed = at.get(name.path, reached)
        forward = name.stage == Stage.OUTPUTS or name.of.endswith(NOT_TRAINED)
        backward = name.stage in (Stage.FIRST_STATE, Stage.FIRST_PARAMETERS) and not forward
        found[name] = 2 * reached - passed + 1 if backward else passed
    return found


def share_of_rounding(array: np.ndarray, mixed: np.ndarray, exact: np.ndarray, *, scale: float) -> float:
    """mean |array − mixed| / mean |exact − mixed|; infinite if shapes differ or a number is not finite.

    Where rounding does next to nothing, it is relative to what float32 itself may differ by, of numbers of
    this scale.
    """
    if array.shape != mixed.shape or not (np.isfinite(array).all() and np.isfinite(mixed).all()):
        return float("inf")
    if not array.size:
        return 0.0
    rounding = max(float(np.abs(exact - mixed).mean()), FIRST_FLOAT32_BOUND * scale)
    apart = float(np.abs(array.astype(np.float64) - mixed).mean())
    return apart / rounding if rounding else float("inf") if apart else 0.0


def judged(single: Trace, mixed: Trace, exact: Trace) -> tuple[Differences, Differences]:
    """How far each quantity in float32 is from the reference, and how far it may be.

    `mixed` and `exact` are the reference in float32 and in float64. What is relative to rounding is
    `share_of_rounding`, everything else a relative difference.
    """
    sizes, behind, scale = differences(single, mixed), products_behind(mixed), scales(exact)
    sizes |= {
        name: share_of_rounding(single[name], mixed[name], exact[name], scale=scale[name])
        for name in behind
        if name in single and name in exact
    }
    bounds = {
        name: bound(name, behind, sums=mixed[name].ndim == 1) if name in mixed else 0.0 for name in sizes
    }
    bounds = {name: most for name, most in bounds.items() if most is not None}
    return {name: sizes[name] for name in bounds}, bounds


def bound(name: Quantity, behind: dict[Quantity, int], *, sums: bool) -> float | None:
    """How far a quantity may be from the reference; None where it is not judged.

    `sums` says whether it is an array of one axis, as a bias has.
    """
    if name.stage == Stage.PRODUCTS:
        of_array = SHARE_OF_SUMS if sums else SHARE_ALONE
        return of_array if is_of_rounding(name) else LOSS_BOUND_ALONE
    if name in behind:
        return min(LARGEST_SHARE, SHARE * max(1, behind[name]))
    plain = None if name.stage == Stage.FOLLOWED else float32_bound(name)
    if plain is None or name.stage in AS_IN_FLOAT32:
        return plain
    if name.of.startswith("accuracies"):
        return FEW_PREDICTIONS
    return LOSS_BOUND if "loss" in f"{name.stage} {name.of}" or name.stage == Stage.FIRST_NORM else plain
