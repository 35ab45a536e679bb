"""Evidence from two models that differ in their norms alone: batch norm in one, group norm in the other.

Batch norm is where the examples of a batch see one another; with group norm they do not (Wu & He 2018,
arXiv 1803.08494).
"""

import numpy as np
import pandas as pd

from benchmarks.publish.claims.arms import certified
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, of_mean, worst
from benchmarks.publish.claims.gaps import SMALLEST_GAP, common_sizes, of_best, to_a_step
from benchmarks.publish.claims.tuned import tuned_for_accuracy
from benchmarks.publish.results import Results

THERE = (SMALLEST_GAP, np.inf)
"""Points of test accuracy that small batches must have over large ones with batch norm, to speak of worse."""
GROUP_NORM = "_gn"
"""The name of a model with group norm is that of the one with batch norm, and this."""


def of_gaps(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """What small batches have over large ones with batch norm, less what they have with group norm."""
    runs = dict(tuned_for_accuracy(results))
    pairs = {place: place._replace(model=place.model + GROUP_NORM) for place in runs}
    return {
        place: _of_two(runs[place], runs[other], claim)
        for place, other in pairs.items()
        if other in runs and certified(results, other)
    }


def _of_two(batch_norm: pd.DataFrame, group_norm: pd.DataFrame, claim: Claim) -> Evidence:
    if not (sizes := common_sizes(batch_norm, group_norm)):
        return lacking("there is no large batch size beside a small one that both models have")
    with_batch_norm, with_group_norm = (of_best(runs, sizes) for runs in (batch_norm, group_norm))
    for found, norm in ((with_batch_norm, "batch norm"), (with_group_norm, "group norm")):
        if found.cause:
            return lacking(f"with {norm}, {found.cause}")
    apart = (with_batch_norm.points - with_group_norm.points).dropna()
    larger = of_mean(to_a_step(apart, batch_norm, steps=2), claim.region, fewest=claim.fewest)
    gap = of_mean(to_a_step(with_batch_norm.points, batch_norm), THERE, fewest=claim.fewest)
    return worst([larger.noted(f"against B = {max(sizes)}"), gap.noted("with batch norm alone")])
