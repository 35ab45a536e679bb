"""Evidence from test accuracies: of small batches against large ones, on parts of the data, of B = 32."""

import numpy as np
import pandas as pd

from benchmarks.datasets.part import base_of_slug
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


def of_parts(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """What small batches have over large ones on the smallest part of a training set, less on the largest."""
    groups: dict[Place, list[pd.DataFrame]] = {}
    for place, runs in tuned_runs(results):
        groups.setdefault(place._replace(dataset=base_of_slug(place.dataset)), []).append(runs)
    n_training = results.targets.set_index(["dataset", "model"])["n_training"]
    found = {}
    for place, parts in groups.items():
        parts.sort(key=lambda runs: n_training[runs["dataset"].iloc[0], place.model])
        if len(parts) > 1 and (common := _common(parts[0], parts[-1])):
            gaps = [_gap(runs, common) for runs in (parts[0], parts[-1])]
            values = (gaps[0] - gaps[1]).dropna()
            remark = f"up to {SMALL} against B = {max(common)}"
            evidence = of_mean(values, claim.region, fewest=claim.fewest, floor=_step(parts[0]))
            found[place] = evidence._replace(remark=evidence.remark or remark)
    return found


def _common(*parts: pd.DataFrame) -> set[int]:
    """The batch sizes that all parts were trained with; none where there is not a small and a larger one."""
    sizes = set.intersection(*({*runs["batch_size"]} for runs in parts))
    return sizes if sizes and min(sizes) <= SMALL < max(sizes) else set()


def _gap(runs: pd.DataFrame, sizes: set[int]) -> pd.Series:
    """The best small of these batch sizes, by validation, less the largest, in points of test accuracy."""
    of_sizes = runs[runs["batch_size"].isin(sizes)]
    validated = by_seed(of_sizes, "validation_accuracy").mean()
    tested = 100 * by_seed(of_sizes, "test_accuracy")
    return tested[validated[validated.index <= SMALL].idxmax()] - tested[max(sizes)]


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
    difference = (tested[one] - tested[other]).dropna()
    return of_mean(difference, claim.region, fewest=claim.fewest, floor=_step(runs))


def _step(runs: pd.DataFrame) -> float:
    """The standard deviation that the steps of a test accuracy give it alone: it counts whole examples."""
    steps = np.diff(np.unique(100 * runs["test_accuracy"].dropna()))
    return float(steps.min()) / UNIFORM if len(steps) else 0.0
