"""What one place of a study says of a claim: an effect, its interval, and two tests.

A claim names a region of the effect. It is tested twice at each place, by Student's t: whether the effect
lies within that region, and whether it lies outside. A bootstrap of five values gives intervals that are too
narrow, and would support too much.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from benchmarks.summary.statistics import LEVEL, UNKNOWN, Estimate

Region = tuple[float, float]


class Evidence(NamedTuple):
    """What a place says: an effect from `n` values, and the p values of both tests, 1 where none is possible.

    `p_supported` is that of the effect lying outside the region although such values are seen, `p_refuted`
    that of its lying inside.
    """

    effect: Estimate
    n: int
    p_supported: float
    p_refuted: float
    remark: str = ""

    @property
    def tested(self) -> bool:
        """Whether either test was possible."""
        return min(self.p_supported, self.p_refuted) < 1


class Place(NamedTuple):
    """Where the evidence comes from."""

    dataset: str
    model: str
    framework: str
    arm: str = ""


def lacking(remark: str, *, n: int = 0, effect: Estimate = UNKNOWN) -> Evidence:
    """A place that says nothing, and why."""
    return Evidence(effect, n, 1.0, 1.0, remark)


def of_mean(
    values: np.ndarray,
    region: Region,
    *,
    fewest: int,
    floor: float = 0.0,
    at_least: bool = False,
    at_most: bool = False,
) -> Evidence:
    """The evidence of the mean of values [n].

    `floor` is the least standard deviation that values of their resolution can have. Where some values are
    known to be `at_least` (or `at_most`) what is given, no test says that the mean is smaller (or larger).
    """
    n = len(values)
    if n < max(2, fewest):
        effect = Estimate(float(np.mean(values)), np.nan, np.nan) if n else UNKNOWN
        return lacking(f"{n} of the {fewest} values that a test needs", n=n, effect=effect)
    error = max(float(np.std(values, ddof=1)), floor) / np.sqrt(n)
    found = of_estimate(float(np.mean(values)), error, n - 1, region, at_least=at_least, at_most=at_most)
    bounds = "some values are no more than bounds: the target was not reached" if at_least or at_most else ""
    return found._replace(n=n, remark=bounds)


def of_estimate(
    value: float, error: float, freedom: int, region: Region, *, at_least: bool = False, at_most: bool = False
) -> Evidence:
    """The evidence of an estimate with its standard error and degrees of freedom."""
    half = stats.t.ppf(0.5 + LEVEL / 2, freedom) * error
    least, most = region
    above = [1.0 if at_most else _p(value - end, error, freedom) for end in (least, most)]
    below = [1.0 if at_least else _p(end - value, error, freedom) for end in (least, most)]
    sides = [p for p, end in ((below[0], least), (above[1], most)) if np.isfinite(end)]
    within = [p for p, end in ((above[0], least), (below[1], most)) if np.isfinite(end)]
    outside = min(1.0, len(sides) * min(sides))
    return Evidence(Estimate(value, value - half, value + half), freedom + 1, max(within), outside)


def _p(beyond: float, error: float, freedom: int) -> float:
    """The p value of an estimate lying so far beyond a number, one-sided."""
    if error == 0:
        return 0.0 if beyond > 0 else 1.0
    return float(stats.t.sf(beyond / error, freedom))


def of_ratio(logarithms: np.ndarray, region: Region, **options) -> Evidence:
    """The evidence of the geometric mean of ratios, from their logarithms [n]; the region is of ratios."""
    ends = tuple(np.log(end) if end > 0 else -np.inf for end in region)
    found = of_mean(logarithms, ends, **options)
    return found._replace(effect=Estimate(*(float(np.exp(end)) for end in found.effect)))


def worst(parts: Sequence[Evidence]) -> Evidence:
    """The evidence of a claim that must hold for all parts: that of the part which supports it least.

    It is supported where all parts support it (an intersection-union test), and refuted where one refutes it,
    whose p value counts as often as there are parts.
    """
    least = max(parts, key=lambda part: (part.p_supported, -part.p_refuted))
    refuted = min(1.0, len(parts) * min(part.p_refuted for part in parts))
    return least._replace(p_refuted=refuted)
