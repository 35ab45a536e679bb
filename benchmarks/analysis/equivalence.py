"""Are two frameworks equivalent at the level of convergence? Paired two one-sided tests over the seeds.

A difference is shown to lie within a margin by rejecting both that it lies below and that it lies above
(Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657, "two one-sided tests"). It is the test for showing
sameness: an ordinary t test that finds nothing shows only that there were few seeds.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from benchmarks.record import Record, Run
from benchmarks.value import Value

LEVEL = 0.05
"""Of each one-sided test; the interval is therefore the 90 % one."""
ACCURACY_MARGIN = (-0.5, 0.5)
"""Percentage points of test accuracy."""
RATIO_MARGIN = (0.8, 1.25)
"""Of a ratio, judged on its logarithm: the margins of bioequivalence (FDA 2001, Statistical Approaches)."""


class Tested(NamedTuple):
    """Mean of n paired differences, its 90 % interval and the larger of the two one-sided p values."""

    mean: float
    lo: float
    hi: float
    p: float


class Equivalence(Value):
    """The outcome for two frameworks in one cell of the grid.

    `estimate` is the mean of `framework` − `other` in percentage points for test accuracy, and the
    geometric mean of `framework` / `other` for epochs to target; null where there is no pair. Interval
    and p are null where there are fewer than two.
    """

    dataset: str
    model: str
    arm: str
    batch_size: int
    framework: str
    other: str
    quantity: Literal["test_accuracy", "epochs_to_target"]
    n: int
    n_one_reached: int = 0
    estimate: float | None = None
    lo: float | None = None
    hi: float | None = None
    margin_lo: float
    margin_hi: float
    p: float | None = None
    verdict: Literal["equivalent", "not shown", "not testable"]
    reason: str = ""


def two_one_sided(differences: np.ndarray, margin: tuple[float, float]) -> Tested:
    """Paired two one-sided tests of differences [n], n ≥ 2, against a margin.

    t = (mean − bound) / (sd / √n) with n − 1 degrees of freedom, once for each bound. Differences that
    are all the same number leave no doubt of where the mean lies: p is then 0 within the margin, else 1.
    """
    n, mean, sd = len(differences), float(np.mean(differences)), float(np.std(differences, ddof=1))
    error = sd / math.sqrt(n)
    if error == 0:
        return Tested(mean, mean, mean, 0.0 if margin[0] < mean < margin[1] else 1.0)
    below = stats.t.sf((mean - margin[0]) / error, n - 1)
    above = stats.t.cdf((mean - margin[1]) / error, n - 1)
    half = float(stats.t.ppf(1 - LEVEL, n - 1)) * error
    return Tested(mean, mean - half, mean + half, float(max(below, above)))


def equivalences(records: list[Record], frameworks: list[str]) -> list[Equivalence]:
    """Every pair of frameworks in every cell of the grid that both have a record of."""
    grid: dict[tuple, dict[str, Record]] = {}
    for record in records:
        cell = record.cell
        place = (cell.dataset, cell.model, cell.arm, cell.batch_size)
        grid.setdefault(place, {})[cell.framework] = record
    return [
        row
        for place, found in grid.items()
        for pair in itertools.combinations([name for name in frameworks if name in found], 2)
        for row in _of_pair(
            dict(zip(("dataset", "model", "arm", "batch_size"), place, strict=True)), pair, found
        )
    ]


def _of_pair(place: dict, pair: tuple[str, str], found: dict[str, Record]) -> Iterator[Equivalence]:
    """Both quantities of two frameworks in one cell."""
    names = {**place, "framework": pair[0], "other": pair[1]}
    ours, theirs = ({run.seed: run for run in found[name].runs} for name in pair)
    runs = [(ours[seed], theirs[seed]) for seed in ours if seed in theirs]
    yield _accuracy(names, runs)
    yield _epochs(names, runs)


def _accuracy(names: dict, runs: list[tuple[Run, Run]]) -> Equivalence:
    """Test accuracy, where both runs have one that stands for the same training.

    A time limit cuts the slower framework's run short: that is a result about its speed.
    """
    pairs = [(a.test_accuracy, b.test_accuracy) for a, b in runs if a.examples == b.examples]
    both = np.array([(a, b) for a, b in pairs if a is not None and b is not None]).reshape(-1, 2)
    names = {**names, "quantity": "test_accuracy"}
    return _judged(
        names,
        100 * (both[:, 0] - both[:, 1]),
        ACCURACY_MARGIN,
        having="a test accuracy after equally many examples",
    )


def _epochs(names: dict, runs: list[tuple[Run, Run]]) -> Equivalence:
    """Epochs to target, where both runs reached it; epochs and examples have the same ratio.

    Nothing is called equivalent where a seed reached the goal in one framework alone.
    """
    pairs = [(a.examples_to_target, b.examples_to_target) for a, b in runs]
    both = np.array([(a, b) for a, b in pairs if a and b], float).reshape(-1, 2)
    one = sum((a is None) != (b is None) for a, b in pairs)
    names = {**names, "quantity": "epochs_to_target", "n_one_reached": one}
    margin = (math.log(RATIO_MARGIN[0]), math.log(RATIO_MARGIN[1]))
    judged = _judged(names, np.log(both[:, 0] / both[:, 1]), margin, having="the goal reached")
    ends = {name: getattr(judged, name) for name in ("estimate", "lo", "hi")}
    ratios = {name: None if value is None else math.exp(value) for name, value in ends.items()}
    ratios |= {"margin_lo": RATIO_MARGIN[0], "margin_hi": RATIO_MARGIN[1]}
    if one and judged.verdict == "equivalent":
        ratios |= {
            "verdict": "not shown",
            "reason": f"the goal was reached in one alone with {one} of the seeds",
        }
    return judged.model_copy(update=ratios)


def _judged(names: dict, differences: np.ndarray, margin: tuple[float, float], *, having: str) -> Equivalence:
    """The row of these differences [n]."""
    n = len(differences)
    row = {**names, "n": n, "margin_lo": margin[0], "margin_hi": margin[1]}
    if n < 2:
        reason = f"{n} seed{'' if n == 1 else 's'} of which both have {having}; two are needed"
        estimate = float(differences[0]) if n else None
        return Equivalence(**row, estimate=estimate, verdict="not testable", reason=reason)
    tested = two_one_sided(differences, margin)
    return Equivalence(
        **row,
        estimate=tested.mean,
        lo=tested.lo,
        hi=tested.hi,
        p=tested.p,
        verdict="equivalent" if tested.p <= LEVEL else "not shown",
        reason="" if np.any(differences) else "every pair is equal",
    )
