"""The batch size with the shortest time to the target on each machine, measured and predicted."""

import numpy as np
import pandas as pd

from benchmarks.compare import quantities
from benchmarks.compare.schema import TRAINING
from benchmarks.publish import marks, wording
from benchmarks.publish.course import NEAR
from benchmarks.publish.table import Column, Entry, Table

COLUMNS = [Column(head, words=True) for head in ("Training", "Framework", "Machine")]
COLUMNS += [
    Column(head, group)
    for group in ("Measured", "Predicted")
    for head in ("Fastest B", "Time (s)", "Within a tenth: B")
]
TIMES = {"measured": "time_to_target_s", "predicted": "time_to_target_predicted_s"}


def tables(cells: pd.DataFrame) -> list[Table]:
    """One table: a row for each training, framework and machine that reaches the target at any batch size."""
    titles = quantities.training_titles(cells)
    groups = cells.groupby([*TRAINING, "framework", "machine"], sort=False)
    found = [
        {"title": titles[tuple(names[: len(TRAINING)])], "framework": names[-2], "machine": names[-1]}
        | {
            f"{which}_{name}": value
            for which, column in TIMES.items()
            for name, value in _of(group, column).items()
        }
        for names, group in groups
        if group[[*TIMES.values()]].notna().any(axis=None)
    ]
    if not found:
        return []
    return [
        Table(
            name="fastest",
            title="The fastest batch size on each machine",
            caption="The batch size with the shortest time to the target, and all whose time is within a "
            "tenth of it. Measured: the median over runs. Predicted: steps to the target, those of the "
            "other machines where there are any, times the time of a step of this one. "
            "Times are without their intervals here, so that a size nearby may be as fast. Where enough "
            "others are there, sizes at which the machine was disturbed are left out. "
            f"{' '.join(marks.notes(cells))}".strip(),
            columns=COLUMNS,
            rows=[[Entry(text) for text in _line(row)] for row in found],
            data=pd.DataFrame(found),
        )
    ]


def _of(cells: pd.DataFrame, column: str) -> dict:
    """The fastest batch size by a time, that time, and the sizes near it; nothing where there is no time."""
    known = cells.dropna(subset=[column])
    quiet = marks.undisturbed(known)
    known = known if quiet.empty else quiet
    if known.empty:
        return {"fastest": np.nan, "time_s": np.nan, "near": "", "signs": ""}
    best = known.loc[known[column].idxmin()]
    near = known.loc[known[column] <= NEAR * best[column], "batch_size"].sort_values()
    return {
        "fastest": best["batch_size"],
        "time_s": best[column],
        "near": ", ".join(map(wording.whole, near)),
        "signs": marks.mark(best["identity"]) + marks.disturbed(best["disturbed"]),
    }


def _line(row: dict) -> list[str]:
    return [
        *(row["title"], wording.name(row["framework"]), row["machine"]),
        *(text for which in TIMES for text in _texts(row, which)),
    ]


def _texts(row: dict, which: str) -> list[str]:
    return [
        wording.whole(row[f"{which}_fastest"]),
        wording.number(row[f"{which}_time_s"]) + row[f"{which}_signs"],
        row[f"{which}_near"] or wording.NOTHING,
    ]
