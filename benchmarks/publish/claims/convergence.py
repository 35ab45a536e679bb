"""Evidence from trainings with tuned rates: examples and time to the target."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, of_ratio, worst
from benchmarks.publish.claims.tuned import by_seed, tuned_runs
from benchmarks.publish.results import Results

START = 32
UNIFORM = np.sqrt(12)
"""Width of a uniform distribution over its standard deviation."""


def examples_of_largest(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The examples to the target at the largest batch size over those at the smallest, seed by seed.

    A run that missed the target counts with its last example, which bounds the ratio from one side.
    """
    return _judged(results, lambda runs, place: _of_ends(runs, claim))


def _of_ends(runs: pd.DataFrame, claim: Claim) -> Evidence | None:
    sizes = sorted(runs["batch_size"].unique())
    if len(sizes) < 2:
        return None
    reached = by_seed(runs, "examples_to_target")[[sizes[0], sizes[-1]]]
    last = by_seed(runs, "examples").replace(0, np.nan)  # a run that never began bounds nothing
    pairs = reached.fillna(last).dropna()
    small, large = pairs[sizes[0]], pairs[sizes[-1]]
    missed = reached.loc[pairs.index].isna()
    return of_ratio(
        np.log(large / small),
        claim.region,
        fewest=claim.fewest,
        floor=_resolution(runs),
        at_least=bool(missed[sizes[-1]].any()),
        at_most=bool(missed[sizes[0]].any()),
    )


def _resolution(runs: pd.DataFrame) -> float:
    """The standard deviation of a logarithm of examples that only evaluations can tell."""
    shares = runs["examples_resolution"] / runs["examples_to_target"]
    return float(np.nan_to_num(shares.median())) / UNIFORM


def examples_at_critical(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The examples to the target at B_crit, between those measured, over the fewest."""
    return _judged(results, lambda runs, place: _of_part(results, runs, place, claim, part=1.0))


def examples_at_quarter(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The same at a quarter of B_crit."""
    return _judged(results, lambda runs, place: _of_part(results, runs, place, claim, part=0.25))


def _of_part(
    results: Results, runs: pd.DataFrame, place: Place, claim: Claim, *, part: float
) -> Evidence | None:
    laws = results.critical_batch.merge(pd.DataFrame([place]))
    if laws.empty:
        return None
    logs = np.log(by_seed(runs, "examples_to_target").dropna(axis=1, how="all"))
    at, sizes = part * laws["critical_batch"].item(), logs.columns.to_numpy(float)
    if not sizes.min() <= at <= sizes.max():
        return lacking(f"B = {at:.3g} lies outside the measured batch sizes that reach the target")
    there = pd.Series({seed: np.interp(np.log(at), np.log(sizes), row) for seed, row in logs.iterrows()})
    values = (there - logs[logs.mean().idxmin()]).dropna()
    return of_ratio(values, claim.region, fewest=claim.fewest, floor=_resolution(runs))


def time_of_32(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The time to the target at B = 32 over that at each other batch size, at its worst, seed by seed."""
    return _judged(results, lambda runs, place: _of_start(runs, claim))


def _of_start(runs: pd.DataFrame, claim: Claim) -> Evidence | None:
    times = np.log(by_seed(runs, "time_to_target_s"))
    if START not in times or len(times.columns) < 2:
        return None
    parts = [
        of_ratio((times[START] - times[size]).dropna(), claim.region, fewest=claim.fewest)._replace(
            remark=f"against B = {size}"
        )
        for size in times.columns.drop(START)
        if times[size].notna().any()
    ]
    return worst(parts) if parts else lacking("no other batch size reaches the target")


def _judged(
    results: Results, judge: Callable[[pd.DataFrame, Place], Evidence | None]
) -> dict[Place, Evidence]:
    """The evidence of each tuned arm of a (workload, framework)."""
    found = {place: judge(runs, place) for place, runs in tuned_runs(results)}
    return {place: evidence for place, evidence in found.items() if evidence}
