"""Evidence from test accuracies: of small batches against large ones, and of B = 32 against all."""

import numpy as np
import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.convergence import START, UNIFORM
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, of_mean, worst
from benchmarks.publish.claims.tuned import by_seed, one_rate_runs, tuned_runs
from benchmarks.publish.results import Results

SMALL = 64
"""Batch sizes up to this one are small."""
EQUALLY = 0.5
"""Percentage points of training accuracy within which two batch sizes were trained equally far."""


def tuned(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The best small batch size less the largest, where both were trained equally far."""
    found = {place: _of_small(runs, claim, equally=True) for place, runs in tuned_runs(results)}
    return {place: evidence for place, evidence in found.items() if evidence}


def one_rate(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The same with one learning rate for all, however far either was trained."""
    found = {place: _of_small(runs, claim, equally=False) for place, runs in one_rate_runs(results)}
    return {place: evidence for place, evidence in found.items() if evidence}


def _of_small(runs: pd.DataFrame, claim: Claim, *, equally: bool) -> Evidence | None:
    """The best small size is that of the highest validation accuracy: test data choose nothing."""
    validated = by_seed(runs, "validation_accuracy").mean().dropna()
    small, large = validated[validated.index <= SMALL], validated.index.max()
    if small.empty or large <= SMALL:
        return None
    best = small.idxmax()
    trained = 100 * by_seed(runs, "train_accuracy").mean()
    remark = f"B = {best} against {large}"
    apart = trained[best] - trained[large]
    if equally and abs(apart) > EQUALLY:
        return lacking(f"{remark}: their training accuracies are {abs(apart):.2f} points apart")
    return _difference(runs, best, large, claim)._replace(remark=remark)


def of_32(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """Each other batch size less B = 32, at its worst."""
    found = {}
    for place, runs in tuned_runs(results):
        tested = by_seed(runs, "test_accuracy").dropna(axis=1, how="all").columns
        others = tested.drop(START, errors="ignore")
        if START in tested and len(others):
            parts = [
                _difference(runs, size, START, claim)._replace(remark=f"of B = {size}") for size in others
            ]
            found[place] = worst(parts)
    return found


def _difference(runs: pd.DataFrame, one: int, other: int, claim: Claim) -> Evidence:
    """The test accuracy of one batch size less that of another, in percentage points, seed by seed."""
    tested = 100 * by_seed(runs, "test_accuracy")
    steps = np.diff(np.unique(tested.to_numpy(float)[~np.isnan(tested.to_numpy(float))]))
    floor = float(steps.min()) / UNIFORM if len(steps) else 0.0
    return of_mean((tested[one] - tested[other]).dropna(), claim.region, fewest=claim.fewest, floor=floor)
