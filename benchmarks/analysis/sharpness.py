"""Sharpness φ as Keskar et al. define it (2016, arXiv 1609.04836, equations 3 and 4).

φ = 100 · (max f(x + A y) − f(x)) / (1 + f(x)) over the box |yᵢ| ≤ ε (|(A⁺ x)ᵢ| + 1), where f is the mean loss
over the whole training set and A is the identity, or a random matrix of 100 columns. The maximum is sought by
ten iterations of L-BFGS-B, so that φ is a lower bound of what is meant.

A rescaling of the layers that leaves the function as it is changes φ (Dinh et al. 2017, arXiv 1703.04933).
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from benchmarks.analysis.checkpoints import Role
from benchmarks.analysis.differentiable import Differentiable

ROLES = {Role.MATCHED, Role.END}
PRECISION = "float32"
"""Its search takes some forty gradients of the whole training set, and φ is asked for to a few digits."""
EPSILONS = {"sharpness": 1e-3, "sharpness_half": 5e-4}
DIMENSIONS = 100
ITERATIONS = 10
NEAR, FAR = 1e-3, 10.0

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""A function of x [P] with its gradient [P]."""


def in_box(function: Function, x: np.ndarray, reach: np.ndarray, directions: np.ndarray | None) -> float:
    """φ at x for the box of half-widths `reach` [P], or [K] for the columns of `directions` [P, K]."""
    at_x = function(x)[0]
    if not math.isfinite(at_x):
        return math.nan

    def rise(u: np.ndarray) -> tuple[float, np.ndarray]:
        """How much higher the function is at a place in the box, whose sides are from -1 to 1."""
        y = reach * u
        value, gradient = function(x + (y if directions is None else directions @ y))
        return value - at_x, reach * (gradient if directions is None else gradient @ directions)

    # From the middle of the box, where the gradient of a minimum is 0, no step would lead anywhere.
    start = np.random.default_rng(0).uniform(-NEAR, NEAR, len(reach))
    # The first step of the search is as long as its gradient. So it gets longer than that to a corner.
    scale = FAR * math.sqrt(len(reach)) / (np.linalg.norm(rise(start)[1]) or 1.0)
    best = 0.0

    def searched(u: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal best
        value, gradient = rise(u)
        best = max(best, value)
        return -scale * value, -scale * gradient

    bounds, options = [(-1, 1)] * len(reach), {"maxiter": ITERATIONS, "ftol": 0, "gtol": 0}
    minimize(searched, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return 100 * best / (1 + at_x)


def numbers(loss: Differentiable, theta: np.ndarray, *, seed: int) -> dict[str, float | None]:
    """φ in the whole space for both ε, and in a random subspace for the larger one, by their columns."""
    found = {
        name: in_box(loss.value_and_gradient, theta, epsilon * (np.abs(theta) + 1), None)
        for name, epsilon in EPSILONS.items()
    }
    directions = np.random.default_rng(seed).standard_normal((len(theta), min(DIMENSIONS, len(theta))))
    inverse = np.linalg.solve(directions.T @ directions, directions.T @ theta)  # A⁺ x
    reach = EPSILONS["sharpness"] * (np.abs(inverse) + 1)
    return found | {"sharpness_subspace": in_box(loss.value_and_gradient, theta, reach, directions)}
