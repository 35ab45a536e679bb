"""What was measured of trainings from the inside, as a table of their checkpoints."""

from pathlib import Path

from benchmarks.analysis import record
from benchmarks.analysis.record import Run
from benchmarks.study.study import ANALYSED_WITH, Study


def checkpoints(study: Study, folder: Path, n_training: dict[tuple, int]) -> list[dict]:
    """The row of each checkpoint at which anything was measured, in the order of the study.

    Raises:
        Problem: a file is missing or altered.
    """
    return [
        row
        for name in study.analysed
        for run in record.read(path(folder, name))
        for row in _rows(run, n_training[run.cell.dataset, run.cell.model])
    ]


def path(folder: Path, name: str) -> Path:
    """The file of what was measured of a replicate, in the results folder of a study."""
    return folder / "analysis" / f"{name.replace(f'/{ANALYSED_WITH}/', '/')}.json"


def _rows(run: Run, n: int) -> list[dict]:
    """The rows of a training on n examples: the numbers of all analyses at the same steps in one."""
    names = run.cell.model_dump(include={"dataset", "model", "arm", "batch_size"})
    rows: dict[int, dict] = {}
    for point in (each for of_analysis in run.analyses.values() for each in of_analysis):
        place = {**names, "seed": run.seed, "steps": point.steps, "examples": point.examples}
        row = rows.setdefault(point.steps, place | {"epochs": point.examples / n})
        row |= {"roles": " ".join(point.roles), **point.numbers}
    return [rows[steps] for steps in sorted(rows)]
