"""Paired two one-sided tests (TOST): whether a mean difference is shown to lie within a margin.

That is shown by rejecting both that it lies below the margin and that it lies above it (Schuirmann 1987,
J. Pharmacokinet. Biopharm. 15:657). An ordinary t test cannot show equivalence: if it finds no difference,
there may just have been too few pairs.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

LEVEL = 0.05
"""Significance level of each one-sided test; the interval that belongs to it is the 90 % interval."""
ROUNDING = 1e-9
"""Differences this close are one: float64 rounds by less, and an evaluation or a test example is far more."""


class Differences(NamedTuple):
    """Paired differences [n] as observed, with the smallest and the largest value that each may have.

    A value on a grid (of evaluations, or of test examples) is known only to within one step of the grid.
    Taken as exact, such values can seem to have less spread than they have, and a difference at the margin
    would pass.
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


def is_equal(values: np.ndarray, other: np.ndarray | float) -> bool:
    """Whether values [n] are the other ones up to the rounding of float64."""
    return bool(np.all(np.abs(values - other) <= ROUNDING))


def has_spread(values: np.ndarray) -> bool:
    """Whether values [n] are finite and not all equal. A t test says nothing about others."""
    return bool(np.all(np.isfinite(values))) and not is_equal(values, values[0])


def two_one_sided(differences: Differences, margin: tuple[float, float]) -> Tested:
    """Paired two one-sided tests, against a margin, of n ≥ 2 differences that have a spread.

    Each is a t test with n − 1 degrees of freedom against one end of the margin, with every difference
    taken as close to that end as it may be.
    """
    below, lo = _one_sided(differences.least - margin[0])
    above, hi = _one_sided(margin[1] - differences.most)
    return Tested(float(np.mean(differences.observed)), margin[0] + lo, margin[1] - hi, max(below, above))


def _one_sided(values: np.ndarray) -> tuple[float, float]:
    """The p value of the test that the mean of values [n] exceeds 0, and the lower end of its interval."""
    tested = stats.ttest_1samp(values, 0, alternative="greater")
    return float(tested.pvalue), float(tested.confidence_interval(1 - LEVEL).low)
