"""The results that a recommendation rests on: of one machine, or its speed with the trainings of another."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.common.errors import Problem
from benchmarks.compare import machines
from benchmarks.compare.machines import Source
from benchmarks.publish import choice, marks
from benchmarks.publish import results as folders
from benchmarks.publish.results import Results, of_workload


def sources(results: Path, workload: tuple[str, str]) -> list[Source]:
    """The results of a (dataset, model), the latest last.

    Raises:
        Problem: there are none.
    """
    found = machines.find(results).taken
    with_it = [source for source in found if not of_workload(source.summary, workload).empty]
    if not with_it:
        known = sorted(
            {
                f"{dataset} × {model}"
                for source in found
                for dataset, model in source.summary[["dataset", "model"]].itertuples(index=False)
            }
        )
        raise Problem(
            f"there are no results of {workload[0]} × {workload[1]}; there are of {', '.join(known)}",
            fix="run a study of it (config/README.md), or give one of those",
        )
    return sorted(with_it, key=lambda source: source.finished)


def of_machine(found: list[Source], machine: str | None, *, here: str) -> list[Source]:
    """Those of a machine: the one that is named, or this one, or the only one there is.

    Raises:
        Problem: there are none of it.
    """
    names = list(dict.fromkeys(source.machine for source in found))
    wanted = machine or (here if here in names else names[0] if len(names) == 1 else None)
    if wanted not in names:
        told = (
            f"there are no results of the machine {machine}"
            if machine
            else f"there are no results of this machine, {here}, yet"
        )
        raise Problem(
            f"{told}; there are some of {', '.join(names)}",
            fix="run a study here first (snakemake --cores all), or give one of those with --machine",
        )
    return [source for source in found if source.machine == wanted]


def latest(found: list[Source], has: Callable[[Results], bool]) -> Results | None:
    """The latest results that have something."""
    for source in reversed(found):
        known = folders.read(source.folder)
        if has(known):
            return known
    return None


def tuned(workload: tuple[str, str]) -> Callable[[Results], bool]:
    """Whether results have tuned trainings of a (dataset, model)."""
    return lambda known: not _tuned(known, workload).empty


def undisturbed(workload: tuple[str, str], framework: str | None) -> Callable[[Results], bool]:
    """Whether most times to the target of a (dataset, model) were measured undisturbed in tuned trainings.

    That must be so in the framework that is named, or in each.
    """

    def most(known: Results) -> bool:
        timed = _tuned(known, workload).dropna(subset=["time_to_target_s"])
        names = [framework] if framework else timed["framework"].unique()
        parts = [marks.undisturbed(timed[timed["framework"] == name]) for name in names]
        return bool(parts) and not any(part.empty for part in parts)

    return most


def _tuned(known: Results, workload: tuple[str, str]) -> pd.DataFrame:
    return of_workload(known.trained, workload).merge(known.rates[choice.PLACE])
