"""Failures in a figure: a strip above the panel with a mark for each cell that has no value."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from benchmarks.publish.style import FAINT, Look

MARKS = {
    "missed": ("^", "goal missed"),
    "time-limit": ("D", "time limit"),
    "diverged": ("x", "diverged"),
    "out-of-memory": ("P", "out of memory"),
    "failed": ("*", "failed"),
}
ROW = 0.075
"""Height of one framework's row of the strip, as a share of the panel's."""


def of_training(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells whose median run did not reach the goal."""
    return cells[cells["status"].isin(list(MARKS))]


def of_throughput(throughput: pd.DataFrame) -> pd.DataFrame:
    """The cases that could not be timed, whichever execution."""
    return throughput[throughput["status"].isin(list(MARKS))]


def marked(failed: pd.DataFrame, looks: dict[str, Look]) -> dict[str, Look]:
    """The looks of the frameworks that failed somewhere in a figure: a strip has a row for each."""
    return {framework: look for framework, look in looks.items() if framework in set(failed["framework"])}


def strip(ax: Axes, failed: pd.DataFrame, *, looks: dict[str, Look]) -> Axes:
    """Mark the failed cells (`framework`, `batch_size`, `status`) above `ax`, a row per framework."""
    height = ROW * len(looks)
    band = ax.inset_axes((0, 1.015, 1, height), sharex=ax)
    band.set(ylim=(len(looks) - 0.5, -0.5), facecolor="#f3f3f3")
    band.grid(visible=False)
    band.tick_params(which="both", left=False, bottom=False, labelleft=False, labelbottom=False)
    band.spines[:].set_visible(False)
    for row, (framework, look) in enumerate(looks.items()):
        own = failed[failed["framework"] == framework].drop_duplicates("batch_size")
        for cell in own.itertuples():
            mark = MARKS[cell.status][0]
            band.plot(cell.batch_size, row, mark, color=look.color, markersize=4, markeredgewidth=1)
    return band


def keys(failed: pd.DataFrame) -> list[Line2D]:
    """Legend entries for the statuses that occur."""
    present = [status for status in MARKS if status in set(failed["status"])]
    return [_key(*MARKS[status]) for status in present]


def _key(mark: str, label: str) -> Line2D:
    return Line2D(
        [], [], linestyle="", marker=mark, color=FAINT, markersize=4, markeredgewidth=1, label=label
    )
