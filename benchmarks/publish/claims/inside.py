"""Evidence from trainings that were measured from the inside."""

import numpy as np
import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import (
    Evidence,
    Place,
    Region,
    exactly,
    lacking,
    of_mean,
    of_ratio,
    worst,
)
from benchmarks.publish.claims.tuned import TRAINING, by_seed, their_checkpoints, tuned_for_steps
from benchmarks.publish.results import Results, of_workload, with_role

SIZES = 3
"""Batch sizes that a slope needs at least."""
EVALUATIONS = 8
"""The last ones up to the target, over which the spread of the validation loss is taken."""
FALLING = (-np.inf, 0.0)


def noise_scale_over_critical(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The noise scale of a training with the smallest batch size over B_crit of the law, seed by seed."""
    measured = results.checkpoints.dropna(subset=["noise_scale"])
    found = {}
    for place, runs in tuned_for_steps(results):
        rows = their_checkpoints(measured, runs)
        if not rows.empty:
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
        decided_by=None,
    )


def on_the_way(rows: pd.DataFrame) -> pd.Series:
    """The noise scale of each seed that reached the target: the geometric mean along the path to it."""
    reached = rows[with_role(rows, "target")].set_index("seed")["steps"]
    path = rows[with_role(rows, "path") & (rows["steps"] <= rows["seed"].map(reached))]
    return np.exp(np.log(path["noise_scale"]).groupby(path["seed"]).mean())


def noise_over_sizes(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The slopes of the variance of a batch's gradient and of the spread of the validation loss, on log B."""
    rows = results.checkpoints
    rows = rows[with_role(rows, "target")].dropna(subset=["gradient_variance"])
    found = {}
    for place, runs in tuned_for_steps(results):
        own = their_checkpoints(rows, runs)
        if own["batch_size"].nunique() >= SIZES:
            n = of_workload(results.targets, place[:2])["n_training"].iloc[0]
            variance = own.assign(value=own["gradient_variance"] * (1 / own["batch_size"] - 1 / n))
            spread = _spreads(results.curves.merge(runs[[*TRAINING, "batch_size", "seed"]]), own)
            found[place] = worst(
                [
                    _slope(variance, claim.region, claim).noted("variance"),
                    _slope(spread, FALLING, claim)._replace(criterion=FALLING).noted("validation loss"),
                ]
            )
    return found


def _spreads(curves: pd.DataFrame, reached: pd.DataFrame) -> pd.DataFrame:
    """How much the last validation losses up to the target spread around a straight line, by run."""
    at = reached[["batch_size", "seed", "examples"]].rename(columns={"examples": "until"})
    before = curves.merge(at).query("examples <= until").sort_values("examples")
    spreads = before.groupby(["batch_size", "seed"])["validation_loss"].agg(_around_line)
    return spreads.rename("value").reset_index()


def _around_line(losses: pd.Series) -> float:
    """Of the last EVALUATIONS losses; NaN where there are fewer."""
    last = losses.to_numpy(float)[-EVALUATIONS:]
    if len(last) < EVALUATIONS or not np.isfinite(last).all():
        return np.nan
    places = np.arange(EVALUATIONS)
    return float(np.std(last - np.polyval(np.polyfit(places, last, 1), places)))


def _slope(rows: pd.DataFrame, region: Region, claim: Claim) -> Evidence:
    """The slope of the logarithm of a value on log B, of each seed that has it at enough batch sizes."""
    slopes = []
    for _, values in by_seed(rows, "value").iterrows():
        known = values[values > 0]
        if len(known) >= SIZES:
            slopes.append(
                np.polyfit(np.log(known.index.to_numpy(float)), np.log(known.to_numpy(float)), 1)[0]
            )
    return of_mean(exactly(np.array(slopes)), region, fewest=claim.fewest)
