"""Evidence from two tuned arms that differ in their ghost batches alone."""

import pandas as pd

from benchmarks.publish.claims.arms import with_and_without
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, of_mean
from benchmarks.publish.claims.gaps import (
    SMALLEST_GAP,
    best_small,
    common_sizes,
    gap,
    is_gap,
    to_a_step,
    unequal,
)
from benchmarks.publish.claims.tuned import by_seed, tuned_for_accuracy
from benchmarks.publish.results import Results

RECOVERED = 0.3
"""Share of the gap that closes it, as far as the claim goes."""


def of_gap(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """What ghost batches recover at the largest batch size, less that share of the gap to a small one."""
    pairs = with_and_without(
        results,
        tuned_for_accuracy(results),
        lambda arm: arm.get("ghost_batch"),
        lambda arm: {**arm, "ghost_batch": None},
    )
    return {place: _recovered(ghost, plain, claim) for place, ghost, plain in pairs}


def _recovered(ghost: pd.DataFrame, plain: pd.DataFrame, claim: Claim) -> Evidence:
    if not (sizes := common_sizes(plain)):
        return lacking("there is no large batch size beside a small one that both arms have")
    large = max(sizes)
    small = best_small(plain, sizes - {large})
    if cause := unequal(plain, small, large, equally=False):
        return lacking(cause)
    lost = gap(plain, small, large)
    if not is_gap(to_a_step(lost, plain), fewest=claim.fewest):
        return lacking(f"no gap of {SMALLEST_GAP} points between a small batch and B = {large}", n=len(lost))
    won = 100 * (by_seed(ghost, "test_accuracy")[large] - by_seed(plain, "test_accuracy")[large])
    found = of_mean(to_a_step((won - RECOVERED * lost).dropna(), plain), claim.region, fewest=claim.fewest)
    return found.noted(f"B = {large}, gap {lost.mean():.2f} points")
