"""Which learning rates train well at each batch size: a map over both."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from benchmarks.publish import wording
from benchmarks.publish.claims.evidence import Place
from benchmarks.publish.claims.rate_range import WELL, grids, points, ranges
from benchmarks.publish.drawing import axes, panels, style
from benchmarks.publish.drawing.style import FAINT, INK
from benchmarks.publish.results import Results

TITLE = "Learning rates that train well"
WORST = 5.0
"""Points below the best rate as far as colours tell them apart."""
COLOURS = "cividis"
DIVERGING = {"marker": "x", "color": FAINT, "linestyle": "", "markersize": 4}
ENDS = {"color": INK, "linewidth": 1.0, "zorder": 2}
BAND = {"color": FAINT, "alpha": 0.25, "linewidth": 0}


def applies(results: Results) -> bool:
    """Whether there are arms enough that differ in their learning rate alone."""
    return any(True for _ in grids(results))


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Every learning rate η that an arm trained with at each batch size. Colour: how many points its test "
        "accuracy lies below that of the best rate for the same batch size, the mean over runs, of which one "
        f"that diverged counts as 0. Shaded: the rates around the best one that lose no more than {WELL:g} "
        "point, half a step of the grid further out, the median over runs. A cross: most runs diverged."
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model) and framework."""
    found = list(grids(results))
    figure, shown = panels.in_pairs(len(found), height=style.PANEL_HEIGHT + 0.5)
    for ax, (place, runs) in zip(shown, found, strict=True):
        _panel(ax, runs)
        ax.set_title(panels.wrapped(_title(place)))
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, WORST), COLOURS), ax=shown, aspect=30, pad=0.01, extend="max"
    )
    bar.set_label("Points below the best rate")
    crosses = Line2D([], [], label="diverged", **DIVERGING)
    panels.legend(figure, [Patch(label=f"within {WELL:g} point of the best", **BAND), crosses])
    return figure


def _title(place: Place) -> str:
    return f"{wording.workload((place.dataset, place.model))} · {wording.name(place.framework)}"


def _panel(ax: Axes, runs: pd.DataFrame) -> None:
    """The rates of one grid, with the range of those that train well."""
    axes.batch_sizes(ax, sorted(int(size) for size in runs["batch_size"].unique()))
    ax.set_yscale("log", base=2)
    ends = ranges(runs).groupby("batch_size")[["lo", "hi"]].median()
    ax.fill_between(ends.index, ends["lo"], ends["hi"], zorder=1, **BAND)
    for end in ("lo", "hi"):
        ax.plot(ends.index, ends[end], **ENDS)
    tested = runs.assign(points=points(runs), diverged=points(runs) == 0)
    cells = tested.groupby(["batch_size", "learning_rate"])[["points", "diverged"]].mean().reset_index()
    trained = cells[(cells["diverged"] < 0.5) & cells["points"].notna()]
    lost = trained.groupby("batch_size")["points"].transform("max") - trained["points"]
    colours = {
        "c": lost,
        "cmap": COLOURS,
        "norm": Normalize(0, WORST),
        "edgecolors": FAINT,
        "linewidths": 0.3,
    }
    ax.scatter(trained["batch_size"], trained["learning_rate"], s=22, zorder=3, **colours)
    diverged = cells[cells["diverged"] >= 0.5]
    ax.plot(diverged["batch_size"], diverged["learning_rate"], zorder=3, **DIVERGING)
    axes.powers_of_two(ax)
    ax.set_ylabel("Learning rate η")
