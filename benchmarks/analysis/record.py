"""What was measured of trainings from the inside, and the file of it."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from benchmarks.analysis.checkpoints import Role
from benchmarks.common.errors import Problem
from benchmarks.common.files import read_sealed
from benchmarks.common.value import Value
from benchmarks.recipe.plan import Cell


class Point(Value):
    """The numbers of one analysis at one checkpoint, by the names of their columns."""

    steps: int
    examples: int
    roles: list[Role]
    numbers: dict[str, float | None]


class Run(Value):
    """What was measured of one run: its points for each analysis."""

    cell: Cell
    seed: int
    analyses: dict[str, list[Point]]


class Analysed(Value):
    """What one job measured."""

    schema_version: Literal[1] = 1
    runs: list[Run]


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
