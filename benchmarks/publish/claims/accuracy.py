"""Evidence from test accuracies: of small batches against large ones, and of B = 32 against all."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.convergence import START
from benchmarks.publish.claims.evidence import Evidence, Place, Region, exactly, lacking, of_mean, worst
from benchmarks.publish.claims.tuned import by_seed, one_rate_runs, reached, tuned_runs
from benchmarks.publish.results import Results

SMALL = 64
"""Batch sizes up to this one are small."""
EQUALLY = 0.5
"""Percentage points of training accuracy within which two batch sizes were trained equally far."""
UNIFORM = np.sqrt(12)
"""Width of a uniform distribution over its standard deviation."""


def tuned(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The best small batch size less the largest, where both were trained equally far."""
    found = {place: _of_small(runs, claim, equally=True) for place, runs in tuned_runs(results)}
    return {place: evidence for place, evidence in found.items() if evidence}


def one_rate(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The same with one learning rate for all, however far either was trained."""
    found = {place: _of_small(runs, claim, equally=False) for place, runs in one_rate_runs(results)}
    return {place: evidence for place, evidence in found.items() if evidence}


def _of_small(runs: pd.DataFrame, claim: Claim, *, equally: bool) -> Evidence | None:
    sizes = {*runs["batch_size"]}
    if min(sizes) > SMALL or max(sizes) <= SMALL:
        return None
    small, large = best_small(runs, sizes), max(sizes)
    remark = f"B = {small} less {large}"
    if small is None or not reached(runs, small) or (equally and not reached(runs, large)):
        return lacking("a batch size that is compared never reached the target")
    if equally and (apart := trained_apart(runs, small, large)):
        return lacking(f"{remark}: {apart}")
    return difference(runs, small, large, claim.region, fewest=claim.fewest).noted(remark)


def best_small(runs: pd.DataFrame, sizes: Iterable[int]) -> int | None:
    """The small one of these batch sizes with the best validation accuracy: test data choose nothing."""
    validated = by_seed(runs[runs["batch_size"].isin(sizes)], "validation_accuracy").mean().dropna()
    small = validated[validated.index <= SMALL]
    return None if small.empty else int(small.idxmax())


def trained_apart(runs: pd.DataFrame, one: int, other: int) -> str:
    """That two batch sizes were not trained equally far, in words; empty if they were."""
    trained = 100 * by_seed(runs, "train_accuracy").mean()
    apart = abs(trained[one] - trained[other])
    return "" if apart <= EQUALLY else f"their training accuracies are {apart:.2f} points apart"


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
    values = (tested[one] - tested[other]).dropna()
    return of_mean(exactly(values), region, fewest=fewest, floor=step(runs))


def step(runs: pd.DataFrame) -> float:
    """The standard deviation that the steps of a test accuracy give it alone: it counts whole examples."""
    steps = np.diff(np.unique(100 * runs["test_accuracy"].dropna()))
    return float(steps.min()) / UNIFORM if len(steps) else 0.0
