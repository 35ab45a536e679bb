"""Do two frameworks converge equivalently? Paired two one-sided tests over the seeds of every cell."""

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks import datasets
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.common.value import Value
from benchmarks.identity import expected_rates, paired, reason
from benchmarks.identity.paired import Paired
from benchmarks.identity.two_one_sided import LEVEL, Differences, two_one_sided
from benchmarks.recipe.plan import Cell
from benchmarks.study import rates
from benchmarks.study.study import Study
from benchmarks.training import view
from benchmarks.training.record import Record

ACCURACY_MARGIN = (-0.5, 0.5)
"""Percentage points of test accuracy."""
RATIO_MARGIN = (0.8, 1.25)
"""Ratio of epochs to target, tested on its logarithm: the margins of bioequivalence (FDA 2001, Statistical
Approaches to Establishing Bioequivalence)."""
PLACE = ("dataset", "model", "arm", "batch_size", "framework", "other")
Both = tuple[list[Record], list[Record]]
"""The records of two frameworks at one point of the grid, one for each seed."""


class Equivalence(Value):
    """The result for two frameworks at one point of the grid.

    `same_as` is the arm listed before that is the same training at this batch size, with every seed. Such a
    row repeats that of the other arm, and must not be counted beside it.

    `estimate` is the mean of `framework` − `other` in percentage points for test accuracy, and the
    geometric mean of `framework` / `other` for epochs to target; it is null without any pair. Interval and
    p are null where the verdict is `not testable`. For epochs to target, `n_one_alone` counts the seeds for
    which only one framework reached the target; for test accuracy, those for which only one framework failed.
    """

    dataset: str
    model: str
    arm: str
    batch_size: int
    framework: str
    other: str
    same_as: str | None = None
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


def equivalences(
    records: dict[Cell, list[Record]], frameworks: list[str], *, n_test: dict[str, int]
) -> list[Equivalence]:
    """Every pair of frameworks at every point of the grid at which both have records.

    `records` are those of each cell, one for each seed; `n_test` is the number of test examples by data set.
    """
    rows: list[Equivalence] = []
    first: dict[str, str] = {}
    for names, both in _pairs(records, frameworks):
        arm = first.setdefault(_training(names, both), names["arm"])
        names["same_as"] = arm if arm != names["arm"] else None
        rows += _of_pair(names, both, step=100 / n_test[names["dataset"]])
    return rows


def _pairs(records: dict[Cell, list[Record]], frameworks: list[str]) -> Iterator[tuple[dict, Both]]:
    """Every pair of frameworks with its place in the grid and the records of both."""
    grid: dict[tuple, dict[str, list[Record]]] = {}
    for cell, of_cell in records.items():
        place = (cell.dataset, cell.model, cell.arm, cell.batch_size)
        grid.setdefault(place, {})[cell.framework] = of_cell
    for place, by_framework in grid.items():
        there = [name for name in frameworks if name in by_framework]
        for one, other in itertools.combinations(there, 2):
            names = zip(PLACE, (*place, one, other), strict=True)
            yield dict(names), (by_framework[one], by_framework[other])


def _training(names: dict, both: Both) -> str:
    """What a pair trains, whatever its arm is called: its place without the arm, and all settings.

    The settings are those that the store tells trainings apart by. Their cell is left out, because it
    stands in the place.
    """
    settings = [record.settings | {"cell": None} for of_cell in both for record in of_cell]
    texts = sorted(json.dumps(each, sort_keys=True) for each in settings)
    return json.dumps([names | {"arm": None}, texts])


def _of_pair(names: dict, both: Both, *, step: float) -> Iterator[Equivalence]:
    """Both quantities of two frameworks at one point of the grid."""
    runs = paired.by_seed(*both)
    yield _row({**names, "quantity": "test_accuracy"}, paired.accuracy(runs, step=step), ACCURACY_MARGIN)
    margin = tuple(map(math.log, RATIO_MARGIN))
    yield _as_ratio(_row({**names, "quantity": "epochs_to_target"}, paired.epochs(runs), margin))


def _as_ratio(row: Equivalence) -> Equivalence:
    """The row with the ratios whose logarithms it holds."""
    logarithms = ("estimate", "lo", "hi", "margin_lo", "margin_hi")
    logs = {name: getattr(row, name) for name in logarithms}
    return row.model_copy(update={name: math.exp(value) for name, value in logs.items() if value is not None})


def _row(names: dict, found: Paired, margin: tuple[float, float]) -> Equivalence:
    """The row of these differences.

    Where one framework alone ended differently with some seed, the verdict is never `equivalent`.
    """
    observed = found.differences.observed
    row = {**names, "n": len(observed), "n_one_alone": found.alone}
    row |= {"margin_lo": margin[0], "margin_hi": margin[1]}
    row["estimate"] = float(np.mean(observed)) if len(observed) else None
    if why := reason.untestable(found):
        return Equivalence(**row, verdict="not testable", reason=why)
    return Equivalence(**row, **_judged(found, margin))


def _judged(found: Paired, margin: tuple[float, float]) -> dict:
    """Interval, p and verdict of differences that can be tested."""
    tested = two_one_sided(found.differences, margin)
    exact = two_one_sided(Differences(*[found.differences.observed] * 3), margin)
    return {
        **{"lo": tested.lo, "hi": tested.hi, "p": tested.p},
        "verdict": "equivalent" if tested.p <= LEVEL and not found.alone else "not shown",
        "reason": reason.remark(found, coarse=exact.p <= LEVEL < tested.p),
    }


def write(study: Study, certificates: Path, results: Path, output: Path) -> None:
    """Read certificates and records, test, and write both as JSON.

    Raises:
        Problem: a training had other settings than it should have had.
    """
    records = dict(view.of_study(results, study))
    searches = rates.read(results / rates.NAME) if study.tunes else []
    if cause := expected_rates.fault(records, [each.model_dump(mode="json") for each in searches]):
        fix = "undo what was changed in benchmarks/study/rates.py; otherwise this is a fault of Batch Atlas"
        raise Problem(cause, fix=fix)
    n_test = {w.slug: datasets.split_sizes(w.dataset).test for w in study.workloads}
    tested = equivalences(records, study.frameworks, n_test=n_test)
    content = json.loads(certificates.read_bytes())
    content["equivalence"] = [row.model_dump() for row in tested]
    write_text(json.dumps(content, indent=1) + "\n", output)
