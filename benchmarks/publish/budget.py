"""Trainings that ended before their budget of epochs: by their seconds or a failure, at whatever status.

What such a training came to stands for less of it than the rest.
"""

import pandas as pd

from benchmarks.publish.results import Results

MARK = "§"
NOTE = (
    "§ a run ended before its budget of epochs, by its seconds or by a failure, so that the accuracy stands "
    "for less training."
)
ROUNDING = 1e-9
"""How far two counts of epochs may differ that are the same, in part of either."""


def of(results: Results, cells: pd.DataFrame, name: str) -> pd.Series:
    """The budget of each cell in `epochs` or `seconds`; NaN where its (dataset, model) has none."""
    known = cells[["dataset", "model"]].merge(results.goals, how="left", on=["dataset", "model"])
    return known[name].astype(float).set_axis(cells.index)


def ended_early(results: Results, cells: pd.DataFrame, *, epochs: str) -> pd.Series:
    """For which cells the column `epochs` holds fewer than their budget."""
    return cells[epochs] < of(results, cells, "epochs") * (1 - ROUNDING)
