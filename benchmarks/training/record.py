"""The record of a cell's results: one JSON file, with a schema that is checked when it is read."""

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
    """How a run ended. A failure is a result like any other, so every run has a status."""

    REACHED = "reached"
    MISSED = "missed"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out-of-memory"
    TIME_LIMIT = "time-limit"
    FAILED = "failed"


class Evaluation(Value):
    """One point of a learning curve.

    `training_s` is the training time so far in seconds, without evaluation; `train_loss` is the mean over
    the steps since the previous evaluation. A loss that is not finite is stored as null.
    """

    examples: int
    training_s: float
    train_loss: float | None
    validation_loss: float | None
    validation_accuracy: float


class Run(Value):
    """One seed of a cell, from the first step to the end of its budget.

    The fields `*_to_target` are null if the target was not reached (censored at `examples`). Accuracies on
    the test and training data are computed once, with the parameters of the best validation accuracy.
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
    """Everything that was recorded about one cell.

    `settings` is the whole plan of the training. `measurements` are those of `training.peak_memory`; their
    names include the unit. `job_s` is the lifetime of the job's process in seconds, and `measuring_s` the
    part of it spent on measuring, training and evaluation.
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
    """Write a record as JSON, whole or not at all."""
    write_text(record.model_dump_json(indent=1) + "\n", path)


def read(path: Path) -> Record:
    """Read a record from its file.

    Raises:
        Problem: the file does not match the schema.
    """
    try:
        return Record.model_validate_json(path.read_bytes())
    except (ValidationError, json.JSONDecodeError) as error:
        reason = str(error).splitlines()
        raise Problem(
            f"{path} is not a record of this version of Batch Atlas: {' '.join(reason[:3])}",
            fix="delete the file and run the study again; only this cell is trained again",
        ) from error


def record_path(folder: Path, plan: Plan) -> Path:
    """The path of a cell's record in the results folder of a study and machine."""
    cell = plan.cell
    return folder / "runs" / cell.dataset / cell.model / cell.framework / cell.arm / f"{cell.batch_size}.json"
