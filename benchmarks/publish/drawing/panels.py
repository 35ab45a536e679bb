"""Panels of a figure: their grid, legends and titles, and the strip above one that marks failures."""

from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import marks, wording
from benchmarks.publish.drawing import series, style
from benchmarks.publish.drawing.style import FAINT, Look
from benchmarks.publish.results import Results, of_workload

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
    """Height in inches of a panel with a line of text for each of n frameworks above it."""
    return style.PANEL_HEIGHT + SERIES * max(0, n_series - 2)


def in_pairs(n_panels: int, *, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with this number of panels, at most two in a row."""
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
    """A figure of blocks, each with rows of its own and one vertical scale; the axes are [block, panel]."""
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
    top = failure_strip(ax, failed, looks=looks) if with_strip else ax
    top.set_title(wrapped(title))


def wrapped(title: str, *, letters: int = TITLE) -> str:
    """A title, broken into as many lines as it needs to be no wider than its panel, where so many fit."""
    return "\n".join(line.removesuffix(" ·") for line in wrap(title, letters, break_on_hyphens=False))


def legend(figure: Figure, handles: list[Line2D]) -> None:
    """One legend for all panels, below them, in rows of about equal length that stay inside the figure."""
    widest = 3 if figure.get_figwidth() < 2 * style.PANEL_WIDTH else 6
    n_rows = -(-len(handles) // widest)
    for columns in range(-(-len(handles) // n_rows), 0, -1):
        drawn = figure.legend(handles=handles, loc="outside lower center", ncols=columns)
        if columns == 1 or drawn.get_window_extent().width <= figure.bbox.width:
            break
        drawn.remove()
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
    present = set(marks.kinds(cells["identity"])) - {marks.CERTIFIED}
    strokes = series.strokes(Look(FAINT, "o", "-"))
    return [Line2D([], [], label=kind, **strokes[kind].style) for kind in strokes if kind in present]


def sizes_of(results: Results, workload: tuple[str, str]) -> list[int]:
    """The batch sizes of a (dataset, model), ascending."""
    return sorted(int(size) for size in of_workload(results.summary, workload)["batch_size"].unique())


FAILURE_MARKS = {
    "missed": ("^", "target missed"),
    "time-limit": ("D", "time limit"),
    "no-rate-reached": ("p", "target missed at every learning rate"),
    "diverged": ("x", "diverged"),
    "out-of-memory": ("P", "out of memory"),
    "failed": ("*", "failed"),
}
DISTURBED = "disturbed"
"""Stands for the status of a cell that was measured while the machine was disturbed."""
STRIP_MARKS = FAILURE_MARKS | {DISTURBED: (r"$\P$", "machine disturbed: rough")}
STRIP_ROW = 0.075
"""Height of one framework's row of the strip, as a share of the panel's."""


def failed_trainings(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells whose median run did not reach the target."""
    return cells[cells["status"].isin(list(FAILURE_MARKS))]


def or_disturbed(cells: pd.DataFrame, *, good: str) -> pd.DataFrame:
    """The cells; those that are `good` but were `disturbed` get the status DISTURBED."""
    rough = (cells["status"] == good) & (cells["disturbed"] != "")
    return cells.assign(status=cells["status"].mask(rough, DISTURBED))


def marked(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells or cases that the strip marks: those that failed, and those that were disturbed."""
    return cells[cells["status"].isin(list(STRIP_MARKS))]


def looks_of_failed(failed: pd.DataFrame, looks: dict[str, Look]) -> dict[str, Look]:
    """The looks of the frameworks that failed anywhere in a figure: the strip has a row for each."""
    return {framework: look for framework, look in looks.items() if framework in set(failed["framework"])}


def failure_strip(ax: Axes, failed: pd.DataFrame, *, looks: dict[str, Look]) -> Axes:
    """Mark these cells (`framework`, `batch_size`, `status`) above `ax`, a row per framework."""
    height = STRIP_ROW * len(looks)
    band = ax.inset_axes((0, 1.015, 1, height), sharex=ax)
    band.set(ylim=(len(looks) - 0.5, -0.5), facecolor="#f3f3f3")
    band.grid(visible=False)
    band.tick_params(which="both", left=False, bottom=False, labelleft=False, labelbottom=False)
    band.spines[:].set_visible(False)
    for row, (framework, look) in enumerate(looks.items()):
        group = failed[failed["framework"] == framework].sort_values("status", key=_gravest_first)
        for cell in group.drop_duplicates("batch_size").itertuples():
            mark = STRIP_MARKS[cell.status][0]
            band.plot(cell.batch_size, row, color=look.color, **_look_of(mark))
    return band


def _gravest_first(statuses: pd.Series) -> pd.Series:
    """A failure comes before a disturbance, which is the last of the marks."""
    return statuses == DISTURBED


def failure_keys(failed: pd.DataFrame) -> list[Line2D]:
    """Legend entries for the statuses that occur."""
    present = [status for status in STRIP_MARKS if status in set(failed["status"])]
    return [_failure_key(*STRIP_MARKS[status]) for status in present]


def _failure_key(mark: str, label: str) -> Line2D:
    return Line2D([], [], color=FAINT, label=label, **_look_of(mark))


def _look_of(mark: str) -> dict[str, object]:
    """A mark and its size; a letter is an outline, which a thick edge would fill."""
    size, edge = (6, 0.1) if mark.startswith("$") else (4, 1)
    return {"marker": mark, "linestyle": "", "markersize": size, "markeredgewidth": edge}
