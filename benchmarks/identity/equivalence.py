"""Are two frameworks equivalent at the level of convergence? Paired two one-sided tests over the seeds.

A difference is shown to lie within a margin by rejecting both that it lies below and that it lies above
(Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657, "two one-sided tests"). It is the test for showing
sameness: an ordinary t test that finds nothing shows only that there were few seeds.
"""

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from benchmarks import datasets
from benchmarks.common.files import write_text
from benchmarks.common.value import Value
from benchmarks.study.study import Study, plans
from benchmarks.training import record
from benchmarks.training.record import Record, Run, Status, record_path

LEVEL = 0.05
"""Of each one-sided test; the interval is therefore the 90 % one."""
ACCURACY_MARGIN = (-0.5, 0.5)
"""Percentage points of test accuracy."""
RATIO_MARGIN = (0.8, 1.25)
"""Of a ratio, judged on its logarithm: the margins of bioequivalence (FDA 2001, Statistical Approaches)."""
BROKEN = (Status.DIVERGED, Status.OUT_OF_MEMORY, Status.FAILED)


class Differences(NamedTuple):
    """Paired differences [n] as observed, and the least and most that each of them may be.

    What is read off a grid (of evaluations, of test examples) is known no better than to a step of it.
    Taken as exact, it looks free of spread, and a difference at the margin would pass for none.
    """

    observed: np.ndarray
    least: np.ndarray
    most: np.ndarray


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
    and p are null where there are fewer than two; an end of the interval is null where there is none.
    `n_one_alone` counts the seeds with which one framework alone reached the target, or alone broke off.
    """

    dataset: str
    model: str
    arm: str
    batch_size: int
    framework: str
    other: str
    quantity: Literal["test_accuracy", "epochs_to_target"]
    n: int
    n_one_alone: int = 0
    estimate: float | None = None
    lo: float | None = None
    hi: float | None = None
    margin_lo: float
    margin_hi: float
    p: float | None = None
    verdict: Literal["equivalent", "not shown", "not testable"]
    reason: str = ""


def two_one_sided(differences: Differences, margin: tuple[float, float]) -> Tested:
    """Paired two one-sided tests of n ≥ 2 differences against a margin.

    t = (mean − bound) / (sd / √n) with n − 1 degrees of freedom, once for each bound, each with the
    differences as near to it as they may be.
    """
    below, lo = _one_sided(differences.least - margin[0])
    above, hi = _one_sided(margin[1] - differences.most)
    return Tested(float(np.mean(differences.observed)), margin[0] + lo, margin[1] - hi, max(below, above))


def _one_sided(values: np.ndarray) -> tuple[float, float]:
    """The p value of a mean of values [n] above 0, and the lower end of its one-sided interval.

    Values that are all the same number leave no doubt of where the mean lies: p is then 0 or 1.
    """
    mean = float(np.mean(values))
    if not math.isfinite(mean):
        return 1.0, -math.inf
    if np.ptp(values) == 0:
        return (0.0 if mean > 0 else 1.0), mean
    tested = stats.ttest_1samp(values, 0, alternative="greater")
    return float(tested.pvalue), float(tested.confidence_interval(1 - LEVEL).low)


def equivalences(
    records: list[Record], frameworks: list[str], *, n_test: dict[str, int]
) -> list[Equivalence]:
    """Every pair of frameworks in every cell of the grid that both have a record of.

    `n_test` has the number of test examples of each data set.
    """
    grid: dict[tuple, dict[str, Record]] = {}
    for each in records:
        cell = each.cell
        place = (cell.dataset, cell.model, cell.arm, cell.batch_size)
        grid.setdefault(place, {})[cell.framework] = each
    return [
        row
        for place, found in grid.items()
        for pair in itertools.combinations([name for name in frameworks if name in found], 2)
        for row in _of_pair(
            dict(zip(("dataset", "model", "arm", "batch_size"), place, strict=True)), pair, found, n_test
        )
    ]


def _of_pair(
    place: dict, pair: tuple[str, str], found: dict[str, Record], n_test: dict[str, int]
) -> Iterator[Equivalence]:
    """Both quantities of two frameworks in one cell."""
    names = {**place, "framework": pair[0], "other": pair[1]}
    ours, theirs = ({run.seed: run for run in found[name].runs} for name in pair)
    runs = [(ours[seed], theirs[seed]) for seed in ours if seed in theirs]
    yield _accuracy(names, runs, step=100 / n_test[place["dataset"]])
    yield _epochs(names, runs)


def _accuracy(names: dict, runs: list[tuple[Run, Run]], *, step: float) -> Equivalence:
    """Test accuracy, where both runs have one that stands for the same training.

    A time limit cuts the slower framework's run short: that is a result about its speed. `step` is the
    share of one test example, in percentage points: each accuracy is known to half of it.
    """
    pairs = [(a.test_accuracy, b.test_accuracy) for a, b in runs if a.examples == b.examples]
    both = np.array([(a, b) for a, b in pairs if a is not None and b is not None]).reshape(-1, 2)
    difference = 100 * (both[:, 0] - both[:, 1])
    return _judged(
        {**names, "quantity": "test_accuracy"},
        Differences(difference, difference - step, difference + step),
        ACCURACY_MARGIN,
        alone=sum((a.status in BROKEN) != (b.status in BROKEN) for a, b in runs),
        having="a test accuracy after equally many examples",
    )


def _epochs(names: dict, runs: list[tuple[Run, Run]]) -> Equivalence:
    """Epochs to target, where both runs reached it; epochs and examples have the same ratio.

    The target was met somewhere between the evaluation that saw it and the one before.
    """
    met = np.array([(*_met(a), *_met(b)) for a, b in runs if a.examples_to_target and b.examples_to_target])
    before, ours, before_theirs, theirs = met.reshape(-1, 4).T
    with np.errstate(divide="ignore"):  # met at the first evaluation: from nothing on
        differences = Differences(
            np.log(ours / theirs), np.log(before / theirs), -np.log(before_theirs / ours)
        )
    judged = _judged(
        {**names, "quantity": "epochs_to_target"},
        differences,
        (math.log(RATIO_MARGIN[0]), math.log(RATIO_MARGIN[1])),
        alone=sum((a.examples_to_target is None) != (b.examples_to_target is None) for a, b in runs),
        having="the target reached",
    )
    logarithms = ("estimate", "lo", "hi", "margin_lo", "margin_hi")
    known = {name: getattr(judged, name) for name in logarithms}
    return judged.model_copy(
        update={name: math.exp(value) for name, value in known.items() if value is not None}
    )


def _met(run: Run) -> tuple[float, float]:
    """Examples at the last evaluation short of the target (0 of none) and at the one that met it."""
    at = float(run.examples_to_target)
    return max((float(point.examples) for point in run.curve if point.examples < at), default=0.0), at


def _judged(
    names: dict, differences: Differences, margin: tuple[float, float], *, alone: int, having: str
) -> Equivalence:
    """The row of these differences.

    Nothing is called equivalent where a seed ended otherwise in one framework alone.
    """
    n = len(differences.observed)
    row = {**names, "n": n, "n_one_alone": alone, "margin_lo": margin[0], "margin_hi": margin[1]}
    if n < 2:
        reason = f"{n} seed{'' if n == 1 else 's'} of which both have {having}; two are needed"
        estimate = float(differences.observed[0]) if n else None
        return Equivalence(**row, estimate=estimate, verdict="not testable", reason=reason)
    tested = two_one_sided(differences, margin)
    ends = {name: value if math.isfinite(value) else None for name, value in tested._asdict().items()}
    reason = _reason(differences, margin, alone=alone, p=tested.p)
    return Equivalence(
        **row,
        **{("estimate" if name == "mean" else name): value for name, value in ends.items()},
        verdict="equivalent" if tested.p <= LEVEL and not alone else "not shown",
        reason=reason,
    )


def _reason(differences: Differences, margin: tuple[float, float], *, alone: int, p: float) -> str:
    """What a reader should know of a verdict."""
    if alone:
        return f"with {alone} of the seeds one framework alone reached the target or broke off"
    exact = Differences(*[differences.observed] * 3)
    if p > LEVEL and two_one_sided(exact, margin).p <= LEVEL:
        return "too coarse: known no better than to an evaluation, or to a test example"
    return "" if np.any(differences.observed) else "every pair is equal"


def write(study: Study, certificates: Path, results: Path, output: Path) -> None:
    """Read certificates and records, test, and write both as JSON."""
    records = [record.read(record_path(results, plan)) for plan in plans(study)]
    n_test = {w.slug: datasets.split_sizes(w.dataset).test for w in study.workloads}
    tested = equivalences(records, study.frameworks, n_test=n_test)
    content = json.loads(certificates.read_bytes())
    content["equivalence"] = [row.model_dump() for row in tested]
    write_text(json.dumps(content, indent=1) + "\n", output)
