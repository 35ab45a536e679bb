"""Estimates with their 95 % intervals."""

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
    half = stats.t.ppf(0.5 + LEVEL / 2, len(logs) - 1) * logs.std(ddof=1) / np.sqrt(len(logs))
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
    draws = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    medians = np.sort(values[draws], axis=1)
    medians = (medians[:, (len(values) - 1) // 2] + medians[:, len(values) // 2]) / 2
    tail = (1 - LEVEL) / 2
    lo, hi = np.quantile(medians, [tail, 1 - tail], method="inverted_cdf")
    return Estimate(float(np.median(values)), float(lo), float(hi))
