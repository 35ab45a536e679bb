"""Paired two one-sided tests (TOST): whether a mean difference is shown to lie within a margin.

That is shown by rejecting both that it lies below the margin and that it lies above it (Schuirmann 1987,
J. Pharmacokinet. Biopharm. 15:657). An ordinary t test cannot show equivalence: if it finds no difference,
there may just have been too few pairs.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.05
"""Significance level of each one-sided test; the interval that belongs to it is the 90 % interval."""


class Differences(NamedTuple):
    """Paired differences [n] as observed, with the smallest and the largest value that each may have.

    A value on a grid (of evaluations, or of test examples) is known only to within one step of the grid.
    Taken as exact, such values can seem to have no spread, and a difference at the margin would pass.
    """

    observed: np.ndarray
    least: np.ndarray
    most: np.ndarray


class Tested(NamedTuple):
    """Mean of n paired differences, its 90 % interval and the larger of the two one-sided p values."""

    mean: float
    lo: float
    hi: float
    p: float


def two_one_sided(differences: Differences, margin: tuple[float, float]) -> Tested:
    """Paired two one-sided tests of n ≥ 2 differences against a margin.

    Each is a t test with n − 1 degrees of freedom against one end of the margin, with every difference
    taken as close to that end as it may be.
    """
    below, lo = _one_sided(differences.least - margin[0])
    above, hi = _one_sided(margin[1] - differences.most)
    return Tested(float(np.mean(differences.observed)), margin[0] + lo, margin[1] - hi, max(below, above))


def _one_sided(values: np.ndarray) -> tuple[float, float]:
    """The p value of the test that the mean of values [n] exceeds 0, and the lower end of its interval.

    If all values are the same number, there is no spread and p is 0 or 1.
    """
    mean = float(np.mean(values))
    if not math.isfinite(mean):
        return 1.0, -math.inf
    if np.ptp(values) == 0:
        return (0.0 if mean > 0 else 1.0), mean
    tested = stats.ttest_1samp(values, 0, alternative="greater")
    return float(tested.pvalue), float(tested.confidence_interval(1 - LEVEL).low)
