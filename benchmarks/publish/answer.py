"""The figure at the head of the README: speed and time to the target against batch size, side by side."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import wording
from benchmarks.publish.drawing import axes, by_arm, panels, series, style, timings
from benchmarks.publish.drawing.style import INK, Look
from benchmarks.publish.results import CASE, Results, of_workload
from benchmarks.recipe.search import TUNE

LOOPS = {
    "throughput_samples_per_s": ("fused", "fastest loop, same numbers"),
    "throughput_idiomatic_samples_per_s": ("idiomatic", "loop that a user writes"),
}
"""The execution that each column of the summary holds, and how the legend calls it."""
RATES = {"none": "one learning rate", "linear": "learning rate ∝ B", "sqrt": "learning rate ∝ √B"}
"""How an arm's learning rate follows the batch size, by its `scaling`."""
TOP = 1.015
"""Where the title of a panel stands that has no strip, as a share of its height, so that titles are level."""


def draw(results: Results, *, workload: tuple[str, str], arm: str) -> Figure:
    """Draw the throughput of a (dataset, model), and beside it the time to the target of one arm.

    The legend and the titles say all that a reader needs, so that the figure stands without a caption.
    """
    cells = of_workload(results.summary, workload)
    trained = cells[cells["arm"] == arm]
    sizes = panels.sizes_of(results, workload)
    figure, places = panels.grid(1, 2, height=style.PANEL_HEIGHT + 0.25)
    speed, time = places[0]
    looks = style.looks(results.frameworks)
    for ax in (speed, time):
        axes.batch_sizes(ax, sizes)
        ax.set_yscale("log")
    _speed(speed, cells.drop_duplicates(CASE), sizes=sizes, looks=looks)
    _time(time, trained, sizes=sizes, looks=_solid(looks))
    title = f"Time to the target ({_rate(results, arm)})"
    failed = panels.failed_trainings(trained)
    strip = panels.STRIP_ROW * len(looks) if len(failed) else 0
    panels.finish(time, title, failed, looks=looks, with_strip=bool(strip))
    speed.set_title(f"Speed ({wording.workload(workload)})", y=TOP + strip if strip else None)
    for ax in (speed, time):
        axes.logarithmic(ax.yaxis)
    target = by_arm.target_of(results, workload)
    speed.set_ylabel("Examples per second")
    time.set_ylabel(f"Seconds to {100 * target['validation_accuracy']:g} % accuracy")
    frameworks = panels.framework_keys(_solid(looks), cells)
    panels.legend(figure, [*frameworks, *_loops(), *_limits(trained, target), _bars(trained)])
    return figure


def _speed(ax: Axes, cells: pd.DataFrame, *, sizes: list[int], looks: dict[str, Look]) -> None:
    """Both loops of every framework, with their intervals."""
    for shift, (framework, look) in zip(series.shifts(len(looks)), looks.items(), strict=True):
        own = cells[cells["framework"] == framework]
        for column, (execution, _) in LOOPS.items():
            lined = look._replace(line=timings.LINES[execution])
            hollow = execution == "idiomatic"
            values = by_arm.with_interval(own, column)
            series.draw(ax, values, sizes=sizes, look=lined, shift=shift, hollow=hollow)
    axes.hold_to(ax, cells[list(LOOPS)].to_numpy(float).ravel())


def _time(ax: Axes, cells: pd.DataFrame, *, sizes: list[int], looks: dict[str, Look]) -> None:
    """The time to the target of every framework, trained with its fastest loop."""
    values = by_arm.with_interval(cells, "time_to_target_s")
    for shift, (framework, look) in zip(series.shifts(len(looks)), looks.items(), strict=True):
        own = values[values["framework"] == framework]
        series.draw(ax, own, sizes=sizes, look=look, shift=shift)


def _rate(results: Results, arm: str) -> str:
    """How an arm's learning rate follows the batch size, by the configuration of the study."""
    own = next(each for each in results.provenance["study"]["arms"] if each["name"] == arm)
    return "learning rate tuned" if own["learning_rate"] == TUNE else RATES[own["scaling"]]


def _solid(looks: dict[str, Look]) -> dict[str, Look]:
    """The same looks with solid lines: here dashes stand for the loop that a user writes."""
    return {framework: look._replace(line="-") for framework, look in looks.items()}


def _loops() -> list[Line2D]:
    """Legend entries for the two loops."""
    faces = {"fused": INK, "idiomatic": "white"}
    return [
        Line2D(
            [],
            [],
            color=INK,
            linestyle=timings.LINES[kind],
            marker="o",
            markerfacecolor=faces[kind],
            label=label,
        )
        for kind, label in LOOPS.values()
    ]


def _limits(cells: pd.DataFrame, target: pd.Series) -> list[Line2D]:
    """Legend entries for the cells that missed the target, each with the limit that it ran into."""
    limits = {
        "missed": f"not within {target['epochs']:g} epochs and {target['steps']:g} steps",
        "time-limit": f"not within {target['seconds']:g} s",
    }
    named = {panels.FAILURE_MARKS[status][1]: limit for status, limit in limits.items()}
    handles = panels.failure_keys(panels.failed_trainings(cells))
    for handle in handles:
        handle.set_label(named.get(handle.get_label(), handle.get_label()))
    return handles


def _bars(cells: pd.DataFrame) -> Line2D:
    """The legend entry that explains the intervals of both panels."""
    label = f"95 % interval (left), range of {int(cells['n_runs'].max())} seeds (right)"
    return Line2D([], [], color=INK, linestyle="", marker="|", markersize=8, label=label)
