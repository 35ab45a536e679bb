"""Evidence on sharp minima: whether large batches find them, and whether they go with a gap in accuracy.

Both are taken where the training loss is the same at all batch sizes, with two measures that a rescaling of
the layers changes and one that it does not.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, exactly, lacking, of_mean, of_ratio, worst
from benchmarks.publish.claims.tuned import by_seed, tuned_runs
from benchmarks.publish.results import Results, with_role
from benchmarks.study.study import ANALYSED_WITH

MEASURES = {"sharpness": 1, "largest_eigenvalue": 1, "width": -1}
"""The measures, with the sign of the exponent that makes it one of sharpness."""
EQUALLY = 1.25
"""The factor within which training losses are matched."""
SIZES = 4
"""Batch sizes that a rank correlation needs at least."""


def of_minima(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The sharpness at the largest batch size over that at the smallest, at its least of all measures."""
    return {place: _ratios(rows, claim) for place, rows, _ in _matched(results)}


def of_gaps(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """How alike sharpness and the gap between training and test accuracy rank over batch sizes, by seed."""
    return {place: _ranks(rows, runs, claim) for place, rows, runs in _matched(results)}


def _matched(results: Results) -> Iterator[tuple[Place, pd.DataFrame, pd.DataFrame]]:
    """Of each tuned arm that has all measures: the checkpoints of matched loss, and the runs."""
    rows = results.checkpoints
    rows = rows[with_role(rows, "matched")].dropna(subset=[*MEASURES])
    for place, runs in tuned_runs(results):
        own = rows.merge(pd.DataFrame([place])[["dataset", "model", "arm"]])
        if place.framework == ANALYSED_WITH and own["batch_size"].nunique() > 1:
            yield place, own, runs


def _ratios(rows: pd.DataFrame, claim: Claim) -> Evidence:
    if cause := unmatched(rows):
        return lacking(cause)
    parts = []
    for measure, sign in MEASURES.items():
        values = by_seed(rows, measure)
        ends = values[[values.columns.max(), values.columns.min()]].dropna()
        logarithms = sign * (np.log(ends.iloc[:, 0]) - np.log(ends.iloc[:, 1]))
        found = of_ratio(exactly(logarithms), claim.region, fewest=claim.fewest)
        parts.append(found.noted(measure.replace("_", " ")))
    return worst(parts)


def unmatched(rows: pd.DataFrame) -> str:
    """Why the training losses of batch sizes are not the same, in words; empty if they are."""
    losses = by_seed(rows, "training_loss").mean()
    apart = losses.max() / losses.min()
    return "" if apart <= EQUALLY else f"training losses are {apart:.2f} times apart"


def _ranks(rows: pd.DataFrame, runs: pd.DataFrame, claim: Claim) -> Evidence:
    if rows["batch_size"].nunique() < SIZES:
        return lacking(f"a rank over batch sizes needs {SIZES} of them")
    if cause := unmatched(rows):
        return lacking(cause)
    gaps = by_seed(runs, "train_accuracy") - by_seed(runs, "test_accuracy")
    parts = []
    for measure, sign in MEASURES.items():
        values = np.array([*_correlations(sign * by_seed(rows, measure), gaps)])
        found = of_mean(exactly(values), claim.region, fewest=claim.fewest)
        parts.append(found.noted(measure.replace("_", " ")))
    return worst(parts)


def _correlations(sharpness: pd.DataFrame, gaps: pd.DataFrame) -> Iterator[float]:
    """Spearman's rank correlation over the batch sizes of each seed; 0 where either is the same at all."""
    for seed, of_seed in sharpness.iterrows():
        both = pd.concat([of_seed, gaps.loc[seed]], axis=1).dropna()
        if len(both) >= SIZES:
            found = stats.spearmanr(both.iloc[:, 0], both.iloc[:, 1]).statistic if _vary(both) else 0.0
            yield float(found)


def _vary(both: pd.DataFrame) -> bool:
    return bool((both.nunique() > 1).all())
