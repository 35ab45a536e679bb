"""A figure as a grid of panels with one legend below."""

from itertools import product

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import failures, series, style, wording
from benchmarks.publish.results import Results, of_workload
from benchmarks.publish.style import FAINT, Look

NOT_CERTIFIED = "not certified"


def grid(n_rows: int, n_columns: int, *, height: float = style.PANEL_HEIGHT, sharey="none"):
    """A figure of panels one text column wide each, and its axes [n_rows, n_columns]."""
    style.apply()
    size = (style.PANEL_WIDTH * n_columns, height * n_rows + 0.4)
    return plt.subplots(n_rows, n_columns, figsize=size, squeeze=False, sharey=sharey)


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


def title(ax: Axes, text: str, *, strips: int = 0) -> None:
    """The panel's title, above the strip of failures of so many rows."""
    points = strips * failures.ROW * ax.bbox.height / ax.figure.dpi * 72
    ax.set_title(text, pad=4 + points * 1.02 + (3 if strips else 0))


def legend(figure: Figure, handles: list[Line2D]) -> None:
    """One legend for all panels, below them."""
    columns = 3 if figure.get_figwidth() < 2 * style.PANEL_WIDTH else 6
    figure.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))


def framework_keys(looks: dict[str, Look], cells: pd.DataFrame) -> list[Line2D]:
    """Legend entries for the frameworks, and for cells that are not certified where there are any."""
    handles = [
        Line2D([], [], color=look.color, marker=look.marker, linestyle=look.line, label=wording.name(framework))
        for framework, look in looks.items()
    ]
    if (cells["identity"] != series.CERTIFIED).any():
        handles.append(Line2D([], [], color=FAINT, alpha=0.45, linestyle=":", marker="o", label=NOT_CERTIFIED))
    return handles


def sizes_of(results: Results, workload: tuple[str, str]) -> list[int]:
    """The batch sizes of a (dataset, model), ascending."""
    return sorted(int(size) for size in of_workload(results.summary, workload)["batch_size"].unique())
