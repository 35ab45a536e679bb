"""What was measured of trainings from the inside, and the file of it."""

from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ValidationError

from benchmarks.analysis.checkpoints import Role
from benchmarks.common.errors import Problem
from benchmarks.common.files import read_sealed
from benchmarks.common.value import Value
from benchmarks.frameworks import ANALYSED_WITH
from benchmarks.recipe.plan import Cell

MEASURED, FAILED, OUT_OF_MEMORY = "measured", "failed", "out-of-memory"


class Point(Value):
    """The numbers of one analysis at one checkpoint, by the names of their columns.

    What holds of the checkpoint itself stands in every analysis: the mean loss over the training set in
    evaluation mode, the spread of the loss over the steps before, and how far θ is from the start.
    """

    steps: int
    examples: int
    roles: list[Role]
    training_loss: float | None
    loss_spread: float | None
    distance: float
    numbers: dict[str, float | None]


class Place(Value):
    """A place on the straight line between two solutions, that of a smaller batch size at 0, the other at 1.

    `agreement` is the share of the validation set for which the same class is predicted as at place 0.
    """

    place: float
    training_loss: float | None
    validation_accuracy: float | None
    agreement: float | None


class Height(Value):
    """The loss at a place of a plane through a solution, which lies at (0, 0)."""

    x: float
    y: float
    training_loss: float | None


class Failure(NamedTuple):
    """What ended an analysis; `measured` if nothing did."""

    status: str = MEASURED
    message: str = ""


class Run(Value):
    """What was measured of one run: its points for each analysis, and what ended it if it failed.

    `interpolation` is the line from the solution of the smallest batch size of its arm to its own,
    `landscape` a plane through its solution.
    """

    cell: Cell
    seed: int
    analyses: dict[str, list[Point]]
    interpolation: list[Place] = []
    landscape: list[Height] = []
    status: str = MEASURED
    message: str = ""


class Analysed(Value):
    """What one job measured."""

    schema_version: Literal[1] = 1
    runs: list[Run]


def path(folder: Path, name: str) -> Path:
    """The file of what was measured of a replicate, in the results folder of a study.

    The framework is no part of it: it is the same one for all.
    """
    return folder / "analysis" / f"{name.replace(f'/{ANALYSED_WITH}/', '/')}.json"


def read(path: Path) -> list[Run]:
    """Read what a job wrote.

    Raises:
        Problem: the file is missing, altered or of another version.
    """
    try:
        return Analysed.model_validate(read_sealed(path)).runs
    except ValidationError as error:
        raise Problem(
            f"{path} is not of this version of Batch Atlas", fix="delete it and run the same command again"
        ) from error
