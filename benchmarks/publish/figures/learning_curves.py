"""Validation accuracy over training, a colour per batch size."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import marks, wording
from benchmarks.publish.drawing import axes, batch_colors, panels
from benchmarks.publish.drawing.by_arm import GUIDE, target_of
from benchmarks.publish.results import Results, of_workload
from benchmarks.summary.schema.names import CELL

TITLE = "Learning curves"
HEIGHT = 1.9
LETTERS = 34
"""Of a title above a panel beside the colour bar, which makes it narrower."""


def applies(results: Results) -> bool:
    """Whether any curve was recorded."""
    return not results.curves.empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Validation accuracy against epochs, a colour per batch size from dark (small) to light (large): "
        "median over the runs still going, the band from the least to the most. The horizontal axis is "
        "logarithmic, the vertical one in the distance to 100 %. Dotted: the target. A mark ends the curve "
        "of a run that did not last to the end of its budget of epochs, whether or not it had reached the "
        "target, and says why."
    )


def draw(results: Results) -> Figure:
    """A panel for each arm, in rows for each (dataset, model, framework)."""
    rows = list(product(results.workloads, results.frameworks))
    figure, blocks = panels.in_blocks(len(rows), len(results.arms), height=HEIGHT)
    early = ends(results)
    for (workload, framework), block in zip(rows, blocks, strict=True):
        _block(results, workload, framework, block)
        group = of_workload(early, workload)
        _marks(results, group[group["framework"] == framework], block)
        for ax in block:
            axes.logarithmic(ax.xaxis)
    for row, workload in enumerate(results.workloads):
        group = blocks[row * len(results.frameworks) : (row + 1) * len(results.frameworks)]
        batch_colors.bar(figure, group.ravel().tolist(), panels.sizes_of(results, workload))
    target = Line2D([], [], label="target", **GUIDE)
    panels.legend(figure, [target, *panels.failure_keys(early)])
    return figure


def _block(results: Results, workload: tuple[str, str], framework: str, block: np.ndarray) -> None:
    """The panels [arm] of one framework in one (dataset, model)."""
    curves = of_workload(results.curves, workload)
    sizes = panels.sizes_of(results, workload)
    colors = dict(zip(sizes, batch_colors.of_sizes(sizes), strict=True))
    target = target_of(results, workload)
    for ax, arm in zip(block, results.arms, strict=True):
        axes.accuracy(ax)
        ax.set_xscale("log")  # within one budget of steps, the largest batch sees the most epochs by far
        shown = curves[(curves["framework"] == framework) & (curves["arm"] == arm)]
        for size, runs in shown.groupby("batch_size"):
            _cell(ax, runs, color=colors[size])
        title = f"{wording.workload(workload)} · {wording.name(framework)} · {arm}"
        ax.set_title(panels.wrapped(title, letters=LETTERS))
        if target is not None:
            ax.axhline(target["validation_accuracy"], **GUIDE)
        ax.set_xlabel("Epochs")
        ax.set_ylabel("Validation accuracy (%)" if ax.get_subplotspec().is_first_col() else "")
    axes.accuracy_ticks(block[0].yaxis)


def _cell(ax: Axes, runs: pd.DataFrame, *, color: tuple) -> None:
    """Median and range over those runs of a cell that were still training."""
    accuracy = runs.pivot_table(index="epochs", columns="seed", values="validation_accuracy")
    ax.plot(accuracy.index, accuracy.median(axis=1), color=color, linewidth=1.1)
    ends = (accuracy.min(axis=1), accuracy.max(axis=1))
    ax.fill_between(accuracy.index, *ends, color=color, alpha=0.18, linewidth=0)


def _marks(results: Results, early: pd.DataFrame, block: np.ndarray) -> None:
    """Mark the ends of runs that were cut short."""
    for ax, arm in zip(block, results.arms, strict=True):
        for run in early[early["arm"] == arm].itertuples():
            sizes = panels.sizes_of(results, (run.dataset, run.model))
            look = {"color": batch_colors.of_sizes(sizes)[sizes.index(run.batch_size)], "markersize": 3.5}
            ax.plot(run.epochs, run.validation_accuracy, panels.FAILURE_MARKS[run.status][0], **look)


def ends(results: Results) -> pd.DataFrame:
    """The last point of every run that ended before its budget of epochs; `status` tells what ended it.

    A run that had reached its target has the status `reached`; it ended because its seconds were over or it
    diverged afterwards.
    """
    runs = results.curves.groupby([*CELL, "seed"], sort=False)["epochs"]
    last = results.curves.loc[runs.idxmax()]
    early = last[marks.ended_early(results, last, epochs="epochs")]
    in_time = early["training_s"] < marks.budget(results, early, "seconds")
    reached = early["status"] == "reached"
    status = early["status"].mask(reached & in_time, "diverged").mask(reached & ~in_time, "time-limit")
    return early.assign(status=status)
