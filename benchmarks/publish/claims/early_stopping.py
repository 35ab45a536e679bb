"""Evidence from tuned runs on the gap of large batches: at the best evaluation, and at the end.

The test set is read once, at the best evaluation, and so it is the validation set that tells what training on
has changed.
"""

import pandas as pd

from benchmarks.publish.claims.accuracy import (
    SMALL,
    SMALLEST_GAP,
    best_small,
    gap,
    is_gap,
    to_a_step,
    unequal,
)
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, of_mean
from benchmarks.publish.claims.tuned import TRAINING, tuned_runs
from benchmarks.publish.results import Results

LEFT = 0.75
"""Share of the gap at the end that early stopping leaves, at least, if it does not close it."""
BEST, END = "validation_accuracy", "last_accuracy"


def of_gap(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The gap between small and large batches at their best evaluations, less that share of it at the end."""
    run = [*TRAINING, "batch_size", "seed"]
    last = results.curves.sort_values("examples").groupby(run)[BEST].last().rename(END)
    return {place: _left(runs.join(last, on=run), claim) for place, runs in tuned_runs(results)}


def _left(runs: pd.DataFrame, claim: Claim) -> Evidence | None:
    sizes = {*runs["batch_size"]}
    if min(sizes) > SMALL or max(sizes) <= SMALL:
        return None
    small, large = best_small(runs, sizes), max(sizes)
    if cause := unequal(runs, small, large):
        return lacking(cause)
    best, last = (gap(runs, small, large, of=when) for when in (BEST, END))
    if not is_gap(to_a_step(last, runs, of=END), fewest=claim.fewest):
        return lacking(f"no gap of {SMALLEST_GAP} points between a small batch and B = {large}", n=len(last))
    found = of_mean(
        to_a_step((best - LEFT * last).dropna(), runs, of=BEST), claim.region, fewest=claim.fewest
    )
    return found.noted(f"B = {large}, gap at the end {last.mean():.2f} points")
