"""What was measured of trainings from the inside, as tables of checkpoints and of lines."""

import math
from pathlib import Path

from benchmarks.analysis import record
from benchmarks.analysis.record import Run
from benchmarks.common.errors import Problem
from benchmarks.recipe.plan import Replicate
from benchmarks.study.study import Study, replicates


def checkpoints(study: Study, folder: Path, n_training: dict[tuple, int]) -> list[dict]:
    """The row of each checkpoint at which anything was measured, in the order of the study.

    Raises:
        Problem: a file is missing or altered, or has the place of another.
    """
    return [
        row
        for replicate in _analysed(study)
        for run in _read(folder, replicate)
        for row in _rows(run, n_training[run.cell.dataset, run.cell.model])
    ]


def interpolation(study: Study, folder: Path) -> list[dict]:
    """The row of each place on the lines from the smallest batch size of an arm, in the order of the study.

    Raises:
        Problem: as for `checkpoints`.
    """
    rows = []
    for replicate in _analysed(study):
        runs = _read(folder, replicate)
        for run in runs:
            first = min(each.cell.batch_size for each in runs if each.cell.arm == run.cell.arm)
            names = {**_names(run), "from_batch_size": first}
            rows += [names | place.model_dump() for place in run.interpolation]
    return rows


def landscape(study: Study, folder: Path) -> list[dict]:
    """The row of each place on the planes through solutions, in the order of the study.

    Raises:
        Problem: as for `checkpoints`.
    """
    return [
        _names(run) | height.model_dump()
        for replicate in _analysed(study)
        for run in _read(folder, replicate)
        for height in run.landscape
    ]


def _analysed(study: Study) -> list[Replicate]:
    return [each for each in replicates(study) if each.name in study.analysed]


def _read(folder: Path, replicate: Replicate) -> list[Run]:
    place = record.path(folder, replicate.name)
    runs = record.read(place)
    if [(run.cell, run.seed) for run in runs] != [(plan.cell, plan.seed) for plan in replicate.plans]:
        raise Problem(
            f"{place} holds other runs than those of {replicate.name}",
            fix="delete the file and run the same command again; what is in the store is not measured again",
        )
    return runs


def _rows(run: Run, n: int) -> list[dict]:
    """The rows of a training on n examples: the numbers of all analyses at the same steps in one.

    A training that could not be measured has a row at its start.
    """
    names = _names(run) | {"status": run.status}
    rows: dict[int, dict] = {}
    if run.status != record.MEASURED:
        rows[0] = {**names, "steps": 0, "examples": 0, "epochs": 0.0, "roles": "start"}
    for point in (each for of_analysis in run.analyses.values() for each in of_analysis):
        place = {**names, "steps": point.steps, "examples": point.examples}
        row = rows.setdefault(point.steps, place | {"epochs": point.examples / n})
        row |= {"roles": " ".join(point.roles), **_unbounded(point.numbers)}
        row |= {name: getattr(point, name) for name in ("training_loss", "loss_spread", "distance")}
    return [rows[steps] for steps in sorted(rows)]


def _names(run: Run) -> dict:
    return {**run.cell.model_dump(include={"dataset", "model", "arm", "batch_size"}), "seed": run.seed}


def _unbounded(numbers: dict[str, float | None]) -> dict[str, float | None]:
    """The numbers; of an interval that has a lower end, what it lacks is infinite."""
    ends = {
        place: math.inf
        for name, value in numbers.items()
        if name.endswith("_lo") and value is not None
        for place in (name.removesuffix("_lo"), f"{name.removesuffix('_lo')}_hi")
        if numbers[place] is None
    }
    return numbers | ends
