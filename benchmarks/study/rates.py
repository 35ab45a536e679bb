"""The learning rates that were found for the arms that are tuned, and the trials that found them."""

from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from benchmarks.common.errors import Problem
from benchmarks.common.files import read_sealed, write_sealed
from benchmarks.common.value import Value
from benchmarks.recipe.plan import Plan, Replicate
from benchmarks.recipe.search import Candidate

NAME = "tuned.json"
"""The file of a study's searches in its results folder."""
FIX = "run the same command again; the searches that the store has are not repeated"


class Ended(StrEnum):
    """How a trial ended. It is `beaten` where it could no longer be as good as the best one so far."""

    REACHED = "reached"
    MISSED = "missed"
    TIME_LIMIT = "time-limit"
    DIVERGED = "diverged"
    BEATEN = "beaten"


class Trial(Value):
    """One training of a candidate from one seed, to its target or until it cannot win.

    One that looks for accuracy goes on through its whole budget, and has `reached` a target that it saw on
    the way. `steps` are those after which it ended. `validation_accuracy` is the best that it
    saw, and `training_s` its seconds of training.
    """

    candidate: Candidate
    seed: int
    ended: Ended
    steps: int = Field(ge=0)
    validation_accuracy: float = Field(ge=0, le=1)
    training_s: float = Field(ge=0)


class Found(Value):
    """What a search found at one batch size.

    `steps` are those of `best` from the worst of its seeds, None where it is no good: where it does not reach
    the target from all of them, or diverges in a search for accuracy. `lowest` and `highest` are the ends of
    the candidates' rates that are as good, half a step of the grid further out; None where no candidate is
    good. `at_edge`: the best lies at an end of the range, or beyond.
    """

    best: Candidate
    steps: int | None
    lowest: float | None
    highest: float | None
    at_edge: bool
    trials: list[Trial]


class Tuned(Value):
    """The search of a tuned arm for one workload at one batch size, and the framework that did it.

    `failure` says what ended a search without a result; its trainings then have the rate of the start.
    """

    dataset: str
    model: str
    arm: str
    batch_size: int
    framework: str
    start: Candidate
    found: Found | None
    failure: str = ""


class Searches(Value):
    """All searches of a study: what `tuned.json` holds."""

    schema_version: Literal[1] = 1
    searches: list[Tuned]


def write(searches: list[Tuned], path: Path) -> None:
    """Write the searches of a study as sealed JSON, whole or not at all."""
    write_sealed(Searches(searches=searches).model_dump(mode="json"), path)


def read(path: Path) -> list[Tuned]:
    """Read the searches of a study.

    Raises:
        Problem: the file is missing or altered.
    """
    try:
        return Searches.model_validate(read_sealed(path)).searches
    except ValidationError as error:
        reason = " ".join(str(error).splitlines()[:3])
        raise Problem(f"{path} is not of this version of Batch Atlas: {reason}", fix=FIX) from error


def applied(replicate: Replicate, path: Path | None) -> Replicate:
    """A replicate with the settings that the searches in a file found, in the arms that are to be tuned.

    Raises:
        Problem: no file is given, or it lacks a search of the replicate.
    """
    if not replicate.to_be_tuned:
        return replicate
    if path is None:
        raise Problem(
            f"{replicate.name} has learning rates that are tuned, and no file with them is given",
            fix=f"give it: --tuned results/STUDY/MACHINE/{NAME}, which a study writes before it trains",
        )
    found = {(each.dataset, each.model, each.arm, each.batch_size): each for each in read(path)}
    plans = [
        _with_settings(plan, found, path) if plan.cell.arm in replicate.to_be_tuned else plan
        for plan in replicate.plans
    ]
    return Replicate(plans=plans)


def _with_settings(plan: Plan, found: dict[tuple, Tuned], path: Path) -> Plan:
    cell = plan.cell
    search = found.get((cell.dataset, cell.model, cell.arm, cell.batch_size))
    if search is None:
        raise Problem(f"{path} lacks the search of {cell.label}", fix=FIX)
    chosen = search.found.best if search.found else search.start
    return plan.model_copy(update={"optimizer": chosen.applied(plan.optimizer)})
