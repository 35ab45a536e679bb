"""What machines are compared by, and which cells have it: throughput, peak memory, time to target."""

import pandas as pd

from benchmarks.compare.schema import TRAINING
from benchmarks.publish import marks, wording
from benchmarks.publish.drawing import panels
from benchmarks.summary.schema.names import BROKEN, CASE

ON_MACHINE = ["machine", "precision", *CASE]


def throughput(cells: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Throughput of each case on each machine, and the cases that could not be timed."""
    cases = _once(cells)
    values = _quantity(cases, "throughput_samples_per_s")
    failed = cases.assign(status=cases["throughput_status"])
    return _titled(values, cells), _titled(panels.failed_trainings(failed), cells)


def peak_memory(cells: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean, least and greatest peak memory over the arms of a step kind, by case; the cells without one."""
    memory = cells.groupby(ON_MACHINE, sort=False)["peak_memory_mib"].agg(value="mean", lo="min", hi="max")
    values = (
        memory.reset_index()
        .merge(_once(cells)[[*ON_MACHINE, "identity"]], on=ON_MACHINE)
        .assign(disturbed="")
    )
    broken = cells["status"].isin(BROKEN) & cells["peak_memory_mib"].isna()
    failed = panels.failed_trainings(cells[broken])
    return _titled(values, cells), _titled(failed, cells)


def time_to_target(cells: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Time to target of each cell on each machine, measured and predicted; the cells that missed it."""
    values = _quantity(cells, "time_to_target_s").assign(predicted=cells["time_to_target_predicted_s"])
    titles = training_titles(cells)
    values, failed = (
        part.assign(panel=[titles[key] for key in part[TRAINING].itertuples(index=False, name=None)])
        for part in (values, panels.failed_trainings(cells))
    )
    return values, failed


def _once(cells: pd.DataFrame) -> pd.DataFrame:
    """One row per machine and case, from the latest study; certified if it is so in every arm."""
    latest = cells.sort_values("finished", kind="stable", ascending=False).drop_duplicates(ON_MACHINE)
    gravest = marks.gravest_of_case(cells, ON_MACHINE)[[*ON_MACHINE, "identity"]]
    return (
        latest.drop(columns="identity")
        .merge(gravest, on=ON_MACHINE)
        .sort_values(ON_MACHINE, ignore_index=True)
    )


def _quantity(cells: pd.DataFrame, name: str) -> pd.DataFrame:
    return cells.assign(value=cells[name], lo=cells[f"{name}_lo"], hi=cells[f"{name}_hi"])


def _titled(rows: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Rows with the title of their panel: it names step kind and precision where the cells have several."""
    several = cells["step_kind"].nunique() > 1
    precision = precisions(cells)
    panels = [
        f"{wording.timed(tuple(key), several=several)}{precision[name]}"
        for *key, name in rows[["dataset", "model", "step_kind", "precision"]].itertuples(
            index=False, name=None
        )
    ]
    return rows.assign(panel=panels)


def precisions(cells: pd.DataFrame) -> dict[str, str]:
    """What a title says of each precision: nothing where the cells have only one."""
    known = cells["precision"].unique()
    return {name: f" · {name}" if len(known) > 1 else "" for name in known}


def training_titles(cells: pd.DataFrame) -> dict[tuple, str]:
    """A title for each training; its studies are named where another one would have the same title."""
    trainings = cells.groupby(TRAINING)["study"].agg(lambda names: ", ".join(sorted(set(names))))
    precision = cells.groupby(TRAINING)["precision"].first().map(precisions(cells))
    short = {key: f"{_title(key)}{precision[key]}" for key in trainings.index}
    shared = [title for title in short.values() if list(short.values()).count(title) > 1]
    return {key: f"{title} · {trainings[key]}" if title in shared else title for key, title in short.items()}


def _title(training: tuple) -> str:
    dataset, model, arm, target, _ = training
    return f"{wording.workload((dataset, model))} · {arm} · {100 * target:g} %"
