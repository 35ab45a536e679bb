"""Evidence from two models that differ in their norms alone: batch norm in one, group norm in the other.

Batch norm is where the examples of a batch see one another; with group norm they do not (Wu & He 2018,
arXiv 1803.08494).
"""

import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, of_mean
from benchmarks.publish.claims.gaps import common_sizes, of_best, to_a_step
from benchmarks.publish.claims.tuned import tuned_runs
from benchmarks.publish.results import Results

GROUP_NORM = "_gn"
"""The name of a model with group norm is that of the one with batch norm, and this."""


def of_gaps(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """What small batches have over large ones with batch norm, less what they have with group norm."""
    runs = dict(tuned_runs(results))
    pairs = {place: place._replace(model=place.model + GROUP_NORM) for place in runs}
    return {
        place: _of_two(runs[place], runs[other], claim) for place, other in pairs.items() if other in runs
    }


def _of_two(batch_norm: pd.DataFrame, group_norm: pd.DataFrame, claim: Claim) -> Evidence:
    if not (sizes := common_sizes(batch_norm, group_norm)):
        return lacking("there is no large batch size beside a small one that both models have")
    one, other = (of_best(runs, sizes) for runs in (batch_norm, group_norm))
    if cause := one.cause or other.cause:
        return lacking(cause)
    apart = to_a_step((one.points - other.points).dropna(), batch_norm, steps=2)
    told = f"B = {max(sizes)}, gaps {one.points.mean():.2f} and {other.points.mean():.2f} points"
    return of_mean(apart, claim.region, fewest=claim.fewest).noted(told)
