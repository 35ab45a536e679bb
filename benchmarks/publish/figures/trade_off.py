"""Time to the target against test accuracy: what a batch size costs, and what it achieves."""

from dataclasses import replace
from itertools import groupby
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import marks, wording
from benchmarks.publish.drawing import axes, by_arm, labels, panels, series
from benchmarks.publish.drawing.by_arm import Panel
from benchmarks.publish.drawing.panels import FAILURE_MARKS
from benchmarks.publish.drawing.series import Stroke
from benchmarks.publish.drawing.style import FAINT, INK, SMALL
from benchmarks.publish.figures.test_accuracy import with_deviation
from benchmarks.publish.results import SIDE_BY_SIDE, Results

TITLE = "Trade-off between time and accuracy"
ARROW = 14
"""Points; the length of a bar without end."""
OUTLINE = [(0, 0), (ARROW, 0), (ARROW - 2, 1), (ARROW - 2, -1)]
"""The same with its head, from the point that it belongs to."""
LINE = 10
"""Points; the height of a line of text."""
WIDTH = 60
"""Letters of a line above a panel."""
NEEDED = ["time_to_target_s", "test_accuracy"]
FRONT = {"drawstyle": "steps-post", "linestyle": "-", "linewidth": 0.8}
PALE = 0.4
"""The opacity of a batch size to which another one is at least equal in both."""
DRAWN = [
    *NEEDED,
    "value",
    "lo",
    "hi",
    "time_to_target_s_lo",
    "time_to_target_s_hi",
    "identity",
    "ended_early",
]


def applies(results: Results) -> bool:
    """Whether any cell has both a time to its target and a test accuracy."""
    return not results.trained.dropna(subset=NEEDED).empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        f"Test accuracy against time to target, a point per batch size ({_labelled(results)}): up and to the "
        "left is better. Stairs: the Pareto front of a framework, through its certified batch sizes to "
        "which no other one is at least equal in both. Pale: one that has such another. Bars: bootstrap "
        "interval of the time over runs, of fewer than five runs their range, with an arrow where it has no"
        " upper end, and standard deviation of the accuracy over runs. The vertical axis is logarithmic in "
        "the distance "
        f"to 100 %. {by_arm.HOLLOW} "
        "Above each panel: the batch sizes that have no point since their median run did not reach the "
        "target, and why."
    )


def _labelled(results: Results) -> str:
    return "its label" if results.side_by_side else "labels: the least and the largest"


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model) and arm."""
    cells = with_deviation(results)
    figure, shown = by_arm.layout(results, cells, n_series=len(results.frameworks))
    reasons = {panel.ax: _reasons(panel) for panel in shown}
    lines = {panel.ax: _points(panel) for panel in shown}
    for panel in shown:
        panel.ax.set_xlabel("← sooner    Time to target (s)")
        panel.ax.set_ylabel(
            "Test accuracy (%)    better →" if panel.ax.get_subplotspec().is_first_col() else ""
        )
        beside = [reasons[ax] for ax in reasons if _row(ax) == _row(panel.ax)]
        _absent(panel, reasons[panel.ax], n_lines=max(map(len, beside)))
        axes.logarithmic(panel.ax.xaxis)
        axes.accuracy_ticks(panel.ax.yaxis)
    early = by_arm.early_keys(cells.dropna(subset=NEEDED))
    looks = {name: look._replace(line="") for name, look in shown[0].looks.items()}
    front = Line2D([], [], color=FAINT, label="none is as soon and as good", **FRONT)
    panels.legend(figure, [*panels.framework_keys(looks, cells), front, *early])
    figure.draw_without_rendering()  # how far an arrow goes in data coordinates depends on the layout
    for panel in shown:
        _label(panel, [*lines[panel.ax], *_arrows(panel)])
    return figure


def _points(panel: Panel) -> list[np.ndarray]:
    """Draw the cells of every framework, and return the lines [n, 2] that labels must not cover."""
    axes.accuracy(panel.ax)
    panel.ax.set_xscale("log")
    drawn = []
    for framework, look in panel.looks.items():
        rows = panel.cells[panel.cells["framework"] == framework].set_index("batch_size").reindex(panel.sizes)
        rows = rows[DRAWN].where(rows[NEEDED].notna().all(axis=1))
        kinds = marks.kinds(rows["identity"])
        best = front(rows[kinds == marks.CERTIFIED])
        drawn.append(_stairs(panel.ax, best, color=look.color))
        for kind, stroke in series.strokes(look._replace(line="")).items():
            of_kind = rows[kinds == kind].dropna(subset=NEEDED)
            beaten = of_kind.drop(index=front(of_kind).index)
            drawn += _cells(panel, of_kind.drop(index=beaten.index), stroke=stroke)
            drawn += _cells(panel, beaten, stroke=replace(stroke, alpha=PALE * stroke.alpha))
        early = rows[rows["ended_early"].eq(True)]
        series.hollow(panel.ax, early["time_to_target_s"].to_numpy(float), early, look=look)
    return drawn


def front(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells (with `time_to_target_s` and `value`) without an equal or better in both, soonest first."""
    known = cells.dropna(subset=NEEDED)
    soonest = known.sort_values(["time_to_target_s", "value"], ascending=[True, False], kind="stable")
    best_before = soonest["value"].astype(float).cummax().shift(fill_value=-np.inf)
    return soonest[soonest["value"] > best_before]


def _stairs(ax: Axes, best: pd.DataFrame, *, color: str) -> np.ndarray:
    """Draw the stairs through the cells of a front, and return their corners [n, 2]."""
    x, y = best[["time_to_target_s", "value"]].to_numpy(float).T
    ax.plot(x, y, color=color, **FRONT)
    return np.column_stack([np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]])


def _cells(panel: Panel, cells: pd.DataFrame, *, stroke: Stroke) -> list[np.ndarray]:
    """Points with their bars; a time without upper end has a bar to the right edge."""
    points = cells[["time_to_target_s", "value"]].to_numpy(float)
    panel.ax.plot(*points.T, **stroke.style)
    color, alpha = stroke.look.color, 0.5 * stroke.alpha
    bars = [_bars(panel, cell, color=color, alpha=alpha) for cell in cells.itertuples()]
    return [points, *(bar for pair in bars for bar in pair)]


def _bars(panel: Panel, cell: tuple, *, color: str, alpha: float) -> list[np.ndarray]:
    """Draw the interval of the time and the deviation of the accuracy; return both as lines [2, 2]."""
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


def _arrows(panel: Panel) -> list[np.ndarray]:
    """The outlines of the arrows of bars without end, [4, 2] each in data coordinates."""
    endless = panel.cells[np.isinf(panel.cells["time_to_target_s_hi"])].dropna(subset=NEEDED)
    starts = endless[["time_to_target_s", "value"]].to_numpy(float)
    data = panel.ax.transData
    outline = np.array(OUTLINE) * panel.ax.figure.dpi / 72
    return [data.inverted().transform(data.transform(start) + outline) for start in starts]


def _label(panel: Panel, lines: list[np.ndarray]) -> None:
    """Write the batch size beside every point, or only at both ends of each framework's line if crowded."""
    shown = panel.cells.dropna(subset=NEEDED).sort_values("batch_size", kind="stable")
    if len(panel.looks) > SIDE_BY_SIDE:
        ends = shown.groupby("framework")
        shown = pd.concat([ends.head(1), ends.tail(1)]).drop_duplicates(["framework", "batch_size"])
    texts = [
        labels.Label(cell.time_to_target_s, cell.value, wording.whole(cell.batch_size), color)
        for cell in shown.itertuples()
        for color in [panel.looks[cell.framework].color]
    ]
    if texts:
        labels.place(panel.ax, texts, lines=lines)


def _row(ax: Axes) -> int:
    return ax.get_subplotspec().rowspan.start


def _absent(panel: Panel, lines: list[tuple[str, str]], *, n_lines: int) -> None:
    """Write the batch sizes that have no point above the panel, by status, and the title above them."""
    for place, (text, color) in enumerate(lines):
        offset = {"xytext": (0, 3 + LINE * (n_lines - 1 - place)), "textcoords": "offset points"}
        panel.ax.annotate(text, (0, 1), xycoords="axes fraction", **offset, color=color, fontsize=SMALL)
    panel.ax.set_title(panels.wrapped(panel.title), pad=4 + LINE * n_lines)


def _reasons(panel: Panel) -> list[tuple[str, str]]:
    """Lines of text and their colours: one for each framework, or a single one where all are the same.

    There are none where every batch size has a point.
    """
    reasons = {framework: _reason(panel, framework) for framework in panel.looks}
    if not any(reasons.values()):
        return []
    if len(reasons) > SIDE_BY_SIDE and len(set(reasons.values())) == 1:
        reasons, colors = {"all": reasons.popitem()[1]}, {"all": INK}
    else:
        colors = {framework: look.color for framework, look in panel.looks.items()}
    texts = [
        (f"{wording.name(name)}: {reason}" if reason else "", colors[name])
        for name, reason in reasons.items()
    ]
    return [(line, color) for text, color in texts for line in wrap(text, WIDTH) or [""]]


def _reason(panel: Panel, framework: str) -> str:
    group = panel.cells[panel.cells["framework"] == framework]
    reasons = [
        f"{FAILURE_MARKS[status][1]} {_ranges(list(cells['batch_size']), panel.sizes)}"
        for status, cells in group.groupby("status", sort=False)
        if status in FAILURE_MARKS
    ]
    return "; ".join(reasons)


def _ranges(sizes: list[int], grid: list[int]) -> str:
    """Sizes in few words: three or more neighbours of the grid become a range."""
    places = sorted(grid.index(size) for size in sizes)
    runs = groupby(enumerate(places), key=lambda pair: pair[1] - pair[0])
    texts = []
    for _, run in runs:
        names = [wording.whole(grid[place]) for _, place in run]
        texts += [f"{names[0]}–{names[-1]}"] if len(names) > 2 else names
    return ", ".join(texts)
