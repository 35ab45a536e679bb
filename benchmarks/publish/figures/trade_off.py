"""Time to the goal against test accuracy: what a batch size costs and what it gives."""

from itertools import groupby

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
ARROW = 14
"""Points; the length of a bar without end."""
LINE = 10
"""Points; the height of a line of text."""
NEEDED = ["time_to_target_s", "test_accuracy"]


def applies(results: Results) -> bool:
    """Whether any cell has both a time to its goal and a test accuracy."""
    return not results.trained.dropna(subset=NEEDED).empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Test accuracy against time to target, a point per batch size (its label; lines join neighbours of "
        "the grid): up and to the left is better. Bars: 95 % interval of the time, with an arrow where it "
        "has no upper end, and standard deviation of the accuracy over runs. The vertical axis is "
        "logarithmic in the distance to 100 %. Above each panel: the batch sizes that have no point since "
        "their median run did not reach the goal, and why."
    )


def draw(results: Results) -> Figure:
    """A row for each (dataset, model), a column for each arm."""
    cells = with_deviation(results.trained)
    figure, shown = convergence.layout(results, cells)
    lines = {panel.ax: _points(panel) for panel in shown}
    for panel in shown:
        panel.ax.set_xlabel("Time to target (s)")
        panel.ax.set_ylabel("Test accuracy (%)" if panel.ax.get_subplotspec().is_first_col() else "")
        panel.ax.set_title(panel.title, pad=4 + LINE * len(panel.looks))
        _absent(panel)
        axes.logarithmic(panel.ax.xaxis)
        axes.accuracy_ticks(panel.ax.yaxis)
    panels.legend(figure, panels.framework_keys(shown[0].looks, cells))
    for panel in shown:
        _label(panel, lines[panel.ax])
    return figure


def _points(panel: Panel) -> list[np.ndarray]:
    """Draw the cells of every framework; give the lines [n, 2] for labels to keep clear of."""
    axes.accuracy(panel.ax)
    panel.ax.set_xscale("log")
    drawn = []
    for framework, look in panel.looks.items():
        rows = panel.cells[panel.cells["framework"] == framework].set_index("batch_size").reindex(panel.sizes)
        rows = rows.where(rows[NEEDED].notna().all(axis=1))
        certified = rows["identity"] == series.CERTIFIED
        drawn += _line(panel, rows.where(certified), look=look, alpha=1)
        drawn += _line(panel, rows.where(~certified), look=look._replace(line=":"), alpha=series.DOUBT)
    return drawn


def _line(panel: Panel, rows: pd.DataFrame, *, look: Look, alpha: float) -> list[np.ndarray]:
    """One line with its bars; a time without upper end has a bar to the right edge."""
    rows = rows.astype({"time_to_target_s": float, "value": float})
    if rows["value"].isna().all():
        return []
    x, y = rows["time_to_target_s"], rows["value"]
    shape = {"color": look.color, "linestyle": look.line, "linewidth": 0.8, "alpha": alpha}
    panel.ax.plot(x, y, marker=look.marker, **shape)
    shown = rows.dropna(subset=NEEDED)
    bars = [_bars(panel, cell, color=look.color, alpha=0.5 * alpha) for cell in shown.itertuples()]
    return [shown[["time_to_target_s", "value"]].to_numpy(float), *(bar for pair in bars for bar in pair)]


def _bars(panel: Panel, cell: tuple, *, color: str, alpha: float) -> list[np.ndarray]:
    """The interval of the time across, the deviation of the accuracy up and down; give both [2, 2]."""
    x, y = cell.time_to_target_s, cell.value
    endless = np.isinf(cell.time_to_target_s_hi)
    right = x if endless else cell.time_to_target_s_hi
    bars = [[(cell.time_to_target_s_lo, y), (right, y)], [(x, cell.lo), (x, min(cell.hi, 1))]]
    bar = {"color": color, "linewidth": 0.7, "alpha": alpha}
    for ends in bars:
        panel.ax.plot(*np.transpose(ends), **bar)
    if endless:
        arrow = {"arrowstyle": "<|-,head_width=0.12,head_length=0.25", "shrinkA": 0, "shrinkB": 0}
        panel.ax.annotate("", (x, y), (ARROW, 0), "data", "offset points", arrowprops=arrow | bar)
    return [np.array(ends) for ends in bars if np.isfinite(ends).all()]


def _label(panel: Panel, lines: list[np.ndarray]) -> None:
    """Write the batch size beside every point."""
    shown = panel.cells.dropna(subset=NEEDED)
    texts = [
        labels.Label(cell.time_to_target_s, cell.value, wording.short_size(cell.batch_size), color)
        for cell in shown.itertuples()
        for color in [panel.looks[cell.framework].color]
    ]
    if texts:
        labels.place(panel.ax, texts, lines=lines)


def _absent(panel: Panel) -> None:
    """Above the panel, a line per framework: the batch sizes without a point, by status."""
    for place, (framework, look) in enumerate(reversed(panel.looks.items())):
        own = panel.cells[panel.cells["framework"] == framework]
        reasons = [
            f"{MARKS[status][1]} {_ranges(list(cells['batch_size']), panel.sizes)}"
            for status, cells in own.groupby("status", sort=False)
            if status in MARKS
        ]
        text = f"{wording.name(framework)}: {'; '.join(reasons)}" if reasons else ""
        offset = {"xytext": (0, 3 + LINE * place), "textcoords": "offset points"}
        panel.ax.annotate(text, (0, 1), xycoords="axes fraction", **offset, color=look.color, fontsize=SMALL)


def _ranges(sizes: list[int], grid: list[int]) -> str:
    """Sizes in few words: three or more neighbours of the grid become a range."""
    places = sorted(grid.index(size) for size in sizes)
    runs = groupby(enumerate(places), key=lambda pair: pair[1] - pair[0])
    texts = []
    for _, run in runs:
        names = [wording.short_size(grid[place]) for _, place in run]
        texts += [f"{names[0]}–{names[-1]}"] if len(names) > 2 else names
    return ", ".join(texts)
