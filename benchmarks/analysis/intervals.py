"""Estimates with their 95 % intervals."""

import functools
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.95
RESAMPLES = 2000


class Estimate(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    lo: float
    hi: float


UNKNOWN = Estimate(np.nan, np.nan, np.nan)


def geometric_mean(values: np.ndarray) -> Estimate:
    """Geometric mean of positive values [n], with Student's t interval of the mean of their logs.

    With a single value the interval is unbounded, not of width 0: it is given as NaN.
    """
    logs = np.log(np.asarray(values, float))
    if len(logs) == 0:
        return UNKNOWN
    centre = logs.mean()
    if len(logs) == 1:
        return Estimate(float(np.exp(centre)), np.nan, np.nan)
    half = students_t(len(logs)) * logs.std(ddof=1) / np.sqrt(len(logs))
    return Estimate(*(float(np.exp(x)) for x in (centre, centre - half, centre + half)))


def paired_ratio(numerators: np.ndarray, denominators: np.ndarray) -> Estimate:
    """Ratio of two positive quantities measured side by side, [n] each, pair by pair."""
    return geometric_mean(np.asarray(numerators, float) / np.asarray(denominators, float))


def median_of_censored(values: np.ndarray) -> Estimate:
    """Median of values [n] among which a run that never got there counts as infinity.

    The interval is the percentile bootstrap over the runs (Efron 1979), seeded; an end that lies at
    infinity is unbounded. The median is infinite where half of the runs or more are censored.
    """
    values = np.asarray(values, float)
    if len(values) == 0:
        return UNKNOWN
    medians = np.sort(np.sort(values[resamples(len(values))], axis=1)[:, _middle(len(values))].mean(axis=1))
    tail = round((1 - LEVEL) / 2 * RESAMPLES)
    return Estimate(float(np.median(values)), float(medians[tail]), float(medians[-1 - tail]))


@functools.cache
def resamples(n: int) -> np.ndarray:
    """Which of n runs each bootstrap sample draws, [RESAMPLES, n]; always the same."""
    return np.random.default_rng(0).integers(0, n, (RESAMPLES, n))


def _middle(n: int) -> list[int]:
    """Where the median of n sorted values lies: at one place, or between two."""
    return [(n - 1) // 2, n // 2]


@functools.cache
def students_t(n: int) -> float:
    """Quantile of Student's t for a 95 % interval of the mean of n values."""
    return float(stats.t.ppf(0.5 + LEVEL / 2, n - 1))
