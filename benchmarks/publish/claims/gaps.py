"""The gap between small and large batches: which are compared, whether they can be, and how large it is."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.publish.claims.evidence import ALONE, EVERYTHING, Bounded, of_mean
from benchmarks.publish.claims.tuned import by_seed, reached

SMALL = 64
"""Batch sizes up to this one are small."""
EQUALLY = 0.5
"""Percentage points of training accuracy within which two batch sizes were trained equally far."""
SMALLEST_GAP = 0.2
"""Percentage points of accuracy that count as a gap."""


class Gap(NamedTuple):
    """What the best small batch size has over the largest, in points, by seed; or why that cannot be told."""

    points: pd.Series
    cause: str


def common_sizes(*trained: pd.DataFrame) -> set[int]:
    """The batch sizes that all of these runs have; none where there is not a small and a larger one."""
    sizes = set.intersection(*({*runs["batch_size"]} for runs in trained))
    return sizes if sizes and min(sizes) <= SMALL < max(sizes) else set()


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


def of_best(runs: pd.DataFrame, sizes: set[int]) -> Gap:
    """The gap in test accuracy between the best small one of these batch sizes and the largest."""
    small, large = best_small(runs, sizes), max(sizes)
    return Gap(gap(runs, small, large), unequal(runs, small, large))


def is_gap(differences: Bounded, *, fewest: int) -> bool:
    """Whether these are told from none, and large enough to speak of."""
    there = of_mean(differences, (0, EVERYTHING[1]), fewest=fewest)
    return there.p_supported <= ALONE and float(np.mean(differences.observed)) >= SMALLEST_GAP


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
