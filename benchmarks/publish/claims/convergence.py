"""Evidence from trainings with tuned rates: examples and time to the target."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Bounded, Evidence, Place, lacking, of_ratio, worst
from benchmarks.publish.claims.tuned import by_seed, in_seconds, pairs, to_target, tuned_for_steps
from benchmarks.publish.results import Results

START = 32


def examples_of_largest(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The examples to the target at the largest batch size over those at the smallest, seed by seed.

    A run that missed the target counts with its last example, which bounds the ratio from one side.
    """
    return _judged(results, lambda runs, place: _of_ends(to_target(runs), claim))


def _of_ends(runs: pd.DataFrame, claim: Claim) -> Evidence | None:
    small, large = runs["batch_size"].min(), runs["batch_size"].max()
    if small == large:
        return None
    found = of_ratio(pairs(runs, large, small), claim.region, fewest=claim.fewest)
    return found.noted(f"B = {large} over {small}")


def examples_at_critical(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The examples to the target at B_crit, between those measured, over the fewest."""
    return _judged(results, lambda runs, place: _of_law(results, runs, place, claim, part=1.0))


def examples_at_quarter(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The same at a quarter of B_crit."""
    return _judged(results, lambda runs, place: _of_law(results, runs, place, claim, part=0.25))


def _of_law(results: Results, runs: pd.DataFrame, place: Place, claim: Claim, *, part: float) -> Evidence:
    """The claim must hold at B_crit and at both ends of its interval, for it is not known better."""
    laws = results.critical_batch.merge(pd.DataFrame([place]))
    if laws.empty:
        return lacking("no law goes through the batch sizes that reach the target")
    known = to_target(runs).dropna(subset=["examples_to_target"])
    sizes = part * laws[["critical_batch", "critical_batch_lo", "critical_batch_hi"]].iloc[0].astype(float)
    least, most = known["batch_size"].min(), known["batch_size"].max()
    if not ((least <= sizes) & (sizes <= most)).all():
        lo, hi = sizes.iloc[1], sizes.iloc[2]
        return lacking(
            f"B = {lo:.3g} to {hi:.3g} does not lie within the measured sizes that reach the target"
        )
    return worst([_between(known, at, claim).noted(f"at B = {at:.3g}") for at in sizes])


def _between(runs: pd.DataFrame, at: float, claim: Claim) -> Evidence:
    """The examples at a batch size between those measured, on lines between logarithms, over the fewest."""
    observed, least, most = (by_seed(runs, name).dropna() for name in Bounded._fields)
    fewest = observed.mean().idxmin()

    def there(frame: pd.DataFrame) -> np.ndarray:
        x = np.log(frame.columns.to_numpy(float))
        return np.exp([np.interp(np.log(at), x, row) for row in np.log(frame.to_numpy(float))])

    taken = Bounded(*(there(frame) for frame in (observed, least, most)))
    least_taken = Bounded(*(frame[fewest].to_numpy(float) for frame in (observed, least, most)))
    return of_ratio(taken.log_over(least_taken), claim.region, fewest=claim.fewest)


def time_of_32(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The time to the target at B = 32 over that at each other batch size, at its worst, seed by seed."""
    return _judged(results, lambda runs, place: _of_start(runs, claim))


def _of_start(runs: pd.DataFrame, claim: Claim) -> Evidence | None:
    others = sorted({*runs["batch_size"]} - {START})
    if START not in set(runs["batch_size"]) or not others:
        return None
    quiet = runs.assign(examples=runs["examples"].where(runs["disturbed"].fillna("") == ""))
    quiet["examples_to_target"] = quiet["examples_to_target"].where(quiet["examples"].notna())
    times = in_seconds(to_target(quiet))
    return worst(
        [
            of_ratio(pairs(times, START, size), claim.region, fewest=claim.fewest).noted(f"over B = {size}")
            for size in others
        ]
    )


def _judged(
    results: Results, judge: Callable[[pd.DataFrame, Place], Evidence | None]
) -> dict[Place, Evidence | None]:
    """The evidence of each tuned arm of a (workload, framework)."""
    return {place: judge(runs, place) for place, runs in tuned_for_steps(results)}
