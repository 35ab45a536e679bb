"""A figure as a grid of panels with one legend below."""

from itertools import product

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import failures, series, style, wording
from benchmarks.publish.results import Results, of_workload
from benchmarks.publish.style import FAINT, Look

NOT_CERTIFIED = "not certified"


def grid(n_rows: int, n_columns: int, *, height: float = style.PANEL_HEIGHT, sharey: str = "none") -> tuple:
    """A figure of panels one text column wide each, and its axes [n_rows, n_columns]."""
    style.apply()
    figure = Figure(figsize=(style.PANEL_WIDTH * n_columns, height * n_rows + 0.4), layout="constrained")
    return figure, figure.subplots(n_rows, n_columns, squeeze=False, sharey=sharey)


def by_workload(results: Results) -> tuple[Figure, list[tuple[tuple[str, str], Axes]]]:
    """A figure with a panel for each (dataset, model), at most two beside one another."""
    n_panels = len(results.workloads)
    n_columns = min(2, n_panels)
    figure, axes = grid(-(-n_panels // n_columns), n_columns)
    for unused in axes.flat[n_panels:]:
        unused.remove()
    return figure, list(zip(results.workloads, axes.flat, strict=False))


def by_arm(results: Results) -> tuple[Figure, list[tuple[tuple[str, str], str, Axes]]]:
    """A figure with a row for each (dataset, model) and a column for each arm."""
    figure, axes = grid(len(results.workloads), len(results.arms), sharey="row")
    places = product(results.workloads, results.arms)
    return figure, [(workload, arm, ax) for (workload, arm), ax in zip(places, axes.flat, strict=True)]


def finish(ax: Axes, title: str, failed: pd.DataFrame, *, looks: dict[str, Look], with_strip: bool) -> None:
    """The panel's title, and below it a strip with its failures where the figure has any."""
    top = failures.strip(ax, failed, looks=looks) if with_strip else ax
    top.set_title(title)


def legend(figure: Figure, handles: list[Line2D]) -> None:
    """One legend for all panels, below them, in rows of about equal length."""
    widest = 3 if figure.get_figwidth() < 2 * style.PANEL_WIDTH else 6
    n_rows = -(-len(handles) // widest)
    figure.legend(handles=handles, loc="outside lower center", ncols=-(-len(handles) // n_rows))
    figure.align_ylabels()


def framework_keys(looks: dict[str, Look], cells: pd.DataFrame) -> list[Line2D]:
    """Legend entries for the frameworks, and for cells that are not certified where there are any."""
    handles = [
        Line2D(
            [], [], color=look.color, marker=look.marker, linestyle=look.line, label=wording.name(framework)
        )
        for framework, look in looks.items()
    ]
    if (cells["identity"] != series.CERTIFIED).any():
        handles.append(
            Line2D([], [], color=FAINT, alpha=series.DOUBT, linestyle=":", marker="o", label=NOT_CERTIFIED)
        )
    return handles


def sizes_of(results: Results, workload: tuple[str, str]) -> list[int]:
    """The batch sizes of a (dataset, model), ascending."""
    return sorted(int(size) for size in of_workload(results.summary, workload)["batch_size"].unique())
