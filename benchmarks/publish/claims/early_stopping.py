"""Evidence from tuned runs on the gap of large batches: where early stopping ends them, and at the end.

The test set is read once, at the best evaluation, and so it is the validation set that tells what training on
has changed.
"""

import pandas as pd

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
from benchmarks.publish.claims.tuned import tuned_for_accuracy
from benchmarks.publish.results import Results

LEFT = 0.75
"""Share of the gap at the end that early stopping leaves, at least, if it does not close it."""
STOPPED, ENDED = "stopped_accuracy", "last_accuracy"


def of_gap(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The gap between small and large batches where each would stop, less that share of it at the end."""
    return {
        place: _left(with_ends(runs, results.curves.merge(pd.DataFrame([place._asdict()]))), claim)
        for place, runs in tuned_for_accuracy(results)
    }


def with_ends(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """The runs of a place with their validation accuracies where early stopping ends them, and at their ends.

    Where to stop is the evaluation that is best on average over the other seeds: by its own, a curve with
    more noise would look better there. Runs that ended before the others have neither.
    """
    rows = []
    for size, own in curves.groupby("batch_size"):
        wide = own.pivot(index="examples", columns="seed", values="validation_accuracy").sort_index()
        wide = wide.loc[:, wide.iloc[-1].notna()]
        for seed in wide:
            others = wide.drop(columns=seed) if wide.shape[1] > 1 else wide
            stopped, ended = wide.at[others.mean(axis=1).idxmax(), seed], wide[seed].iloc[-1]
            rows.append({"batch_size": size, "seed": seed, STOPPED: stopped, ENDED: ended})
    ends = pd.DataFrame(rows, columns=["batch_size", "seed", STOPPED, ENDED])
    return runs.merge(ends, how="left")


def _left(runs: pd.DataFrame, claim: Claim) -> Evidence | None:
    if not (sizes := common_sizes(runs)):
        return None
    small, large = best_small(runs, sizes), max(sizes)
    if cause := unequal(runs, small, large):
        return lacking(cause)
    stopped, ended = (gap(runs, small, large, of=when) for when in (STOPPED, ENDED))
    if not is_gap(to_a_step(ended, runs, of=ENDED), fewest=claim.fewest):
        return lacking(f"no gap of {SMALLEST_GAP} points between a small batch and B = {large}", n=len(ended))
    left = to_a_step((stopped - LEFT * ended).dropna(), runs, of=STOPPED, steps=1 + LEFT)
    found = of_mean(left, claim.region, fewest=claim.fewest)
    return found.noted(f"B = {large}, gap at the end {ended.mean():.2f} points")
