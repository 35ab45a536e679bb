"""Test accuracy against batch size."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import marks
from benchmarks.publish.drawing import axes, by_arm, series
from benchmarks.publish.drawing.by_arm import GUIDE, Panel
from benchmarks.publish.results import Results

TITLE = "Test accuracy"


def applies(results: Results) -> bool:
    """Whether any run was tested."""
    return bool(results.summary["test_accuracy"].notna().any())


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Test accuracy at the best validation evaluation: mean ± standard deviation over runs. The axis is "
        "logarithmic in the distance to 100 %. Marks above a panel: cells whose median run did not reach the "
        "validation target (dotted), and why; what they did reach is drawn where they were tested. "
        f"{by_arm.HOLLOW}"
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model) and arm."""
    cells = with_deviation(results)
    return by_arm.draw(
        results,
        cells,
        label="Test accuracy (%)",
        prepare=axes.accuracy,
        finish=_finish,
        keys=[Line2D([], [], label="validation target", **GUIDE), *by_arm.early_keys(cells)],
    )


def with_deviation(results: Results) -> pd.DataFrame:
    """The trained cells with their accuracy ± one standard deviation, and whether they `ended_early`.

    A bar that reaches beyond 100 % has no end on this axis.
    """
    cells = results.trained
    early = marks.ended_early(results, cells, epochs="epochs_trained")
    value, deviation = cells["test_accuracy"], cells["test_accuracy_sd"]
    above = (value + deviation).where(value + deviation < 1 - axes.LEAST_ERROR, np.inf)
    ends = {"lo": value - deviation, "hi": above.where(deviation.notna())}
    return cells.assign(value=value, **ends, ended_early=early)


def _finish(panel: Panel) -> None:
    for shift, (framework, look) in zip(series.shifts(len(panel.looks)), panel.looks.items(), strict=True):
        early = panel.cells[(panel.cells["framework"] == framework) & panel.cells["ended_early"]]
        x = series.beside(early["batch_size"].to_numpy(), shift=shift)
        series.hollow(panel.ax, x, early, look=look)
    if panel.target is not None:
        panel.ax.axhline(panel.target["validation_accuracy"], **GUIDE)
    axes.accuracy_ticks(panel.ax.yaxis)
