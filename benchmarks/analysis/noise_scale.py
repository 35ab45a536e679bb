"""The gradient noise scale B_simple = tr Σ / |G|² (McCandlish et al. 2018, arXiv 1812.06162, eq. 2.9).

G is the gradient of the mean training loss and Σ the covariance of the gradients of single examples, both at
the same parameters. Two estimators are computed: from the gradients of single examples beside the full
gradient, and from gradients of two batch sizes (appendix A.1), which a training has at hand without them.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import stats

from benchmarks.analysis.checkpoints import Role
from benchmarks.analysis.differentiable import Differentiable

ROLES = {*Role}
PRECISION = "float64"
CONFIDENCE = 0.95
SAMPLE = 4096
"""Training examples whose own gradients are computed."""
GROUPS, IN_A_GROUP, SMALL = 16, 16, 64
"""Groups of small batches, small batches in a group, and the examples of one; fewer where there are fewer."""


class NoiseScale(NamedTuple):
    """An estimate: |G|², tr Σ, and their ratio B_simple with its 95 % interval.

    Where |G|² is not told from 0, the upper end is infinite and stored as null; so is B_simple where the
    estimate of |G|² is not above 0.
    """

    squared_gradient: float
    trace: float
    simple: float | None
    low: float
    high: float | None

    @property
    def ends(self) -> dict[str, float | None]:
        """The ratio and the ends of its interval, by what their columns end in."""
        return {"": self.simple, "_lo": self.low, "_hi": self.high}


def from_examples(squares: np.ndarray, full: np.ndarray, *, n_training: int) -> NoiseScale:
    """From |g − G|² [n] of the gradients g of a sample of the training examples, and the full one, G [P].

    The full gradient is exact, so that only the trace has an interval: Student's for the mean of
    |g − G|² over the sample, which narrows to nothing as the sample becomes the training set.
    """
    n, squared = len(squares), float(full @ full)
    left_out = math.sqrt(max(0.0, 1 - n / n_training))
    half = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * np.std(squares, ddof=1) / math.sqrt(n) * left_out
    trace = float(np.mean(squares))
    low, high = max(0.0, trace - half), trace + half
    return NoiseScale(
        squared_gradient=squared,
        trace=trace,
        simple=_finite(trace, squared),
        low=low / squared if squared else 0.0,
        high=_finite(high, squared),
    )


def from_batches(groups: Iterable[np.ndarray], *, batch_size: int, n_training: int) -> NoiseScale:
    """From groups of gradients of small batches, [m, P] each; the mean of a group is that of a large batch.

    All examples of a group are different ones, so that |G|² of the training set is S / N larger than what
    the formula of independent examples gives. |G|² and tr Σ are averaged over the groups before they are
    divided; the interval of the ratio is Fieller's (1954), with the groups as its sample.
    """
    pairs = np.array([_of_group(group, batch_size=batch_size, n_training=n_training) for group in groups])
    squared, trace = pairs.mean(axis=0)
    low, high = fieller(trace, squared, np.cov(pairs[:, ::-1].T) / len(pairs), freedom=len(pairs) - 1)
    return NoiseScale(
        squared_gradient=squared,
        trace=trace,
        simple=_finite(trace, squared),
        low=max(0.0, low),
        high=high if math.isfinite(high) else None,
    )


def _of_group(group: np.ndarray, *, batch_size: int, n_training: int) -> tuple[float, float]:
    """|G|² and tr Σ of McCandlish et al., eq. A.2 and A.3, by one group of small batches."""
    large = len(group) * batch_size
    of_small = float(np.mean(np.sum(group**2, axis=1)))
    of_large = float(np.sum(group.mean(axis=0) ** 2))
    trace = (of_small - of_large) / (1 / batch_size - 1 / large)
    squared = (large * of_large - batch_size * of_small) / (large - batch_size)
    return squared + trace / n_training, trace


def fieller(
    numerator: float, denominator: float, covariance: np.ndarray, *, freedom: int
) -> tuple[float, float]:
    """The ends of the interval of a ratio of two means with this covariance [2, 2] of the means.

    It is all r for which numerator − r · denominator is not told from 0. Where the denominator itself is
    not, the upper end is infinite.
    """
    t2 = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) ** 2
    (var_n, both), (_, var_d) = covariance
    a = denominator**2 - t2 * var_d
    b = numerator * denominator - t2 * both
    c = numerator**2 - t2 * var_n
    if a <= 0 or denominator <= 0:
        return _lowest_of_unbounded(a, b, c), math.inf
    root = math.sqrt(max(0.0, b * b - a * c))
    return (b - root) / a, (b + root) / a


def _lowest_of_unbounded(a: float, b: float, c: float) -> float:
    """The least positive ratio of a r² − 2 b r + c ≤ 0 where a ≤ 0, so that it holds for large r.

    Where the denominator is told to be below 0, no positive ratio is left out for sure.
    """
    if c <= 0 or a > 0:
        return 0.0
    return c / (b + math.sqrt(b * b - a * c)) if b * b >= a * c else 0.0


def _finite(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator > 0 else None


def numbers(loss: Differentiable, theta: np.ndarray, *, seed: int) -> dict[str, float | None]:
    """Both estimates at θ, on examples that are drawn by the seed, by the names of their columns."""
    if loss.n < 2:
        return {}
    random, parts = np.random.default_rng(seed), min(IN_A_GROUP, loss.n)
    sample = random.choice(loss.n, min(SAMPLE, loss.n), replace=False)
    size = min(SMALL, loss.n // parts)

    def group() -> np.ndarray:
        chosen = random.choice(loss.n, (parts, size), replace=False)
        return np.stack([loss.gradient(theta, batch) for batch in chosen])

    full = loss.gradient(theta)
    examples = from_examples(loss.squared_distances(theta, full, sample), full, n_training=loss.n)
    batches = from_batches((group() for _ in range(GROUPS)), batch_size=size, n_training=loss.n)
    return {
        **{"squared_gradient": examples.squared_gradient, "gradient_variance": examples.trace},
        **{f"noise_scale{end}": value for end, value in examples.ends.items()},
        **{f"noise_scale_of_batches{end}": value for end, value in batches.ends.items()},
    }
