"""One quantity against batch size: points with intervals, joined where cells may be compared."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from benchmarks.publish import marks
from benchmarks.publish.drawing.style import Look

DODGE = 0.05
"""Octaves from a batch size to the points of two frameworks, so that their intervals can be told apart."""
WIDEST = 0.16
"""Octaves from a batch size to the outermost points, however many frameworks there are."""
STATISTICAL = (0, (6, 1.5, 1, 1.5, 1, 1.5))
"""The line of cells whose numbers agree in distribution alone; their markers are half filled."""
DOUBTFUL = {"linestyle": ":", "alpha": 0.45}
"""How cells are drawn that are not certified, in any of their frameworks' colours."""


@dataclass(frozen=True)
class Stroke:
    """How one line is drawn: its look, the filling of its markers, its opacity."""

    look: Look
    fill: str = "full"
    alpha: float = 1.0

    @property
    def style(self) -> dict[str, object]:
        """The stroke as matplotlib's line properties."""
        markers = {"marker": self.look.marker, "fillstyle": self.fill, "markerfacecoloralt": "white"}
        return {"color": self.look.color, "linestyle": self.look.line, "alpha": self.alpha} | markers


def strokes(look: Look, *, hollow: bool = False) -> dict[str, Stroke]:
    """The stroke of each kind of verdict. A framework's own look is that of its certified cells."""
    certified = Stroke(look, "none" if hollow else "full")
    unlined = look.line == ""
    statistical = look if unlined else look._replace(line=STATISTICAL)
    doubtful = look if unlined else look._replace(line=DOUBTFUL["linestyle"])
    return {
        marks.CERTIFIED: certified,
        marks.STATISTICAL: Stroke(statistical, "none" if hollow else "left"),
        marks.NOT_CERTIFIED: replace(certified, look=doubtful, alpha=DOUBTFUL["alpha"]),
    }


def draw(
    ax: Axes, cells: pd.DataFrame, *, sizes: list[int], look: Look, shift: float = 0, hollow: bool = False
) -> None:
    """Draw the columns `value`, `lo`, `hi` of `cells` (one row per batch size, with `identity`).

    Cells without a value break the line, and each kind of verdict has a line of its own. The points are
    shifted by `shift` octaves from their batch sizes.
    """
    rows = cells.set_index("batch_size").reindex(sizes)
    kinds, drawn = marks.kinds(rows["identity"]), rows[["value", "lo", "hi"]]
    for kind, stroke in strokes(look, hollow=hollow).items():
        _line(ax, beside(np.array(sizes), shift=shift), drawn.where(kinds == kind), stroke=stroke)


def hollow(ax: Axes, x: np.ndarray, cells: pd.DataFrame, *, look: Look) -> None:
    """Make hollow what is drawn of `cells` (with `value` and `identity`) at the places `x`."""
    kinds = marks.kinds(cells["identity"])
    for kind, stroke in strokes(look).items():
        edge = {"markeredgecolor": to_rgba(look.color, stroke.alpha), "markeredgewidth": 0.9}
        points = x[kinds == kind], cells["value"][kinds == kind]
        ax.plot(*points, look.marker, color=look.color, markerfacecolor="white", zorder=3, **edge)


def shifts(n: int) -> np.ndarray:
    """The shift of each of n frameworks from the batch size, in octaves [n]; it keeps their points apart."""
    widest = min(DODGE * (n - 1), WIDEST)
    return np.linspace(-widest, widest, n)


def beside(sizes: np.ndarray, *, shift: float) -> np.ndarray:
    """Batch sizes shifted by a number of octaves."""
    return sizes * 2.0**shift


def _line(ax: Axes, x: np.ndarray, rows: pd.DataFrame, *, stroke: Stroke) -> None:
    value, lo, hi = (rows[column].to_numpy(float) for column in ("value", "lo", "hi"))
    if np.isnan(value).all():
        return
    below, above = (np.nan_to_num(end, posinf=0) for end in (value - lo, hi - value))
    bars = {"elinewidth": 0.8, "capsize": 1.5, "capthick": 0.8}
    ends = [np.maximum(below, 0), np.maximum(above, 0)]
    ax.errorbar(x, value, yerr=ends, markeredgewidth=0.9, **stroke.style, **bars)
    for place in np.flatnonzero(np.isposinf(hi)):
        _unbounded(ax, x[place], value[place], color=stroke.look.color)


def _unbounded(ax: Axes, x: float, value: float, *, color: str) -> None:
    """Draw an interval without an upper end as an arrow from the point to the top of the panel."""
    arrow = {"arrowstyle": "-|>,head_width=0.12,head_length=0.25", "color": color, "linewidth": 0.8}
    arrow |= {"shrinkA": 0, "shrinkB": 0}
    ends = {"xy": (x, 1), "xycoords": ("data", "axes fraction"), "xytext": (x, value), "textcoords": "data"}
    ax.annotate("", **ends, arrowprops=arrow).set_in_layout(False)
