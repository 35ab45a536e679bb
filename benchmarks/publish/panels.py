"""A figure as a grid of panels with one legend below."""

from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import failures, series, style, verdict, wording
from benchmarks.publish.results import Results, of_workload
from benchmarks.publish.style import FAINT, Look

COLUMNS = 3
"""As many arms as stand beside one another."""
SERIES = 0.13
"""Inches that each framework beyond the second adds to the height of a panel."""
TITLE = 40
"""Letters of a title that fit above a panel."""


def grid(n_rows: int, n_columns: int, *, height: float = style.PANEL_HEIGHT, sharey: str = "none") -> tuple:
    """A figure of panels one text column wide each, and its axes [n_rows, n_columns]."""
    style.apply()
    figure = Figure(figsize=(style.PANEL_WIDTH * n_columns, height * n_rows + 0.4), layout="constrained")
    return figure, figure.subplots(n_rows, n_columns, squeeze=False, sharey=sharey)


def tall(n_series: int) -> float:
    """Inches of a panel that has something to say of each of n frameworks above it."""
    return style.PANEL_HEIGHT + SERIES * max(0, n_series - 2)


def in_pairs(n_panels: int, *, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels, at most two beside one another."""
    n_columns = min(2, n_panels)
    figure, axes = grid(-(-n_panels // n_columns), n_columns, height=height)
    for unused in axes.flat[n_panels:]:
        unused.remove()
    return figure, list(axes.flat[:n_panels])


def by_arm(results: Results, *, n_series: int) -> tuple[Figure, list[tuple[tuple[str, str], str, Axes]]]:
    """A figure with the panels of each (dataset, model) in rows of their own, one for each arm."""
    figure, blocks = in_blocks(len(results.workloads), len(results.arms), height=tall(n_series))
    places = []
    for workload, block in zip(results.workloads, blocks, strict=True):
        places += [(workload, arm, ax) for arm, ax in zip(results.arms, block, strict=True)]
    return figure, places


def in_blocks(n_blocks: int, n_panels: int, *, height: float) -> tuple[Figure, np.ndarray]:
    """A figure of blocks, each in rows of its own and with one vertical scale: its axes [block, panel]."""
    n_rows = -(-n_panels // COLUMNS)
    n_columns = -(-n_panels // n_rows)
    figure, axes = grid(n_blocks * n_rows, n_columns, height=height)
    blocks = axes.reshape(n_blocks, n_rows * n_columns)
    for unused in blocks[:, n_panels:].flat:
        unused.remove()
    for block in blocks:
        share_y(block[:n_panels])
    return figure, blocks[:, :n_panels]


def share_y(axes: np.ndarray) -> None:
    """One vertical scale for these panels, labelled at the left of every row."""
    for ax in axes[1:]:
        ax.sharey(axes[0])
        ax.tick_params(labelleft=ax.get_subplotspec().is_first_col())


def finish(ax: Axes, title: str, failed: pd.DataFrame, *, looks: dict[str, Look], with_strip: bool) -> None:
    """The panel's title, and below it a strip with its failures where the figure has any.

    `looks` are those of the frameworks that have a row in the strip.
    """
    top = failures.strip(ax, failed, looks=looks) if with_strip else ax
    top.set_title(wrapped(title))


def wrapped(title: str) -> str:
    """A title on as many lines as it needs to stay above its panel."""
    return "\n".join(line.removesuffix(" ·") for line in wrap(title, TITLE, break_on_hyphens=False))


def legend(figure: Figure, handles: list[Line2D]) -> None:
    """One legend for all panels, below them, in rows of about equal length."""
    widest = 3 if figure.get_figwidth() < 2 * style.PANEL_WIDTH else 6
    n_rows = -(-len(handles) // widest)
    figure.legend(handles=handles, loc="outside lower center", ncols=-(-len(handles) // n_rows))
    figure.align_ylabels()


def framework_keys(looks: dict[str, Look], cells: pd.DataFrame) -> list[Line2D]:
    """Legend entries for the frameworks, and for the kinds of cells that are not certified."""
    handles = [
        Line2D(
            [], [], color=look.color, marker=look.marker, linestyle=look.line, label=wording.name(framework)
        )
        for framework, look in looks.items()
    ]
    return handles + verdict_keys(cells)


def verdict_keys(cells: pd.DataFrame) -> list[Line2D]:
    """Legend entries for the kinds of verdict that occur beside certified ones."""
    present = set(verdict.kinds(cells["identity"])) - {verdict.CERTIFIED}
    strokes = series.strokes(Look(FAINT, "o", "-"))
    return [Line2D([], [], label=kind, **strokes[kind].style) for kind in strokes if kind in present]


def sizes_of(results: Results, workload: tuple[str, str]) -> list[int]:
    """The batch sizes of a (dataset, model), ascending."""
    return sorted(int(size) for size in of_workload(results.summary, workload)["batch_size"].unique())
