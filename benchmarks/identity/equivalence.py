"""Do two frameworks converge equivalently? Paired two one-sided tests (TOST) over the seeds.

A difference is shown to lie within a margin by rejecting both that it lies below the margin and that it
lies above it (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657). An ordinary t test cannot show
equivalence: if it finds no difference, there may just have been too few seeds.
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
from benchmarks.recipe.plan import Cell
from benchmarks.study.study import Study, replicates
from benchmarks.training import view
from benchmarks.training.record import Record, Run, Status

LEVEL = 0.05
"""Significance level of each one-sided test; the interval that belongs to it is the 90 % interval."""
ACCURACY_MARGIN = (-0.5, 0.5)
"""Percentage points of test accuracy."""
RATIO_MARGIN = (0.8, 1.25)
"""Ratio of epochs to target, tested on its logarithm: the margins of bioequivalence (FDA 2001, Statistical
Approaches to Establishing Bioequivalence)."""
BROKEN = (Status.DIVERGED, Status.OUT_OF_MEMORY, Status.FAILED)


class Differences(NamedTuple):
    """Paired differences [n] as observed, with the smallest and the largest value that each may have.

    A value on a grid (of evaluations, or of test examples) is known only to within one step of the grid.
    Taken as exact, such values can seem to have no spread, and a difference at the margin would pass.
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
    """The result for two frameworks at one point of the grid.

    `estimate` is the mean of `framework` − `other` in percentage points for test accuracy, and the
    geometric mean of `framework` / `other` for epochs to target; it is null without any pair. Interval and
    p are null with fewer than two pairs; an end of the interval that is infinite is null too. For epochs
    to target, `n_one_alone` counts the seeds for which only one framework reached the target; for test
    accuracy, those for which only one framework failed.
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

    Each is a t test with n − 1 degrees of freedom against one end of the margin, with every difference
    taken as close to that end as it may be.
    """
    below, lo = _one_sided(differences.least - margin[0])
    above, hi = _one_sided(margin[1] - differences.most)
    return Tested(float(np.mean(differences.observed)), margin[0] + lo, margin[1] - hi, max(below, above))


def _one_sided(values: np.ndarray) -> tuple[float, float]:
    """The p value of the test that the mean of values [n] exceeds 0, and the lower end of its interval.

    If all values are the same number, there is no spread and p is 0 or 1.
    """
    mean = float(np.mean(values))
    if not math.isfinite(mean):
        return 1.0, -math.inf
    if np.ptp(values) == 0:
        return (0.0 if mean > 0 else 1.0), mean
    tested = stats.ttest_1samp(values, 0, alternative="greater")
    return float(tested.pvalue), float(tested.confidence_interval(1 - LEVEL).low)


def equivalences(
    records: dict[Cell, list[Record]], frameworks: list[str], *, n_test: dict[str, int]
) -> list[Equivalence]:
    """Every pair of frameworks at every point of the grid at which both have records.

    `records` are those of each cell, one for each seed; `n_test` is the number of test examples by data set.
    """
    grid: dict[tuple, dict[str, list[Record]]] = {}
    for cell, of_cell in records.items():
        place = (cell.dataset, cell.model, cell.arm, cell.batch_size)
        grid.setdefault(place, {})[cell.framework] = of_cell
    return [
        row
        for place, by_framework in grid.items()
        for pair in itertools.combinations([name for name in frameworks if name in by_framework], 2)
        for row in _of_pair(
            dict(zip(("dataset", "model", "arm", "batch_size"), place, strict=True)),
            pair,
            by_framework,
            n_test,
        )
    ]


def _of_pair(
    place: dict, pair: tuple[str, str], by_framework: dict[str, list[Record]], n_test: dict[str, int]
) -> Iterator[Equivalence]:
    """Both quantities of two frameworks at one point of the grid."""
    names = {**place, "framework": pair[0], "other": pair[1]}
    first, second = ({each.run.seed: each.run for each in by_framework[name]} for name in pair)
    runs = [(first[seed], second[seed]) for seed in first if seed in second]
    yield _accuracy(names, runs, step=100 / n_test[place["dataset"]])
    yield _epochs(names, runs)


def _accuracy(names: dict, runs: list[tuple[Run, Run]], *, step: float) -> Equivalence:
    """Test accuracy, from the seeds for which both runs have one after the same number of examples.

    A time limit ends the run of the slower framework early, which says something about speed only. `step`
    is the share of one test example in percentage points: each accuracy is known to within half of it.
    """
    pairs = [(a.test_accuracy, b.test_accuracy) for a, b in runs if a.examples == b.examples]
    both = np.array([(a, b) for a, b in pairs if a is not None and b is not None]).reshape(-1, 2)
    difference = 100 * (both[:, 0] - both[:, 1])
    return _row(
        {**names, "quantity": "test_accuracy"},
        Differences(difference, difference - step, difference + step),
        ACCURACY_MARGIN,
        alone=sum((a.status in BROKEN) != (b.status in BROKEN) for a, b in runs),
        having="a test accuracy after equally many examples",
    )


def _epochs(names: dict, runs: list[tuple[Run, Run]]) -> Equivalence:
    """Epochs to target, from the seeds for which both runs reached it, as the ratio of their examples.

    The target was reached somewhere between the evaluation that noticed it and the previous one.
    """
    brackets = np.array(
        [(*_bracket(a), *_bracket(b)) for a, b in runs if a.examples_to_target and b.examples_to_target]
    )
    before, ours, before_theirs, theirs = brackets.reshape(-1, 4).T
    with np.errstate(divide="ignore"):  # log 0, if the first evaluation noticed it
        differences = Differences(
            np.log(ours / theirs), np.log(before / theirs), -np.log(before_theirs / ours)
        )
    row = _row(
        {**names, "quantity": "epochs_to_target"},
        differences,
        (math.log(RATIO_MARGIN[0]), math.log(RATIO_MARGIN[1])),
        alone=sum((a.examples_to_target is None) != (b.examples_to_target is None) for a, b in runs),
        having="the target reached",
    )
    logarithms = ("estimate", "lo", "hi", "margin_lo", "margin_hi")
    logs = {name: getattr(row, name) for name in logarithms}
    return row.model_copy(update={name: math.exp(value) for name, value in logs.items() if value is not None})


def _bracket(run: Run) -> tuple[float, float]:
    """Examples at the last evaluation before the target (0 if there was none) and at the one that saw it."""
    at = float(run.examples_to_target)
    return max((float(point.examples) for point in run.curve if point.examples < at), default=0.0), at


def _row(
    names: dict, differences: Differences, margin: tuple[float, float], *, alone: int, having: str
) -> Equivalence:
    """The row of these differences.

    With `alone` above 0 the verdict is never `equivalent`: some seeds ended differently in one framework.
    """
    n = len(differences.observed)
    row = {**names, "n": n, "n_one_alone": alone, "margin_lo": margin[0], "margin_hi": margin[1]}
    if n < 2:
        reason = f"{n} seed{'' if n == 1 else 's'} with {having} in both frameworks; two are needed"
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
    """What a reader should know about a verdict; may be empty."""
    if alone:
        return (
            f"for {alone} of the seeds only one of the two frameworks reached the target, or only one failed"
        )
    exact = Differences(*[differences.observed] * 3)
    if p > LEVEL and two_one_sided(exact, margin).p <= LEVEL:
        return "too coarse: values are known only to within one evaluation, or one test example"
    return "" if np.any(differences.observed) else "every pair is equal"


def write(study: Study, certificates: Path, results: Path, output: Path) -> None:
    """Read certificates and records, test, and write both as JSON."""
    records = dict(view.of_cells(results, replicates(study)))
    n_test = {w.slug: datasets.split_sizes(w.dataset).test for w in study.workloads}
    tested = equivalences(records, study.frameworks, n_test=n_test)
    content = json.loads(certificates.read_bytes())
    content["equivalence"] = [row.model_dump() for row in tested]
    write_text(json.dumps(content, indent=1) + "\n", output)
