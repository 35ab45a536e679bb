"""What one place of a study says of a claim: an effect, its interval, and two tests.

A claim names a region of the effect. It is tested twice at each place, by Student's t: whether the effect
lies within that region, and whether it lies outside. A bootstrap of five values gives intervals that are too
narrow, and would support too much.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from benchmarks.summary.statistics import LEVEL, UNKNOWN, Estimate

Region = tuple[float, float]
ALONE = 0.05
"""The level at which a place decides if it were the only test."""
HOLDS, FAILS, NOT_TOLD, UNTESTED = "holds", "fails", "not told", "not tested"
"""What a place says by itself."""
MISSED = "the target was not always reached, so that an end is open"
"""Why the least or the most of a value is mostly not known."""
POWER = 0.8
"""The chance that so many values decide as it is said that would."""
MOST = 100_000
"""Values that nobody will have."""


class Evidence(NamedTuple):
    """What a place says: an effect from `n` values, and the p values of both tests, 1 where none is possible.

    `p_supported` is that of the effect lying outside the region although such values are seen, `p_refuted`
    that of its lying inside. `decided_by` is how many values would decide by themselves with POWER, if the
    effect is as large as it is seen and they spread as much; None where none would, or nobody knows.
    `criterion` is the region that this was held to, where it is not the claim's own.
    """

    effect: Estimate
    n: int
    p_supported: float
    p_refuted: float
    remark: str = ""
    decided_by: int | None = None
    criterion: Region | None = None

    @property
    def tested(self) -> bool:
        """Whether either test was possible."""
        return min(self.p_supported, self.p_refuted) < 1

    @property
    def alone(self) -> str:
        """What a place would say if it were the only test."""
        if not self.tested:
            return UNTESTED
        if self.p_supported <= ALONE:
            return HOLDS
        return FAILS if self.p_refuted <= ALONE else NOT_TOLD

    def noted(self, remark: str) -> "Evidence":
        """The same with a remark before its own."""
        return self._replace(remark="; ".join(filter(None, [remark, self.remark])))


class Place(NamedTuple):
    """Where the evidence comes from."""

    dataset: str
    model: str
    framework: str
    arm: str = ""


class Bounded(NamedTuple):
    """Values [n] as they were observed, each with the least and the most that it may really be.

    What is seen at an evaluation happened at some time since the one before; what was not seen until the end
    happens later, if at all.
    """

    observed: np.ndarray
    least: np.ndarray
    most: np.ndarray

    def log_over(self, other: "Bounded") -> "Bounded":
        """The logarithms of the ratios to other positive values, pair by pair."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.log(self.least / other.most), np.log(self.most / other.least)
            least, most = (
                np.where(np.isnan(end), far, end) for end, far in zip(ends, EVERYTHING, strict=True)
            )
            return Bounded(np.log(self.observed / other.observed), least, most)


EVERYTHING = (-np.inf, np.inf)


def exactly(values: np.ndarray) -> Bounded:
    """Values that are what they were observed to be."""
    return Bounded(*[np.asarray(values, float)] * 3)


def lacking(remark: str, *, n: int = 0, effect: Estimate = UNKNOWN) -> Evidence:
    """A place that says nothing, and why."""
    return Evidence(effect, n, 1.0, 1.0, remark)


def of_mean(values: Bounded, region: Region, *, fewest: int, open_ended: str = MISSED) -> Evidence:
    """The evidence of the mean of values [n].

    That it lies above a number is tested with the least that each value may be, that it lies below with the
    most. `open_ended` is the remark where these have no end.
    """
    n, mean = len(values.observed), Estimate(*(float(np.mean(v)) if len(v) else np.nan for v in values))
    if n < max(2, fewest):
        few = f"{n} of the {fewest} values that a test needs"
        return lacking(few, n=n, effect=Estimate(mean.value, np.nan, np.nan))
    if not np.isfinite(values.observed).all():
        return lacking("a value is not finite", n=n)
    errors = [_spread(end) / np.sqrt(n) for end in values[1:]]
    found = of_estimate(mean, errors, n - 1, region)
    return found._replace(
        remark="" if np.isfinite([*found.effect]).all() else open_ended,
        decided_by=deciding(mean, max(errors) * np.sqrt(n), n, region),
    )


def _spread(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if np.isfinite(values).all() else 0.0


def of_estimate(mean: Estimate, errors: Sequence[float], freedom: int, region: Region) -> Evidence:
    """The evidence of an estimate, with the least and the most that it may be as the ends of `mean`.

    `errors` are the standard errors of both ends, with so many degrees of freedom.
    """
    t = stats.t.ppf(0.5 + LEVEL / 2, freedom)
    effect = Estimate(mean.value, mean.lo - t * errors[0], mean.hi + t * errors[1])
    least, most = region
    within = [_p(mean.lo - least, errors[0], freedom)] if np.isfinite(least) else []
    outside = [_p(least - mean.hi, errors[1], freedom)] if np.isfinite(least) else []
    within += [_p(most - mean.hi, errors[1], freedom)] if np.isfinite(most) else []
    outside += [_p(mean.lo - most, errors[0], freedom)] if np.isfinite(most) else []
    return Evidence(effect, freedom + 1, max(within), min(1.0, len(outside) * min(outside)))


def deciding(mean: Estimate, spread: float, n: int, region: Region) -> int | None:
    """The least number of values, more than n, of which this mean and spread would decide with POWER.

    None where so many as MOST would not.
    """
    unknown = max(mean.value - mean.lo, mean.hi - mean.value)
    apart = [abs(mean.value - end) - unknown for end in region if np.isfinite(end)]
    inside = region[0] < mean.value < region[1]
    # Inside, it must be told from both ends; outside, from the one that is passed, at a level for both.
    told = apart if inside else [min(apart)]
    if not (min(told) > 0 and np.isfinite(spread)):
        return None
    level = ALONE if inside else ALONE / len(apart)

    def decides(n: int) -> bool:
        at = stats.t.ppf(1 - level, n - 1)
        misses = [stats.nct.cdf(at, n - 1, far * np.sqrt(n) / spread) if spread else 0.0 for far in told]
        return sum(misses) <= 1 - POWER

    most = n + 1
    while not decides(most):
        most *= 2
        if most > MOST:
            return None
    return most if most == n + 1 else bisect_left(range(most + 1), True, lo=most // 2, key=decides)


def _p(beyond: float, error: float, freedom: int) -> float:
    """The p value of an estimate lying so far beyond a number, one-sided."""
    if error == 0 or not np.isfinite(beyond):
        return 0.0 if beyond > 0 else 1.0
    return float(stats.t.sf(beyond / error, freedom))


def of_ratio(logarithms: Bounded, region: Region, **options) -> Evidence:
    """The evidence of the geometric mean of ratios, from their logarithms [n]; the region is of ratios."""
    ends = tuple(np.log(end) if end > 0 else -np.inf for end in region)
    found = of_mean(logarithms, ends, **options)
    return found._replace(effect=Estimate(*(float(np.exp(end)) for end in found.effect)))


def worst(parts: Sequence[Evidence]) -> Evidence:
    """The evidence of a claim that must hold for all parts, told of the part that decides.

    It is supported where all parts support it (an intersection-union test), and refuted where one refutes it,
    whose p value counts as often as there are parts. A part that says nothing is told of where it alone keeps
    all of them from saying anything.
    """
    against = min(parts, key=lambda part: part.p_refuted)
    refuted = min(1.0, len(parts) * against.p_refuted)
    of = [part for part in parts if part.tested or refuted == 1]
    told = against if refuted <= ALONE else max(of, key=lambda part: part.p_supported)
    needed = [part.decided_by for part in parts]
    return told._replace(
        p_supported=max(part.p_supported for part in parts),
        p_refuted=refuted,
        decided_by=None if None in needed else max(needed),
    )
