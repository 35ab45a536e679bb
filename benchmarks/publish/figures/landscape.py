"""The training loss on planes through the solutions of batch sizes, and along a line of each plane."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from benchmarks.publish import wording
from benchmarks.publish.drawing import axes, batch_colors, panels
from benchmarks.publish.results import Results

TITLE = "The loss around solutions"
HEIGHT = 2.1
LETTERS = 34
LEVELS = 9
SHADES = "cividis"


def applies(results: Results) -> bool:
    """Whether there is any plane."""
    return not results.landscape.empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "The loss over 5,000 training examples on a plane through the parameters of a training, along two "
        "filter-normalised directions (Li et al. 2018); the unit is the length of the model's own weights. "
        "Left and middle: the smallest and the largest batch size, of the first seed, with the same levels. "
        "Right: along the horizontal line through the middle, for every batch size; the median over seeds, "
        "the band from the least to the most. Trainings are taken at matched training loss if the study has "
        "one, which leaves out those that never got there, and at their ends otherwise. A rescaling of the "
        "layers that leaves a function as it is does not change such a picture."
    )


def draw(results: Results) -> Figure:
    """Three panels for each (dataset, model) and arm with planes."""
    groups = results.landscape.groupby(["dataset", "model", "arm"], sort=False)
    figure, grid = panels.grid(len(groups), 3, height=HEIGHT)
    for (key, rows), (small, large, line) in zip(groups, grid, strict=True):
        sizes = sorted({*rows["batch_size"]})
        ends = planes(rows, sizes[0], sizes[-1])
        norm = LogNorm(*np.nanquantile(np.stack(ends), [0, 1]).clip(min=np.finfo(float).tiny))
        for ax, size, values in zip((small, large), (sizes[0], sizes[-1]), ends, strict=True):
            _contours(ax, values, norm, title=f"B = {wording.whole(size)}")
        title = f"{wording.workload(key[:2])} · {key[2]}, {small.get_title(loc='left')}"
        small.set_title(panels.wrapped(title, letters=LETTERS))
        _lines(line, rows[rows["y"] == 0], sizes)
        batch_colors.bar(figure, [line], sizes)
    return figure


def planes(rows: pd.DataFrame, *sizes: int) -> list[pd.DataFrame]:
    """The loss of each batch size by y and x, of the first seed that all have, or else of their own."""
    seeds = [{*rows.loc[rows["batch_size"] == size, "seed"]} for size in sizes]
    common = set.intersection(*seeds)
    return [
        rows[(rows["batch_size"] == size) & (rows["seed"] == min(common or own))].pivot(
            index="y", columns="x", values="training_loss"
        )
        for size, own in zip(sizes, seeds, strict=True)
    ]


def _contours(ax: Axes, values: pd.DataFrame, norm: LogNorm, *, title: str) -> None:
    """Lines of equal loss, their logarithms at equal distances, with the solution in the middle."""
    levels = np.geomspace(norm.vmin, norm.vmax, LEVELS + 2)[1:-1]
    places = (values.columns, values.index, values)
    ax.contourf(*places, levels=[norm.vmin, *levels, norm.vmax], norm=norm, cmap=SHADES)
    drawn = ax.contour(*places, levels=levels, colors="white", linewidths=0.5)
    ax.clabel(drawn, levels[::2], fmt=wording.number, fontsize=6, inline_spacing=2)
    ax.plot(0, 0, marker="+", color="white", markersize=5)
    ax.set_aspect("equal")
    ax.set_xlabel("First direction")
    ax.set_ylabel("Second direction")
    ax.set_title(title)


def _lines(ax: Axes, rows: pd.DataFrame, sizes: list[int]) -> None:
    """The loss along the first direction, a line for each batch size."""
    for size, color in zip(sizes, batch_colors.of_sizes(sizes), strict=True):
        own = rows[rows["batch_size"] == size]
        batch_colors.line(ax, own.pivot(index="x", columns="seed", values="training_loss"), color)
    ax.set_yscale("log")
    axes.logarithmic(ax.yaxis)
    ax.set_xlabel("First direction")
    ax.set_ylabel("Training loss")
