"""The records of a replicate in `runs/` of a study: a view of the store, checked when it is read."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from benchmarks.common.errors import Problem
from benchmarks.common.files import read_sealed, set_aside, write_sealed
from benchmarks.common.value import Value
from benchmarks.recipe.plan import Cell, Replicate, name_of
from benchmarks.study import rates
from benchmarks.study.study import Study, replicates
from benchmarks.training.record import Record

FIX = "run the same command again; the file is made again from the store"


class Records(Value):
    """The records of a replicate, one for each arm and batch size: what one job leaves in `runs/`."""

    schema_version: Literal[3] = 3
    records: list[Record]


def write(records: list[Record], path: Path) -> None:
    """Write the records of a replicate as sealed JSON, whole or not at all."""
    write_sealed(Records(records=records).model_dump(mode="json"), path)


def read(folder: Path, name: str) -> list[Record]:
    """Read the records of the replicate of this name in the results folder of a study.

    Raises:
        Problem: the file is missing or altered, or holds the runs of another replicate.
    """
    path = record_path(folder, name)
    try:
        records = Records.model_validate(read_sealed(path)).records
    except ValidationError as error:
        reason = " ".join(str(error).splitlines()[:3])
        raise Problem(f"{path} is not a record of this version of Batch Atlas: {reason}", fix=FIX) from error
    if {name_of(record.cell, seed=record.run.seed) for record in records} != {name}:
        raise Problem(f"{path} holds other runs than those of {name}", fix=FIX)
    return records


def of_replicate(folder: Path, replicate: Replicate) -> list[Record]:
    """The records of a replicate, one for each of its plans.

    Raises:
        Problem: as for `read`, or the runs were of other settings, arms or batch sizes.
    """
    records = read(folder, replicate.name)
    found = [(record.cell, record.settings) for record in records]
    if found != [(plan.cell, plan.settings) for plan in replicate.plans]:
        raise Problem(
            f"{record_path(folder, replicate.name)} holds runs with other settings, arms or batch sizes",
            fix="delete the file and run the same command again; what is in the store is not trained again",
        )
    return records


def record_path(folder: Path, name: str) -> Path:
    """The path of a replicate's records in the results folder of a study and machine."""
    return folder / "runs" / f"{name}.json"


def set_aside_unusable(folder: Path, names: Iterable[str]) -> list[str]:
    """Set aside every file of records that is damaged or has the place of another, so that it is made again.

    Returns one line for each.
    """
    causes = []
    for name in names:
        path = record_path(folder, name)
        try:
            read(folder, name)
        except Problem as problem:
            if path.exists():
                set_aside(path)
                causes.append(problem.cause)
    return causes


def of_study(folder: Path, study: Study) -> Iterator[tuple[Cell, list[Record]]]:
    """Every cell of a study with its records; those of tuned arms have the settings that were found.

    Raises:
        Problem: as for `of_cells` and `study.rates.applied`.
    """
    return of_cells(folder, [rates.applied(each, folder / rates.NAME) for each in replicates(study)])


def of_cells(folder: Path, replicates: list[Replicate]) -> Iterator[tuple[Cell, list[Record]]]:
    """Every cell with its records, in the order of their seeds; those of one framework are read at a time.

    Raises:
        Problem: as for `of_replicate`.
    """
    by_framework: dict[str, list[Replicate]] = {}
    for replicate in replicates:
        by_framework.setdefault(replicate.name.rpartition("/")[0], []).append(replicate)
    for of_framework in by_framework.values():
        by_seed = [of_replicate(folder, replicate) for replicate in of_framework]
        for of_cell in zip(*by_seed, strict=True):
            yield of_cell[0].cell, list(of_cell)
