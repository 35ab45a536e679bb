"""The width of a minimum along filter-normalised directions (Li et al. 2018, arXiv 1712.09913).

A random direction is scaled so that its weights into each unit or filter are as long as the model's own;
biases and the parameters of norms, which have one dimension, stay where they are. A rescaling of the layers
that leaves the function as it is leaves the loss along such directions as it is too, unlike eigenvalues and
Keskar's sharpness. The width is how far one has to go, as a part of the length of the weights, until the mean
loss over directions has risen by RISE.
"""

from collections.abc import Callable

import numpy as np

from benchmarks.analysis.checkpoints import Role, sample
from benchmarks.analysis.differentiable import Differentiable

ROLES = {Role.MATCHED, Role.END}
PRECISION = "float32"
"""Losses are compared that lie a tenth apart."""
DIRECTIONS, RISE = 10, 0.1
PLACES = 2.0 ** np.arange(-8, 2.5, 0.5)
"""How far along a direction the loss is asked for, up to the first place where it has risen enough."""


def filter_normalised(tree: dict[str, np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A direction [P] for the parameters of a tree: the last axis of an array counts its units or filters."""
    parts = []
    for array in tree.values():
        part = np.zeros(array.shape)
        if array.ndim > 1:
            part = random.standard_normal(array.shape)
            own, drawn = (np.linalg.norm(each.reshape(-1, array.shape[-1]), axis=0) for each in (array, part))
            part *= own / drawn
        parts.append(part.ravel())
    return np.concatenate(parts)


def distance_of_rise(rise_at: Callable[[float], float]) -> float | None:
    """The first place where a function has risen to RISE, by a power between PLACES; None if nowhere."""
    before = (0.0, 0.0)
    for place in PLACES:
        rise = rise_at(place)
        if not rise < RISE:
            return _between(before, (place, rise))
        before = place, rise
    return None


def _between(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Where the power law through two places reaches RISE; a straight line if the first has not risen.

    From θ itself, where a minimum has no slope, it is a square.
    """
    (near, low), (far, high) = before, after
    if not np.isfinite(high):
        return far
    if near == 0:
        return far * (RISE / high) ** 0.5
    if low <= 0:
        return near + (far - near) * (RISE - low) / (high - low)
    power = np.log(high / low) / np.log(far / near)
    return near * (RISE / low) ** (1 / power)


def numbers(loss: Differentiable, theta: np.ndarray, *, seed: int) -> dict[str, float | None]:
    """The width at θ, over directions drawn by the seed and both ways along each."""
    chosen = sample(loss.n)
    random, tree = np.random.default_rng(seed), loss.tree(theta)
    directions = [filter_normalised(tree, random) for _ in range(DIRECTIONS)]
    at_theta = loss.value(theta, chosen)
    if not np.isfinite(at_theta):
        return {"width": None}

    def rise_at(place: float) -> float:
        ends = [loss.value(theta + way * place * each, chosen) for each in directions for way in (1, -1)]
        return float(np.mean(ends)) - at_theta

    return {"width": distance_of_rise(rise_at)}
