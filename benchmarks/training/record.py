"""The record of a run: its status, its learning curve, its results, and where they come from."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from benchmarks.common.quiet import Disturbance
from benchmarks.common.value import Value
from benchmarks.recipe.plan import Cell


class Status(StrEnum):
    """How a run ended. A failure is a result like any other, so every run has a status."""

    REACHED = "reached"
    MISSED = "missed"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out-of-memory"
    TIME_LIMIT = "time-limit"
    FAILED = "failed"


Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class Evaluation(Value):
    """One point of a learning curve.

    `training_s` is the training time so far in seconds, without evaluation; `train_loss` is the mean over
    the steps since the previous evaluation. A loss that is not finite is stored as null.
    """

    examples: Count
    training_s: Seconds
    train_loss: float | None
    validation_loss: float | None
    validation_accuracy: Share


class Run(Value):
    """One training from one seed, from the first step to the end of its budget.

    The fields `*_to_target` are null if the target was not reached (censored at `examples`);
    `examples_resolution` are the examples since the evaluation before the one that saw it reached. Accuracies
    on the test and training data are computed once, with the parameters of the best validation accuracy.
    """

    seed: int
    status: Status
    message: str = ""
    steps: Count = 0
    examples: Count = 0
    training_s: Seconds = 0.0
    evaluation_s: Seconds = 0.0
    examples_to_target: Count | None = None
    steps_to_target: Count | None = None
    examples_resolution: Count | None = None
    time_to_target_s: Seconds | None = None
    best_examples: Count | None = None
    validation_accuracy: Share | None = None
    test_accuracy: Share | None = None
    train_accuracy: Share | None = None
    curve: list[Evaluation] = []


class Record(Value):
    """Everything that was recorded about one run, and the digest that the store keeps it under.

    `settings` is the plan of the run without the arm's name. `conditions` is the digest of all that the run
    depends on; it is empty for a run that was killed or failed, which the store does not keep: it is tried
    again whenever its job runs. `certified_conditions` is the digest that a certificate must have to hold for
    the run. `measurements` are those of `training.peak_memory`; their names include the unit. `start` are the
    seconds that parts of the start took. `step_ms` are the milliseconds of a step in calls just `before` and
    just `after` the run (`training.pace`). `job_s` is the lifetime of the run's process in seconds, for the
    first run of a job with the import of the framework, and `measuring_s` the part of it spent on measuring,
    training and evaluation. `disturbance` is what the machine did besides; None for a process that died.
    """

    cell: Cell
    settings: dict[str, Any]
    conditions: str = ""
    certified_conditions: str = ""
    run: Run
    measurements: dict[str, float | None] = {}
    start: dict[str, float | None] = {}
    step_ms: dict[str, float] = {}
    job_s: float = 0.0
    measuring_s: float = 0.0
    disturbance: Disturbance | None = None
    provenance: dict[str, Any]
