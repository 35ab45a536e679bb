"""The curvature of the loss: the largest eigenvalue of its Hessian H, and the trace of H.

The eigenvalue is the largest one and not the largest in magnitude, which power iteration would find: at a
saddle that one may be negative. Lanczos' iteration (ARPACK) needs no more of H than its products with
vectors. Both are of a sample of the training examples, the same one in every training.
"""

from collections.abc import Callable

import numpy as np
from scipy import stats
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from benchmarks.analysis.checkpoints import Role, sample
from benchmarks.analysis.differentiable import Differentiable

ROLES = {Role.TARGET, Role.MATCHED, Role.BEST, Role.END}
PRECISION = "float64"
PROBES = 16
CONFIDENCE = 0.95
TOLERANCE = 1e-4
"""Of the residual, relative to the eigenvalue, whose error is of its square."""
RESTARTS = 30

Product = Callable[[np.ndarray], np.ndarray]
"""A symmetric matrix [P, P] times a vector [P]."""


def largest_eigenvalue(product: Product, size: int, *, seed: int) -> float | None:
    """The largest eigenvalue of a symmetric matrix; None if the iteration does not converge.

    Of a matrix of zeros it is 0, for which ARPACK has no vector to go on with.
    """
    matrix = LinearOperator((size, size), matvec=product, dtype=np.float64)
    start = np.random.default_rng(seed).standard_normal(size)
    try:
        (found,) = eigsh(
            matrix, k=1, which="LA", v0=start, tol=TOLERANCE, maxiter=RESTARTS, return_eigenvectors=False
        )
    except ArpackError:
        return None if np.any(product(start)) else 0.0
    return float(found)


def trace(product: Product, size: int, *, seed: int) -> dict[str, float]:
    """The trace of a symmetric matrix with the ends of its interval (Hutchinson 1990).

    For vectors v of random signs, the mean of v H v is the trace; the interval is Student's over them.
    """
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (PROBES, size))
    found = np.array([v @ product(v) for v in signs])
    half = stats.t.ppf((1 + CONFIDENCE) / 2, PROBES - 1) * np.std(found, ddof=1) / np.sqrt(PROBES)
    mean = float(np.mean(found))
    return {"": mean, "_lo": mean - float(half), "_hi": mean + float(half)}


def numbers(loss: Differentiable, theta: np.ndarray, *, seed: int) -> dict[str, float | None]:
    """Both at θ, by the names of their columns; the seed of the training plays no part."""
    chosen = sample(loss.n)

    def product(vector: np.ndarray) -> np.ndarray:
        return loss.hessian_vector(theta, vector.ravel(), chosen)

    return {
        "largest_eigenvalue": largest_eigenvalue(product, len(theta), seed=0),
        **{f"hessian_trace{end}": value for end, value in trace(product, len(theta), seed=0).items()},
    }
