"""The result record: one JSON file per cell, with a schema that readers insist on."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.common.value import Value
from benchmarks.recipe.plan import Cell, Plan


class Status(StrEnum):
    """How a run ended. Every run has one; a failure is a result like any other."""

    REACHED = "reached"
    MISSED = "missed"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out-of-memory"
    TIME_LIMIT = "time-limit"
    FAILED = "failed"


class Evaluation(Value):
    """One point of a learning curve.

    `training_s` is the training time so far, evaluation excluded; `train_loss` is the mean over
    the steps since the evaluation before. A loss that is not finite is stored as null.
    """

    examples: int
    training_s: float
    train_loss: float | None
    validation_loss: float | None
    validation_accuracy: float


class Run(Value):
    """One seed of a cell, from the first step to the end of its budget.

    `*_to_target` are null where the target was not reached (censored at `examples`). Test and train
    accuracy are read once, with the parameters of the best validation evaluation.
    """

    seed: int
    status: Status
    message: str = ""
    steps: int = 0
    examples: int = 0
    training_s: float = 0.0
    evaluation_s: float = 0.0
    examples_to_target: int | None = None
    steps_to_target: int | None = None
    time_to_target_s: float | None = None
    best_examples: int | None = None
    validation_accuracy: float | None = None
    test_accuracy: float | None = None
    train_accuracy: float | None = None
    curve: list[Evaluation] = []


class Record(Value):
    """All that is known about one cell.

    `measurements` are those of `training.peak_memory`, by names that carry their units. `job_s` is the
    whole life of the job's process; `measuring_s` the part of it spent in training and evaluation.
    `settings` is everything that defines the training, in full.
    """

    schema_version: Literal[1] = 1
    cell: Cell
    settings: dict[str, Any]
    runs: list[Run]
    measurements: dict[str, float | None]
    job_s: float
    measuring_s: float
    provenance: dict[str, Any]


def write(record: Record, path: Path) -> None:
    """Write a record whole or not at all."""
    write_text(record.model_dump_json(indent=1) + "\n", path)


def read(path: Path) -> Record:
    """Read a record.

    Raises:
        Problem: the file does not match the schema.
    """
    try:
        return Record.model_validate_json(path.read_bytes())
    except (ValidationError, json.JSONDecodeError) as error:
        reason = str(error).splitlines()
        raise Problem(
            f"{path} is not a record of this version of Batch Atlas: {' '.join(reason[:3])}",
            fix="delete the file and run the study again; only this cell is computed anew",
        ) from error


def record_path(folder: Path, plan: Plan) -> Path:
    """Where the record of a cell lies."""
    cell = plan.cell
    return folder / "runs" / cell.dataset / cell.model / cell.framework / cell.arm / f"{cell.batch_size}.json"
