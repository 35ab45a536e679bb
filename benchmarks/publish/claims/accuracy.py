"""Evidence from test accuracies: of small batches against large ones, and of B = 32 against all."""

import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.convergence import START
from benchmarks.publish.claims.evidence import Evidence, Place, Region, lacking, of_mean, worst
from benchmarks.publish.claims.gaps import best_small, common_sizes, gap, to_a_step, unequal
from benchmarks.publish.claims.tuned import by_seed, one_rate_runs, reached, tuned_for_accuracy
from benchmarks.publish.results import Results
from benchmarks.summary.schema.names import DIVERGED

UNEVEN = 1.02
"""From this ratio of their examples on, two arms were not trained equally far. The last step of a large batch
goes beyond the budget, and a limit of seconds may end a run."""


def tuned(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The best small batch size less the largest, where both were trained equally far."""
    return {place: _of_small(runs, claim, equally=True) for place, runs in tuned_for_accuracy(results)}


def one_rate(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The same with one learning rate for all, however far either was trained."""
    return {place: _of_small(runs, claim, equally=False) for place, runs in one_rate_runs(results)}


def _of_small(runs: pd.DataFrame, claim: Claim, *, equally: bool) -> Evidence | None:
    if not (sizes := common_sizes(runs)):
        return None
    small, large = best_small(runs, sizes), max(sizes)
    if cause := unequal(runs, small, large, equally=equally):
        return lacking(cause)
    values = to_a_step(gap(runs, small, large), runs)
    found = of_mean(values, claim.region, fewest=claim.fewest)
    return found.noted(f"B = {' or '.join(map(str, sorted({*small})))} less {large}")


def of_32(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """Each other batch size less B = 32, at its worst."""
    found = {}
    for place, runs in tuned_for_accuracy(results):
        sizes = {*runs["batch_size"]}
        if START not in sizes or len(sizes) == 1:
            continue
        others = [size for size in sorted(sizes - {START}) if _as_long(runs, size, START)]
        if not others:
            found[place] = lacking(f"every other batch size was trained on more examples than B = {START}")
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


def _as_long(runs: pd.DataFrame, one: int, other: int) -> bool:
    """Whether runs of one batch size were trained on no more examples than those of another."""
    examples = runs.groupby("batch_size")["examples"].max()
    return bool(examples[one] <= UNEVEN * examples[other])


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
