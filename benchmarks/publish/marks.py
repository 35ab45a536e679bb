"""The signs behind a value: † and ‡ for a cell without a certificate, § for a training cut short."""

import numpy as np
import pandas as pd

from benchmarks.publish.results import Results

CERTIFIED = "certified"
STATISTICAL = "statistical"
NOT_CERTIFIED = "not certified"
KINDS = (NOT_CERTIFIED, STATISTICAL, CERTIFIED)
"""From the gravest on. A line of a figure joins cells of one kind alone."""

MARKS = {NOT_CERTIFIED: "†", STATISTICAL: "‡", CERTIFIED: ""}
NOTES = {
    NOT_CERTIFIED: "† not certified to compute the same numbers: never bold.",
    STATISTICAL: "‡ statistical: the framework draws random numbers of its own, so that it agrees with the "
    "others in distribution alone: never bold.",
}


def mark(identity: object) -> str:
    """The sign behind a value whose cell is not certified."""
    return MARKS[identity if identity in (CERTIFIED, STATISTICAL) else NOT_CERTIFIED]


def notes(cells: pd.DataFrame) -> list[str]:
    """What the signs mean that occur for cells with `identity` and `disturbed`."""
    present = set(kinds(cells["identity"]))
    doubts = [note for kind, note in NOTES.items() if kind in present]
    return [*doubts, *([DISTURBED_NOTE] if (cells["disturbed"] != "").any() else [])]


def kinds(identity: pd.Series) -> pd.Series:
    """The kind of each verdict; a missing verdict counts as not certified."""
    return identity.where(identity.isin([CERTIFIED, STATISTICAL]), NOT_CERTIFIED).astype(str)


def gravest_of_case(cells: pd.DataFrame, case: list[str]) -> pd.DataFrame:
    """One row for each case, with the gravest verdict among its cells."""
    gravest = kinds(cells["identity"]).map(KINDS.index).sort_values(kind="stable").index
    return cells.loc[gravest].drop_duplicates(case).sort_index()


DISTURBED = "¶"
DISTURBED_NOTE = (
    "¶ the machine was disturbed during a timing or a run of the cell: its speed and time are never bold."
)


def disturbed(reason: str) -> str:
    """The sign behind a time or speed of a cell that was disturbed for this reason; none if there is none."""
    return DISTURBED if reason else ""


FEWEST = 0.5
"""Share of the cells that must have been undisturbed for one of them to be called the fastest or soonest."""


def undisturbed(cells: pd.DataFrame) -> pd.DataFrame:
    """Those of the cells that were timed undisturbed; none if they are too few to compare."""
    quiet = cells[cells["disturbed"] == ""]
    return quiet if len(quiet) >= FEWEST * len(cells) else quiet.iloc[:0]


ENDED_EARLY = "§"
ENDED_EARLY_NOTE = (
    "§ a run ended before its budget of epochs, by its seconds or by a failure, so that the accuracy stands "
    "for less training."
)
ROUNDING = 1e-9
"""How far two counts of epochs may differ that are the same, in part of either."""


def budget(results: Results, cells: pd.DataFrame, name: str) -> pd.Series:
    """The budget of each cell in `epochs` or `seconds`; NaN where its (dataset, model) has none.

    That in epochs is the one that its steps amount to, if they are more.
    """
    names = ["dataset", "model", "batch_size"]
    known = cells[names].merge(results.targets, how="left", on=names[:2]).set_axis(cells.index)
    of_cells = epochs_of(known, known["batch_size"]) if name == "epochs" else known[name]
    return of_cells.astype(float)


def epochs_of(
    targets: pd.DataFrame | pd.Series, batch_sizes: pd.Series | np.ndarray
) -> pd.Series | np.ndarray:
    """The budget in epochs at these batch sizes, of a row of targets or of one for each size."""
    return np.maximum(targets["epochs"], targets["steps"] * batch_sizes / targets["n_training"])


UNEVEN = 1.2
"""From this ratio of their budgets in epochs on, batch sizes were trained for different lengths."""


def uneven_budgets(results: Results, cells: pd.DataFrame) -> str:
    """That the cells of a (dataset, model) have different budgets in epochs, in words; else nothing.

    A budget of steps gives large batches more epochs, and with them perhaps the higher accuracy.
    """
    epochs = budget(results, cells, "epochs").dropna()
    if epochs.empty or epochs.max() < UNEVEN * epochs.min():
        return ""
    ends = f"{epochs.min():.3g} to {epochs.max():.3g}"
    return (
        f"the batch sizes were trained for {ends} epochs, the larger ones longer, which alone may tell in "
        "accuracy"
    )


def ended_early(results: Results, cells: pd.DataFrame, *, epochs: str) -> pd.Series:
    """For which cells the column `epochs` holds fewer than their budget."""
    return cells[epochs] < budget(results, cells, "epochs") * (1 - ROUNDING)
