"""The critical batch size: how many more examples a larger batch needs to reach the same target.

(S/S_min − 1)(E/E_min − 1) = 1 with S steps and E = B S examples (McCandlish et al. 2018, arXiv 1812.06162),
which is E = E_min (1 + B / B_crit) and S = S_min (1 + B_crit / B) with B_crit = E_min / S_min. At
B_crit a training takes twice the fewest examples and twice the fewest steps. It describes trainings whose
learning rate was tuned at each batch size.
"""

from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from benchmarks.summary.statistics import LEVEL, Estimate

FEWEST = 4
"""Points that reached the target; through fewer, a line with a scatter of its own is hardly known."""
RESAMPLES = 1000
SMALLEST_SCATTER = 1e-6
"""Relative, of points that lie exactly on the law."""


class Line(NamedTuple):
    """E = at_zero + slope B, and the relative scatter of the points around it."""

    at_zero: float
    slope: float
    scatter: float

    def examples(self, batch_sizes: np.ndarray) -> np.ndarray:
        """The examples that it takes at these batch sizes, [n]."""
        return self.at_zero + self.slope * batch_sizes


class Fit(NamedTuple):
    """The law through some points. `s_min` is in steps where E is in examples.

    Intervals are percentiles of a parametric bootstrap: the points are drawn anew around the line, with its
    scatter, and fitted again. B_crit is infinite where E does not rise with B. `r_squared` is of the points
    that reached the target.
    """

    e_min: Estimate
    b_crit: Estimate
    s_min: Estimate
    r_squared: float
    n_reached: int
    n_censored: int

    @property
    def holds(self) -> bool:
        """Whether E rises with B by more than chance; otherwise there is no critical batch size to tell."""
        return bool(np.isfinite(self.b_crit.hi))


def fit(batch_sizes: np.ndarray, examples: np.ndarray, *, censored: np.ndarray | None = None) -> Fit | None:
    """The law through examples to the target [n] at batch sizes [n]; None through fewer than FEWEST.

    A point that is `censored` [n] had not reached the target after so many examples. The relative residuals
    count: E is known to a share of itself.
    """
    sizes, examples = np.asarray(batch_sizes, float), np.asarray(examples, float)
    late = np.zeros(len(sizes), bool) if censored is None else np.asarray(censored, bool)
    if (~late).sum() < FEWEST:
        return None
    line = through(sizes, examples, late)
    drawn = [through(sizes, *_drawn(line, sizes, examples, late, seed)) for seed in range(RESAMPLES)]
    each = np.array([_parameters(one) for one in [line, *drawn]])
    estimates = [Estimate(values[0], *_ends(values[1:])) for values in each.T]
    reached = examples[~late]
    squares = ((line.examples(sizes[~late]) - reached) ** 2).sum()
    r_squared = 1 - squares / ((reached - reached.mean()) ** 2).sum()
    return Fit(*estimates, float(r_squared), int((~late).sum()), int(late.sum()))


def through(sizes: np.ndarray, examples: np.ndarray, late: np.ndarray) -> Line:
    """The line of largest likelihood: relative residuals are normal, a censored point lies above its E."""
    line = _least_squares(sizes[~late], examples[~late])
    if not late.any():
        return line

    design = np.stack([1 / examples, sizes / examples], axis=1)

    def surprise(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """− log likelihood but for a constant, and its gradient, by the scaled parameters."""
        *line, log_scatter = parameters * scale
        z = (design @ line - 1) / np.exp(log_scatter)
        below = special.log_ndtr(z[late])  # log of the chance to lie above the last example
        value = (z[~late] ** 2 / 2 + log_scatter).sum() - below.sum()
        pull = np.where(late, 0.0, z)
        pull[late] = -np.exp(-(z[late] ** 2) / 2 - below) / np.sqrt(2 * np.pi)
        of_scatter = (~late).sum() - (pull * z).sum()
        return value, scale * [*(design.T @ pull / np.exp(log_scatter)), of_scatter]

    start = np.array([line.at_zero, line.slope, np.log(max(line.scatter, SMALLEST_SCATTER))])
    scale = np.where(start == 0, 1.0, np.abs(start))  # the three differ by many powers of ten
    found = optimize.minimize(surprise, start / scale, jac=True, method="BFGS")
    at_zero, slope, log_scatter = found.x * scale
    return Line(float(at_zero), float(slope), float(np.exp(log_scatter)))


def _least_squares(sizes: np.ndarray, examples: np.ndarray) -> Line:
    """The line of least squared relative residuals, which is that of largest likelihood without censoring."""
    design = np.stack([1 / examples, sizes / examples], axis=1)
    (at_zero, slope), *_ = np.linalg.lstsq(design, np.ones(len(sizes)), rcond=None)
    residuals = design @ [at_zero, slope] - 1
    return Line(float(at_zero), float(slope), float(np.sqrt((residuals**2).sum() / (len(sizes) - 2))))


def _drawn(
    line: Line, sizes: np.ndarray, examples: np.ndarray, late: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Points drawn around the line, and which are censored: those that were keep the E where they ended."""
    noise = line.scatter * np.random.default_rng(seed).standard_normal(len(sizes))
    expected = np.maximum(line.examples(sizes), examples.min() / 10)  # a falling line may cross zero
    drawn = expected / np.maximum(1 + noise, 0.1)
    still = late & (drawn > examples)
    return np.where(still, examples, drawn), still


def _parameters(line: Line) -> tuple[float, float, float]:
    """E_min, B_crit and S_min of a line."""
    b_crit = max(line.at_zero, 0.0) / line.slope if line.slope > 0 else np.inf
    return line.at_zero, b_crit, line.slope


def _ends(values: np.ndarray) -> tuple[float, float]:
    tail = (1 - LEVEL) / 2
    lo, hi = np.quantile(values, [tail, 1 - tail], method="nearest")
    return float(lo), float(hi)
