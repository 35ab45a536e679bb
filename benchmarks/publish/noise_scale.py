"""What the gradient noise scale of trainings with one batch size predicts of all others.

McCandlish et al. (2018, arXiv 1812.06162) take the noise scale S for the critical batch size. A training with
batch size B then needs E(B) = E_min (1 + B / S) examples (equation 2.11), at the best rate
ε(B) = ε_max / (1 + S / B) (equation 2.6). With what one batch size needed, either formula tells all others.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from benchmarks.publish.claims.inside import on_the_way
from benchmarks.publish.results import Results, of_workload


class Scale(NamedTuple):
    """The noise scale of the trainings with the smallest batch size of an arm, from the least to the most."""

    arm: str
    batch_size: int
    value: float
    least: float
    most: float
    n: int


def scale(known: Results, workload: tuple[str, str], arm: str | None = None) -> Scale | None:
    """The noise scale on the way to the target, of the first arm that has it if none is named.

    None where no training with the smallest batch size reached the target.
    """
    rows = of_workload(known.checkpoints, workload).dropna(subset=["noise_scale"])
    for name in [arm] if arm else rows["arm"].unique():
        own = rows[rows["arm"] == name]
        smallest = own[own["batch_size"] == own["batch_size"].min()]
        scales = on_the_way(smallest)
        if not scales.empty:
            size, mean = int(smallest["batch_size"].iloc[0]), float(np.exp(np.log(scales).mean()))
            return Scale(name, size, mean, float(scales.min()), float(scales.max()), len(scales))
    return None


def of_plain_sgd(known: Results, arms: Iterable[str]) -> list[str]:
    """Those of these arms that `rate_over` holds for: of SGD, with or without momentum."""
    plain = {
        arm["name"]
        for arm in known.provenance["study"]["arms"]
        if arm.get("optimizer", "momentum") in ("sgd", "momentum")
    }
    return [arm for arm in arms if arm in plain]


def examples_over(noise: float, sizes: np.ndarray, size: int) -> np.ndarray:
    """The examples that batch sizes need, over those that `size` needs."""
    return (1 + sizes / noise) / (1 + size / noise)


def rate_over(noise: float, sizes: np.ndarray, size: int) -> np.ndarray:
    """The best rates of batch sizes, over that of `size`."""
    return (1 + noise / size) / (1 + noise / sizes)
