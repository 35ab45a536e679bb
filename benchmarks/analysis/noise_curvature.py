"""The noise scale that weighs directions by curvature, B_noise = tr(HΣ) / GᵀHG.

It is what McCandlish et al. (2018, arXiv 1812.06162, section 2.2) derive, and B_simple = tr Σ / |G|² what
becomes of it where the Hessian H is a multiple of the identity. G is the gradient of the mean training loss,
and Σ the covariance of the gradients of single examples.
"""

import math

import numpy as np
from scipy import stats

from benchmarks.analysis.checkpoints import Role, sample
from benchmarks.analysis.differentiable import Differentiable

ROLES = {Role.START, Role.TARGET, Role.END}
PRECISION = "float64"
CONFIDENCE = 0.95
BATCHES, BATCH_SIZE = 24, 64


def numbers(loss: Differentiable, theta: np.ndarray, *, seed: int) -> dict[str, float | None]:
    """B_noise at θ with its interval, by the names of its columns; None where G does not point upwards.

    For the gradient g of a batch of B of N examples, the mean of (g − G)ᵀH(g − G) is tr(HΣ) (1/B − 1/N), with
    Σ over N − 1. The interval is Student's over the batches; G is exact, H that of the sample of `curvature`.
    """
    chosen = sample(loss.n)
    random, size = np.random.default_rng(seed), min(BATCH_SIZE, loss.n // 2)
    full = loss.gradient(theta)

    def curved(vector: np.ndarray) -> float:
        return float(vector @ loss.hessian_vector(theta, vector, chosen))

    batches = (random.choice(loss.n, size, replace=False) for _ in range(BATCHES))
    noises = np.array([curved(loss.gradient(theta, batch) - full) for batch in batches])
    return ratio(noises / (1 / size - 1 / loss.n), curved(full))


def ratio(traces: np.ndarray, signal: float) -> dict[str, float | None]:
    """Of the mean of estimates [n] of tr(HΣ) to GᵀHG, with its interval."""
    if signal <= 0:
        return {"curved_noise_scale": None, "curved_noise_scale_lo": None, "curved_noise_scale_hi": None}
    n, mean = len(traces), float(np.mean(traces))
    half = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * float(np.std(traces, ddof=1)) / math.sqrt(n)
    ends = {"": mean, "_lo": mean - half, "_hi": mean + half}
    return {f"curved_noise_scale{end}": value / signal for end, value in ends.items()}
