"""Evidence from trainings that were measured from the inside."""

import numpy as np
import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import (
    EVERYTHING,
    Evidence,
    Place,
    Region,
    exactly,
    lacking,
    of_mean,
    of_ratio,
    worst,
)
from benchmarks.publish.claims.tuned import by_seed, tuned_runs
from benchmarks.publish.results import Results, with_role
from benchmarks.study.study import ANALYSED_WITH


def noise_scale_over_critical(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The noise scale of a training with the smallest batch size over B_crit of the law, seed by seed."""
    measured = results.checkpoints.dropna(subset=["noise_scale"])
    found = {}
    for place, runs in tuned_runs(results):
        rows = measured.merge(pd.DataFrame([place])[["dataset", "model", "arm"]])
        if place.framework == ANALYSED_WITH and not rows.empty:
            laws = results.critical_batch.merge(pd.DataFrame([place]))
            found[place] = _over_law(laws, rows, runs, claim)
    return found


def _over_law(laws: pd.DataFrame, rows: pd.DataFrame, runs: pd.DataFrame, claim: Claim) -> Evidence:
    if laws.empty:
        return lacking("no law goes through the batch sizes that reach the target")
    critical = laws[["critical_batch", "critical_batch_lo", "critical_batch_hi"]].iloc[0].astype(float)
    if not (np.isfinite(critical) & (critical > 0)).all():
        return lacking("the critical batch size has no interval with two ends")
    smallest = rows["batch_size"].min()
    reached = runs[(runs["batch_size"] == smallest) & runs["examples_to_target"].notna()]["seed"]
    scales = on_the_way(rows[(rows["batch_size"] == smallest) & rows["seed"].isin(reached)])
    return _over_interval(scales, *critical, claim).noted(f"B = {smallest}")


def _over_interval(scales: pd.Series, at: float, lo: float, hi: float, claim: Claim) -> Evidence:
    """The claim holds if it does at every B of the interval, and fails if it does at none."""

    def over(size: float, region: tuple[float, float]) -> Evidence:
        return of_ratio(exactly(np.log(scales / size)), region, fewest=claim.fewest)

    least, most = claim.region
    holds = [over(size, claim.region) for size in (at, lo, hi)]
    above, below = over(hi, (0.0, most)), over(lo, (least, np.inf))
    return holds[0]._replace(
        p_supported=max(each.p_supported for each in holds),
        p_refuted=min(1.0, 2 * min(above.p_refuted, below.p_refuted)),
    )


def on_the_way(rows: pd.DataFrame) -> pd.Series:
    """The noise scale of each seed that reached the target: the geometric mean along the path to it."""
    reached = rows[with_role(rows, "target")].set_index("seed")["steps"]
    path = rows[with_role(rows, "path") & (rows["steps"] <= rows["seed"].map(reached))]
    return np.exp(np.log(path["noise_scale"]).groupby(path["seed"]).mean())


SIZES = 3
"""Batch sizes that a slope needs at least."""


def noise_over_sizes(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The slopes of the variance of a batch's gradient and of the spread of its loss, at the target."""
    rows = results.checkpoints
    rows = rows[with_role(rows, "target")].dropna(subset=["gradient_variance"])
    rows = rows.assign(variance=rows["gradient_variance"] / rows["batch_size"])
    found = {}
    for place, _ in tuned_runs(results):
        own = rows.merge(pd.DataFrame([place])[["dataset", "model", "arm"]])
        if place.framework == ANALYSED_WITH and own["batch_size"].nunique() >= SIZES:
            found[place] = worst(
                [
                    _slope(own, "variance", claim.region, claim).noted("variance"),
                    _slope(own, "loss_spread", (EVERYTHING[0], 0.0), claim).noted("spread of the loss"),
                ]
            )
    return found


def _slope(rows: pd.DataFrame, quantity: str, region: Region, claim: Claim) -> Evidence:
    """The slope of its logarithm on log B, of each seed that has it at enough batch sizes."""
    slopes = []
    for _, values in np.log(by_seed(rows, quantity)).iterrows():
        known = values[np.isfinite(values)]
        if len(known) >= SIZES:
            slopes.append(np.polyfit(np.log(known.index.to_numpy(float)), known.to_numpy(float), 1)[0])
    return of_mean(exactly(np.array(slopes)), region, fewest=claim.fewest)
