"""Training loss and validation error along the straight lines between the solutions of two batch sizes."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.publish import wording
from benchmarks.publish.drawing import axes, batch_colors, panels
from benchmarks.publish.drawing.style import FAINT
from benchmarks.publish.results import Results

TITLE = "Along the line between two solutions"
HEIGHT = 2.1
LETTERS = 34
ENDS = (0, 1)


def applies(results: Results) -> bool:
    """Whether there is any line."""
    return not results.interpolation.empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "On the straight line through the parameters that two batch sizes had at the end of their training: "
        "that of the smallest batch size of the arm lies at 0, that of the one whose colour the line has at "
        "1. Left: the loss over 5,000 training examples. Right: the error on the validation set. The median "
        "over seeds, the band from the least to the most. The two trainings have the same seed; their losses "
        "at the ends differ, and a rescaling of the layers that leaves a function as it is changes such a "
        "line, so that a steeper side alone does not tell a sharper minimum."
    )


def draw(results: Results) -> Figure:
    """Two panels for each (dataset, model) and arm with lines."""
    groups = results.interpolation.groupby(["dataset", "model", "arm"], sort=False)
    figure, grid = panels.grid(len(groups), 2, height=HEIGHT)
    for (key, rows), pair in zip(groups, grid, strict=True):
        sizes = sorted({*rows["batch_size"]})
        errors = rows.assign(error=100 * (1 - rows["validation_accuracy"]))
        title = f"{wording.workload(key[:2])} · {key[2]}, from B = {rows['from_batch_size'].iloc[0]}"
        _panel(pair[0], rows, "training_loss", sizes=sizes)
        _panel(pair[1], errors, "error", sizes=sizes)
        pair[0].set_title(panels.wrapped(title, letters=LETTERS))
        pair[0].set_ylabel("Training loss")
        pair[1].set_ylabel("Validation error (%)")
        batch_colors.bar(figure, pair.tolist(), sizes)
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, name: str, *, sizes: list[int]) -> None:
    """A line for each batch size, and where the two solutions lie."""
    for size, color in zip(sizes, batch_colors.of_sizes(sizes), strict=True):
        own = rows[rows["batch_size"] == size]
        batch_colors.line(ax, own.pivot(index="place", columns="seed", values=name), color)
    for place in ENDS:
        ax.axvline(place, color=FAINT, linewidth=0.6, linestyle=":", zorder=0)
    ax.set_yscale("log")
    axes.logarithmic(ax.yaxis)
    ax.set_xlabel("Place on the line")
