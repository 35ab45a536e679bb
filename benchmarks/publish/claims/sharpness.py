"""Evidence on sharp minima: whether large batches find them, and whether the sharper ones do worse.

Both are taken at checkpoints where the training loss is the same at all batch sizes, with two measures that a
rescaling of the layers changes and one that it does not.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.frameworks import ANALYSED_WITH
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Bounded, Evidence, Place, lacking, of_ratio
from benchmarks.publish.claims.ranks import of_ranks
from benchmarks.publish.claims.tuned import RUN, by_seed, their_checkpoints, tuned_runs
from benchmarks.publish.results import Results, with_role

MEASURES = {"sharpness": 1, "largest_eigenvalue": 1, "width": -1}
"""The measures, with the sign of the exponent that makes it one of sharpness."""
EQUALLY = 1.25
"""The factor within which training losses are matched."""
SIZES = 5
"""Batch sizes that a rank correlation needs at least: fewer have too few orders."""


def of_minima(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The sharpness at the largest batch size over that at the smallest, at its least of all measures."""
    return {place: unmatched(rows, runs) or _ratios(rows, claim) for place, rows, runs in _matched(results)}


def of_errors(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """How alike sharpness and the validation error there rank over batch sizes, seed by seed."""
    return {
        place: unmatched(rows, runs) or _ranks(validated(results, rows), claim)
        for place, rows, runs in _matched(results)
    }


def validated(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """Checkpoints with the validation accuracy that the timed run of the same training had there."""
    keys = [*RUN, "examples"]
    seen = results.curves[results.curves["framework"] == ANALYSED_WITH]
    return rows.merge(seen[[*keys, "validation_accuracy"]], on=keys)


def _matched(results: Results) -> Iterator[tuple[Place, pd.DataFrame, pd.DataFrame]]:
    """Of each tuned arm that has all measures: the checkpoints of matched loss, and the runs."""
    rows = results.checkpoints
    rows = rows[with_role(rows, "matched")].dropna(subset=[*MEASURES])
    for place, runs in tuned_runs(results):
        own = their_checkpoints(rows, runs)
        if not own.empty:
            yield place, own, runs


def unmatched(rows: pd.DataFrame, runs: pd.DataFrame) -> Evidence | None:
    """Why batch sizes cannot be compared at one training loss; None if they can."""
    ends = {runs["batch_size"].min(), runs["batch_size"].max()}
    if lost := sorted(ends - {*rows["batch_size"]}):
        return lacking(f"B = {lost[0]} never came down to the training loss that is compared at")
    losses = by_seed(rows, "training_loss").mean()
    apart = losses.max() / losses.min()
    return None if apart <= EQUALLY else lacking(f"training losses are {apart:.2f} times apart")


def _ratios(rows: pd.DataFrame, claim: Claim) -> Evidence:
    """Each ratio may be wrong by as much as the training losses differ, with which measures fall."""
    large, small = rows["batch_size"].max(), rows["batch_size"].min()
    wrong = _log_ratio(rows, "training_loss", large, small).abs()
    parts = []
    for measure, sign in MEASURES.items():
        values = sign * _log_ratio(rows, measure, large, small)
        known = Bounded(*(each.to_numpy(float) for each in (values, values - wrong, values + wrong)))
        found = of_ratio(known, claim.region, fewest=claim.fewest)
        parts.append(found.noted(f"{measure.replace('_', ' ')}, B = {large} over {small}"))
    return _agreed(parts)


def _agreed(parts: list[Evidence]) -> Evidence:
    """Supported where all measures say so, and refuted only where all say the contrary."""
    weakest = max(parts, key=lambda part: part.p_supported)
    return weakest._replace(p_refuted=max(part.p_refuted for part in parts))


def _log_ratio(rows: pd.DataFrame, name: str, large: int, small: int) -> pd.Series:
    """The logarithm of a quantity at one batch size over another, of each seed that has both."""
    values = by_seed(rows, name)[[large, small]].dropna()
    return np.log(values[large]) - np.log(values[small])


def _ranks(rows: pd.DataFrame, claim: Claim) -> Evidence:
    if rows["batch_size"].nunique() < SIZES:
        return lacking(f"a rank over batch sizes needs {SIZES} of them")
    errors, parts = -by_seed(rows, "validation_accuracy"), []
    for measure, sign in MEASURES.items():
        found = of_ranks(sign * by_seed(rows, measure), errors, fewest=claim.fewest)
        parts.append(found.noted(measure.replace("_", " ")))
    return _agreed(parts)
