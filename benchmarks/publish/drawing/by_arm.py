"""Figures of the results of training against batch size, with a panel for each workload and arm."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import wording
from benchmarks.publish.drawing import axes, panels, series, style
from benchmarks.publish.drawing.style import FAINT, Look
from benchmarks.publish.results import Results, of_workload

GUIDE = {"color": FAINT, "linestyle": (0, (1, 1.5)), "linewidth": 1}
"""How a target or a budget is drawn."""
EARLY = "fewer epochs than the budget"
HOLLOW = f"Hollow, {EARLY}: a run ended before it, by its seconds or by a failure."
"""What a caption says of accuracies that stand for less training."""


class Panel(NamedTuple):
    """The content of one panel: its cells, and the target of its workload where there is one."""

    ax: Axes
    title: str
    cells: pd.DataFrame
    sizes: list[int]
    target: pd.Series | None
    looks: dict[str, Look]


def draw(
    results: Results,
    cells: pd.DataFrame,
    *,
    label: str,
    prepare: Callable[[Axes], object],
    finish: Callable[[Panel], object],
    keys: list[Line2D],
) -> Figure:
    """Draw the columns `value`, `lo`, `hi` of the cells against batch size.

    `prepare` sets the scale of an empty panel; `finish` adds ticks and guides to a panel when all are
    drawn; `keys` are the legend entries of the guides.
    """
    failed = panels.marked(cells)
    looks = panels.looks_of_failed(failed, style.looks(results.frameworks))
    figure, shown = layout(results, cells, n_series=len(looks))
    for panel in shown:
        axes.batch_sizes(panel.ax, panel.sizes)
        prepare(panel.ax)
        _lines(panel)
        here = panels.marked(panel.cells)
        panels.finish(panel.ax, panel.title, here, looks=looks, with_strip=not failed.empty)
    for panel in shown:
        finish(panel)
        panel.ax.set_ylabel(label if panel.ax.get_subplotspec().is_first_col() else "")
    frameworks = panels.framework_keys(shown[0].looks, cells)
    panels.legend(figure, frameworks + keys + panels.failure_keys(failed))
    return figure


def layout(results: Results, cells: pd.DataFrame, *, n_series: int) -> tuple[Figure, list[Panel]]:
    """An empty figure and the content of its panels; above each panel is room for a line per framework."""
    looks = style.looks(results.frameworks)
    figure, places = panels.by_arm(results, n_series=n_series)
    shown = []
    for workload, arm, ax in places:
        here = of_workload(cells, workload)
        title = f"{wording.workload(workload)} · {arm}"
        sizes = panels.sizes_of(results, workload)
        target = target_of(results, workload)
        shown.append(Panel(ax, title, here[here["arm"] == arm], sizes, target, looks))
    return figure, shown


def _lines(panel: Panel) -> None:
    shifts = series.shifts(len(panel.looks))
    for shift, (framework, look) in zip(shifts, panel.looks.items(), strict=True):
        group = panel.cells[panel.cells["framework"] == framework]
        series.draw(panel.ax, group, sizes=panel.sizes, look=look, shift=shift)


def room_for_arrows(panel: Panel) -> None:
    """Room above the points of a log axis whose interval has no upper end."""
    axes.room_above(panel.ax, panel.cells.loc[np.isinf(panel.cells["hi"]), "value"].to_numpy(float))


def target_of(results: Results, workload: tuple[str, str]) -> pd.Series | None:
    """The target and budget of a (dataset, model), where it has one."""
    targets = of_workload(results.targets, workload)
    return None if targets.empty else targets.iloc[0]


def early_keys(cells: pd.DataFrame) -> list[Line2D]:
    """The legend entry of hollow markers, where any of the cells `ended_early` and has a `value`."""
    look = {"linestyle": "", "marker": "o", "color": FAINT, "markerfacecolor": "white"}
    some = (cells["ended_early"] & cells["value"].notna()).any()
    return [Line2D([], [], label=EARLY, **look)] if some else []


def with_interval(cells: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Cells with a quantity and its interval as `value`, `lo`, `hi`."""
    return cells.assign(value=cells[quantity], lo=cells[f"{quantity}_lo"], hi=cells[f"{quantity}_hi"])
