"""Evidence from test accuracies: of small batches against large ones, and of B = 32 against all."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.convergence import START
from benchmarks.publish.claims.evidence import (
    ALONE,
    EVERYTHING,
    Bounded,
    Evidence,
    Place,
    Region,
    lacking,
    of_mean,
    worst,
)
from benchmarks.publish.claims.tuned import by_seed, one_rate_runs, reached, tuned_runs
from benchmarks.publish.results import Results
from benchmarks.summary.schema import DIVERGED

SMALL = 64
"""Batch sizes up to this one are small."""
EQUALLY = 0.5
"""Percentage points of training accuracy within which two batch sizes were trained equally far."""
SMALLEST_GAP = 0.2
"""Percentage points of accuracy that count as a gap."""
UNEVEN = 1.02
"""From this ratio of their examples on, two arms were not trained equally far. The last step of a large batch
goes beyond the budget, and a limit of seconds may end a run."""


def tuned(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The best small batch size less the largest, where both were trained equally far."""
    return {place: _of_small(runs, claim, equally=True) for place, runs in tuned_runs(results)}


def one_rate(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The same with one learning rate for all, however far either was trained."""
    return {place: _of_small(runs, claim, equally=False) for place, runs in one_rate_runs(results)}


def _of_small(runs: pd.DataFrame, claim: Claim, *, equally: bool) -> Evidence | None:
    sizes = {*runs["batch_size"]}
    if min(sizes) > SMALL or max(sizes) <= SMALL:
        return None
    small, large = best_small(runs, sizes), max(sizes)
    if cause := unequal(runs, small, large, equally=equally):
        return lacking(cause)
    values = to_a_step(gap(runs, small, large), runs)
    found = of_mean(values, claim.region, fewest=claim.fewest)
    return found.noted(f"B = {' or '.join(map(str, sorted({*small})))} less {large}")


def best_small(runs: pd.DataFrame, sizes: Iterable[int]) -> pd.Series:
    """For each seed, the small one of these batch sizes with the best validation accuracy over other seeds.

    Were it chosen by the seed's own, it would be one with more luck than the large one, in the test set too.
    """
    small = [size for size in sizes if size <= SMALL]
    validated = by_seed(runs[runs["batch_size"].isin(small)], "validation_accuracy").dropna(axis=1, how="all")
    others = {
        seed: validated.drop(index=seed) if len(validated) > 1 else validated for seed in validated.index
    }
    return pd.Series(
        {seed: rows.mean().idxmax() for seed, rows in others.items() if rows.notna().any(axis=None)}
    )


def unequal(runs: pd.DataFrame, small: pd.Series, large: int, *, equally: bool = True) -> str:
    """Why small batch sizes and a large one cannot be compared, in words; empty if they can."""
    chosen = {*small}
    if not chosen or not all(reached(runs, size) for size in chosen | ({large} if equally else set())):
        return "a batch size that is compared never reached the target"
    trained = 100 * by_seed(runs, "train_accuracy").mean()
    apart = max((abs(trained[size] - trained[large]) for size in chosen), key=lambda n: (np.isnan(n), n))
    if equally and not apart <= EQUALLY:
        return f"training accuracies are {apart:.2f} points apart"
    return ""


def gap(runs: pd.DataFrame, small: pd.Series, large: int, of: str = "test_accuracy") -> pd.Series:
    """The accuracy of the small batch size of each seed less that of the large one, in points."""
    found = 100 * by_seed(runs, of)
    return pd.Series(
        {seed: found.at[seed, size] - found.at[seed, large] for seed, size in small.items()}
    ).dropna()


def is_gap(differences: Bounded, *, fewest: int) -> bool:
    """Whether these are told from none, and large enough to speak of."""
    there = of_mean(differences, (0, EVERYTHING[1]), fewest=fewest)
    return there.p_supported <= ALONE and float(np.mean(differences.observed)) >= SMALLEST_GAP


def of_32(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """Each other batch size less B = 32, at its worst."""
    found = {}
    for place, runs in tuned_runs(results):
        others = sorted({*runs["batch_size"]} - {START})
        if START not in set(runs["batch_size"]) or not others:
            continue
        if not reached(runs, START):
            found[place] = lacking(f"B = {START} never reached the target")
            continue
        found[place] = worst(
            [
                difference(runs, size, START, claim.region, fewest=claim.fewest).noted(f"B = {size}")
                for size in others
            ]
        )
    return found


def difference(runs: pd.DataFrame, one: int, other: int, region: Region, *, fewest: int) -> Evidence:
    """The test accuracy of one batch size less that of another, in percentage points, seed by seed."""
    tested = 100 * by_seed(runs, "test_accuracy")
    return of_mean(to_a_step((tested[one] - tested[other]).dropna(), runs), region, fewest=fewest)


def of_two_arms(
    one: pd.DataFrame, other: pd.DataFrame, size: int, claim: Claim, *, diverged: bool = False
) -> Evidence:
    """The test accuracy of the runs of one arm less that of another's at a batch size, seed by seed.

    They must have been trained on as many examples; with `diverged`, runs that diverged are exempt, where a
    claim is about what keeps them from it.
    """
    arms = [runs[runs["batch_size"] == size] for runs in (other, one)]
    sides = pd.concat([runs.assign(batch_size=side) for side, runs in enumerate(arms)])
    if not (reached(sides, 0) or reached(sides, 1)):
        return lacking(f"B = {size} never reached the target")
    exempt = [runs["status"].eq(DIVERGED) & diverged for runs in arms]
    trained = [runs.loc[~out, "examples"].mean() for runs, out in zip(arms, exempt, strict=True)]
    if max(trained) > UNEVEN * min(trained):
        return lacking(f"B = {size} was not trained on as many examples")
    return difference(sides, 1, 0, claim.region, fewest=claim.fewest).noted(f"B = {size}")


def to_a_step(
    differences: pd.Series, runs: pd.DataFrame, of: str = "test_accuracy", *, steps: float = 1.0
) -> Bounded:
    """Differences of accuracies, known to one step: each counts whole examples of the test or validation set.

    The step is the smallest difference that is seen; where there is none, nothing is known of it. What is
    made of several accuracies is known to as many `steps`.
    """
    apart = np.diff(np.unique(100 * runs[of].dropna()))
    values, step = differences.to_numpy(float), steps * float(apart.min()) if len(apart) else np.inf
    return Bounded(values, values - step, values + step)
