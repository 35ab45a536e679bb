"""One quantity against batch size: points with intervals, joined where cells may be compared."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmarks.publish.style import Look

CERTIFIED = "certified"
DOUBT = 0.45
"""Opacity of what is not certified."""
DODGE = 0.05
"""Octaves between two frameworks at the same batch size, so that their intervals can be told apart."""


def draw(
    ax: Axes, cells: pd.DataFrame, *, sizes: list[int], look: Look, rank: int = 0, hollow: bool = False
) -> None:
    """Draw the columns `value`, `lo`, `hi` of `cells` (one row per batch size, with `identity`).

    Cells without a value break the line. Cells that are not certified have a line of their own.
    """
    rows = cells.set_index("batch_size").reindex(sizes)
    certified = rows["identity"] == CERTIFIED
    x = beside(np.array(sizes), rank=rank)
    _line(ax, x, rows.where(certified), look=look, hollow=hollow)
    doubtful = Look(look.color, look.marker, ":")
    _line(ax, x, rows.where(~certified & rows["value"].notna()), look=doubtful, hollow=hollow, alpha=DOUBT)


def beside(sizes: np.ndarray, *, rank: int) -> np.ndarray:
    """Where the framework of this rank has its points for these batch sizes."""
    return sizes * 2.0 ** (DODGE * (2 * rank - 1))


def _line(
    ax: Axes, x: np.ndarray, rows: pd.DataFrame, *, look: Look, hollow: bool, alpha: float = 1.0
) -> None:
    value, lo, hi = (rows[column].to_numpy(float) for column in ("value", "lo", "hi"))
    if np.isnan(value).all():
        return
    face = "white" if hollow else look.color
    below, above = (np.nan_to_num(end, posinf=0) for end in (value - lo, hi - value))
    shape = {"color": look.color, "linestyle": look.line, "marker": look.marker, "markerfacecolor": face}
    bars = {"elinewidth": 0.8, "capsize": 1.5, "capthick": 0.8}
    ends = [np.maximum(below, 0), np.maximum(above, 0)]
    ax.errorbar(x, value, yerr=ends, alpha=alpha, markeredgewidth=0.9, **shape, **bars)
    for place in np.flatnonzero(np.isposinf(hi)):
        _unbounded(ax, x[place], value[place], color=look.color)


def _unbounded(ax: Axes, x: float, value: float, *, color: str) -> None:
    """An interval without upper end: an arrow from the point to the top of the panel."""
    arrow = {"arrowstyle": "-|>,head_width=0.12,head_length=0.25", "color": color, "linewidth": 0.8}
    arrow |= {"shrinkA": 0, "shrinkB": 0}
    ends = {"xy": (x, 1), "xycoords": ("data", "axes fraction"), "xytext": (x, value), "textcoords": "data"}
    ax.annotate("", **ends, arrowprops=arrow).set_in_layout(False)
