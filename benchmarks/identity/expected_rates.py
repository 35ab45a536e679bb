"""The settings of tuned trainings, held to those that the searches found and to one another.

A certificate is made before anything is searched for, and holds at any learning rate. Which rate a training
then had is worked out here apart from the code that hands it on.
"""

from collections.abc import Iterator

from benchmarks.recipe.plan import Cell
from benchmarks.training.record import Record

Chosen = dict[tuple, dict[str, float]]
"""By data set, model, arm and batch size, the settings that a search chose."""


def chosen(searches: list[dict]) -> Chosen:
    """What each search in `tuned.json` chose: the best candidate, or where it started if it found none."""
    return {
        (each["dataset"], each["model"], each["arm"], each["batch_size"]): {
            name: value
            for name, value in (each["found"]["best"] if each["found"] else each["start"]).items()
            if value is not None
        }
        for each in searches
    }


def faults(records: dict[Cell, list[Record]], due: Chosen) -> Iterator[str]:
    """Every training of other settings than its search chose, or than another framework has, in words."""
    of_others: dict[tuple, dict] = {}
    for cell, of_cell in records.items():
        place = (cell.dataset, cell.model, cell.arm, cell.batch_size)
        for record in of_cell:
            optimizer = record.settings["optimizer"]
            for name, value in due.get(place, {}).items():
                if optimizer[name] != value:
                    yield f"{cell.label} has {name} {optimizer[name]!r}, and its search chose {value!r}"
            settings = record.settings | {"cell": None}
            if of_others.setdefault((*place, record.run.seed), settings) != settings:
                yield f"{cell.label} has other settings than the same training in another framework"


def fault(records: dict[Cell, list[Record]], searches: list[dict]) -> str:
    """The first of them; empty if there is none."""
    return next(faults(records, chosen(searches)), "")
