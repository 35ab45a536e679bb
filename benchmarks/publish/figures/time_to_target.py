"""Time to the target against batch size, measured and predicted."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish.drawing import axes, by_arm, panels, series
from benchmarks.publish.drawing.by_arm import Panel
from benchmarks.publish.drawing.style import FAINT
from benchmarks.publish.results import Results

TITLE = "Time to target"
PREDICTED = {"linestyle": "", "markersize": 5.5, "markerfacecolor": "none", "markeredgewidth": 0.7}


def applies(results: Results) -> bool:
    """Whether anything was trained."""
    return not results.trained.empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Seconds of training, evaluation excluded, until the validation target is first reached: median "
        "over runs with its bootstrap interval, of fewer than five runs their range; an arrow where runs "
        "that never got there leave it without an upper end. Each run has a process of its own, so that "
        "what differs from process to process is in the interval. Open marks: predicted, as examples to "
        "target over throughput. Marks above a panel: cells whose median run did not reach the target, and "
        "why, or during which the machine was disturbed."
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model) and arm."""
    return by_arm.draw(
        results,
        panels.or_disturbed(by_arm.with_interval(results.trained, "time_to_target_s"), good="reached"),
        label="Time to target (s)",
        prepare=lambda ax: ax.set_yscale("log"),
        finish=_finish,
        keys=[Line2D([], [], label="predicted", marker="o", color=FAINT, **PREDICTED)],
    )


def _finish(panel: Panel) -> None:
    shifts = series.shifts(len(panel.looks))
    for shift, (framework, look) in zip(shifts, panel.looks.items(), strict=True):
        group = panel.cells[panel.cells["framework"] == framework]
        place = (
            series.beside(group["batch_size"].to_numpy(), shift=shift),
            group["time_to_target_predicted_s"],
        )
        panel.ax.plot(*place, marker=look.marker, color=look.color, **PREDICTED)
    by_arm.room_for_arrows(panel)
    axes.logarithmic(panel.ax.yaxis)
