"""Epochs to the target against batch size."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish.drawing import axes, by_arm
from benchmarks.publish.drawing.by_arm import GUIDE, Panel
from benchmarks.publish.results import Results

TITLE = "Epochs to target"


def applies(results: Results) -> bool:
    """Whether anything was trained."""
    return not results.trained.empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Epochs (examples seen over training examples) until the validation target is first reached: median "
        "over runs with its bootstrap interval"
        ", of three runs their range; an arrow where runs that never got there leave it "
        "without an upper end. Marks above a panel: cells whose median run did not reach the target, "
        "and why. Dotted: the budget."
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model) and arm."""
    return by_arm.draw(
        results,
        by_arm.with_interval(results.trained, "epochs_to_target"),
        label="Epochs to target",
        prepare=lambda ax: ax.set_yscale("log"),
        finish=_finish,
        keys=[Line2D([], [], label="budget", **GUIDE)],
    )


def _finish(panel: Panel) -> None:
    if panel.target is not None:
        panel.ax.axhline(panel.target["epochs"], **GUIDE)
    by_arm.room_for_arrows(panel)
    axes.logarithmic(panel.ax.yaxis)
