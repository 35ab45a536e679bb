"""Time to the goal against test accuracy: what a batch size costs and what it gives."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.publish import axes, convergence, labels, panels, series, wording
from benchmarks.publish.convergence import Panel
from benchmarks.publish.failures import MARKS
from benchmarks.publish.figures.test_accuracy import with_deviation
from benchmarks.publish.results import Results
from benchmarks.publish.style import SMALL, Look

TITLE = "Trade-off between time and accuracy"
NEEDED = ["time_to_target_s", "test_accuracy"]


def applies(results: Results) -> bool:
    """Whether any cell has both a time to its goal and a test accuracy."""
    return not results.trained.dropna(subset=NEEDED).empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Test accuracy against time to target, a point per batch size (its label; lines join neighbours of the "
        "grid): up and to the left is better. Bars: 95 % interval of the time, standard deviation of the "
        "accuracy over runs. The vertical axis is logarithmic in the distance to 100 %. Above each panel: the "
        "batch sizes that have no point since their median run did not reach the goal, and why."
    )


def draw(results: Results) -> Figure:
    """A row for each (dataset, model), a column for each arm."""
    cells = with_deviation(results.trained)
    figure, shown = convergence.layout(results, cells)
    lines = {panel.ax: _points(panel) for panel in shown}
    for panel in shown:
        panel.ax.set_xlabel("Time to target (s)")
        panel.ax.set_ylabel("Test accuracy (%)" if panel.ax.get_subplotspec().is_first_col() else "")
        panel.ax.set_title(panel.title, pad=4 + 10 * len(panel.looks))
        _absent(panel)
        axes.logarithmic(panel.ax.xaxis)
        axes.accuracy_ticks(panel.ax.yaxis)
    panels.legend(figure, panels.framework_keys(shown[0].looks, cells))
    for panel in shown:
        _label(panel, lines[panel.ax])
    return figure
