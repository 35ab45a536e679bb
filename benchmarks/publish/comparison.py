"""Which framework is better at a batch size, and whether the measurements can tell."""

import math

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.publish.budget import ROUNDING
from benchmarks.summary.statistics import LEVEL, ratio

FEWEST_RUNS = 4


def fastest(processes: pd.DataFrame) -> str | None:
    """The framework whose throughput ratio to every other one lies above 1 with its whole interval."""
    names = list(processes.columns)
    for best in names:
        others = [ratio(processes, best, other) for other in names if other != best]
        if others and all(estimate.lo > 1 for estimate in others):
            return best
    return None


def soonest(rows: pd.DataFrame, quantity: str) -> str | None:
    """The framework [index of rows] whose interval of `quantity` lies below every other one's.

    None with fewer than four runs each: the ranges of three runs lie apart by chance in one case of ten.
    """
    if (rows["n_runs"] < FEWEST_RUNS).any():
        return None
    known = rows.dropna(subset=[quantity, f"{quantity}_lo", f"{quantity}_hi"])
    for best in known.index:
        others = known.drop(index=best)
        if len(others) and (others[f"{quantity}_lo"] > known.at[best, f"{quantity}_hi"]).all():
            return best
    return None


def most_accurate(rows: pd.DataFrame) -> str | None:
    """The framework [index of rows] whose test accuracy is above every other one's by Welch's t test.

    None where they were not trained for equally many epochs, whatever cut one of them short.
    """
    tested = rows.dropna(subset=["test_accuracy"])
    if not np.allclose(tested["epochs_trained"], tested["epochs_trained"].max(), rtol=ROUNDING, atol=0):
        return None
    known = tested.dropna(subset=["test_accuracy_sd"])
    if len(known) < 2:
        return None
    best = known["test_accuracy"].idxmax()
    others = known.drop(index=best)
    resolved = all(_differ(known.loc[best], other) for _, other in others.iterrows())
    return best if resolved else None


def _differ(one: pd.Series, other: pd.Series) -> bool:
    """Whether two means differ at the level of the intervals; without spread there is no telling."""
    if min(one["n_runs"], other["n_runs"]) < 2 or not (one["test_accuracy_sd"] or other["test_accuracy_sd"]):
        return False
    samples = [(row["test_accuracy"], row["test_accuracy_sd"], row["n_runs"]) for row in (one, other)]
    test = stats.ttest_ind_from_stats(*samples[0], *samples[1], equal_var=False)
    return bool(math.isfinite(test.pvalue) and test.pvalue < 1 - LEVEL)
