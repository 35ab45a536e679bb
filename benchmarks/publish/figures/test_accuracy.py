"""Test accuracy against batch size."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import axes, convergence
from benchmarks.publish.convergence import GUIDE, Panel
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
        "validation goal (dotted), and why; what they did reach is drawn where they were tested."
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model) and arm."""
    return convergence.draw(
        results,
        with_deviation(results.trained),
        label="Test accuracy (%)",
        prepare=axes.accuracy,
        finish=_finish,
        keys=[Line2D([], [], label="validation goal", **GUIDE)],
    )


def with_deviation(cells: pd.DataFrame) -> pd.DataFrame:
    """Accuracy ± one standard deviation; a bar past 100 % has no end on this axis."""
    value, deviation = cells["test_accuracy"], cells["test_accuracy_sd"]
    above = (value + deviation).where(value + deviation < 1 - axes.LEAST_ERROR, np.inf)
    return cells.assign(value=value, lo=value - deviation, hi=above.where(deviation.notna()))


def _finish(panel: Panel) -> None:
    if panel.goal is not None:
        panel.ax.axhline(panel.goal["validation_accuracy"], **GUIDE)
    axes.accuracy_ticks(panel.ax.yaxis)
