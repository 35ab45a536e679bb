"""Epochs to the target against batch size."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import marks
from benchmarks.publish.drawing import axes, by_arm, series
from benchmarks.publish.drawing.by_arm import GUIDE, Panel
from benchmarks.publish.drawing.style import FAINT
from benchmarks.publish.results import Results

TITLE = "Epochs to target"
RESOLUTION = {"color": FAINT, "alpha": 0.35, "linewidth": 3.5}
"""How the epochs between two evaluations are drawn."""


def applies(results: Results) -> bool:
    """Whether anything was trained."""
    return not results.trained.empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Epochs (examples seen over training examples) until the validation target is first reached: median "
        "over runs with its bootstrap interval"
        ", of fewer than five runs their range; an arrow where runs that never got there leave it "
        "without an upper end. Marks above a panel: cells whose median run did not reach the target, "
        "and why. Shaded, below a point: the epochs since the evaluation before, within which the target was "
        "reached. Dotted: the budget in epochs, which at large batches may be one of steps."
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model) and arm."""
    return by_arm.draw(
        results,
        by_arm.with_interval(results.trained, "epochs_to_target"),
        label="Epochs to target",
        prepare=lambda ax: ax.set_yscale("log"),
        finish=_finish,
        keys=[
            Line2D([], [], label="since the evaluation before", solid_capstyle="butt", **RESOLUTION),
            Line2D([], [], label="budget in epochs", **GUIDE),
        ],
    )


def _finish(panel: Panel) -> None:
    if panel.target is not None:
        sizes = np.array(panel.sizes)
        panel.ax.plot(sizes, marks.epochs_of(panel.target, sizes), **GUIDE)
    by_arm.room_for_arrows(panel)
    _resolutions(panel)
    axes.logarithmic(panel.ax.yaxis)


def _resolutions(panel: Panel) -> None:
    """Shade, below each point, the epochs since the evaluation before; the panel's range stays as it is."""
    bottom, top = panel.ax.get_ylim()
    shifts = series.shifts(len(panel.looks))
    for shift, framework in zip(shifts, panel.looks, strict=True):
        cells = panel.cells[panel.cells["framework"] == framework]
        x = series.beside(cells["batch_size"].to_numpy(float), shift=shift)
        before = (cells["value"] - cells["epochs_resolution"]).clip(lower=bottom)
        panel.ax.vlines(x, before, cells["value"], zorder=1, **RESOLUTION)
    panel.ax.set_ylim(bottom, top)
