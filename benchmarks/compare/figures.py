"""The figures of a comparison: a panel for each workload and framework, a line for each machine."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.compare import quantities
from benchmarks.publish import wording
from benchmarks.publish.drawing import axes, panels, series, style
from benchmarks.publish.drawing.style import FAINT, INK, Look
from benchmarks.publish.figures.time_to_target import PREDICTED

DRAWN = ["value", "predicted"]


def draw(values: pd.DataFrame, failed: pd.DataFrame, *, label: str) -> Figure:
    """A panel for each value of the column `panel`, at most two beside one another.

    `values` has `machine`, `framework`, `batch_size`, `value`, `lo`, `hi`, `identity` and, where there are
    predictions, `predicted`; `failed` has `status` in their place.
    """
    values, failed = _by_machine(values), _by_machine(failed)
    looks = _looks(values)
    marked = panels.looks_of_failed(failed, looks)
    titles = list(values["panel"].unique())
    figure, places = panels.in_pairs(len(titles), height=panels.tall(len(marked)))
    for title, ax in zip(titles, places, strict=True):
        ax.set(yscale="log", ylabel=label)
        _panel(ax, values[values["panel"] == title], looks=looks)
        here = failed[failed["panel"] == title]
        panels.finish(ax, title, here, looks=marked, with_strip=bool(marked))
    _legend(figure, [*_keys(values), *panels.failure_keys(failed)])
    return figure


def _legend(figure: Figure, handles: list[Line2D]) -> None:
    """The legend below all panels, in columns that are wide enough for the names of machines."""
    columns = 2 if figure.get_figwidth() < 2 * style.PANEL_WIDTH else 4
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
    figure.align_ylabels()


def _by_machine(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells whose `framework` is that of one machine, since the package draws a line per framework."""
    return cells.assign(kind=cells["framework"], framework=cells["machine"] + "/" + cells["framework"])


def _looks(cells: pd.DataFrame) -> dict[str, Look]:
    """The colour, line and marker of each framework on each machine; of one machine, its frameworks' own."""
    markers = style.looks(list(cells["kind"].unique()))
    machines = _machine_looks(cells)
    pairs = cells[["framework", "machine", "kind"]].drop_duplicates().itertuples()
    if len(machines) == 1:
        return {pair.framework: markers[pair.kind] for pair in pairs}
    return {
        pair.framework: machines[pair.machine]._replace(marker=markers[pair.kind].marker) for pair in pairs
    }


def _machine_looks(cells: pd.DataFrame) -> dict[str, Look]:
    names = sorted(cells["machine"].unique())
    return {name: style.LOOKS[place % len(style.LOOKS)] for place, name in enumerate(names)}


def _panel(ax: Axes, cells: pd.DataFrame, *, looks: dict[str, Look]) -> None:
    sizes = sorted(int(size) for size in cells["batch_size"].unique())
    axes.batch_sizes(ax, sizes)
    for shift, (name, look) in zip(series.shifts(len(looks)), looks.items(), strict=True):
        group = cells[cells["framework"] == name]
        series.draw(ax, group, sizes=sizes, look=look, shift=shift)
        if "predicted" in group:
            x = series.beside(group["batch_size"].to_numpy(), shift=shift)
            ax.plot(x, group["predicted"], marker=look.marker, color=look.color, **PREDICTED)
    drawn = cells.reindex(columns=DRAWN).to_numpy(float)
    if not np.isnan(drawn).all():
        axes.hold_to(ax, drawn)
    axes.logarithmic(ax.yaxis)


def _keys(cells: pd.DataFrame) -> list[Line2D]:
    """Legend entries: machines by colour and line, frameworks by marker, predictions by an open marker.

    With one machine, the colours and lines are those of the frameworks.
    """
    drawn = cells[cells.reindex(columns=DRAWN).notna().any(axis=1)]
    of_machines = _machine_looks(cells)
    alone = len(of_machines) == 1
    machines = [
        Line2D([], [], color=look.color, linestyle=look.line, label=name)
        for name, look in of_machines.items()
        if name in set(drawn["machine"]) and not alone
    ]
    markers = style.looks(list(cells["kind"].unique()))
    frameworks = [
        Line2D(
            *([], []),
            color=look.color if alone else INK,
            linestyle=look.line if alone else "",
            marker=look.marker,
            label=wording.name(name),
        )
        for name, look in markers.items()
    ]
    predicted = Line2D([], [], label="predicted", marker="o", color=FAINT, **PREDICTED)
    return machines + frameworks + ([predicted] if "predicted" in cells else []) + panels.verdict_keys(drawn)


class Drawing(NamedTuple):
    """A figure before it is drawn; `select` gives from all cells the values, and the failures."""

    title: str
    label: str
    caption: str
    select: Callable[[pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]
    needs: list[str]
    """It is drawn where any cell has one of these."""

    def draw(self, cells: pd.DataFrame) -> Figure:
        """The figure."""
        return draw(*self.select(cells), label=self.label)


DRAWINGS = {
    "throughput": Drawing(
        "Training throughput",
        "Throughput (examples/s)",
        "Examples per second of training against batch size in the fused execution, both axes logarithmic. "
        "Bars: 95 % intervals over independent processes; the axis ends a factor of 10 beyond the values, "
        "where a bar may not. Marks above a panel: cases that were not timed.",
        quantities.throughput,
        ["throughput_samples_per_s"],
    ),
    "peak-memory": Drawing(
        "Peak memory",
        "Peak memory (MiB)",
        "Peak memory of training against batch size: on a GPU the framework’s own peak, on a CPU the peak "
        "above the baseline after import and data, so that machines of the two kinds differ in what is "
        "counted. Mean over arms, bars from the least to the most. Marks above a panel: cells without a "
        "measured peak. A machine on which nothing was trained has no points.",
        quantities.peak_memory,
        ["peak_memory_mib"],
    ),
    "time-to-target": Drawing(
        "Time to target",
        "Time to target (s)",
        "Seconds of training until the validation target named in the title is first reached. Filled, "
        "joined: measured, median over runs with its bootstrap interval"
        ", of fewer than five runs their range (an arrow where it has no upper end). "
        "Open: predicted, as the examples to target of the other machines over the throughput of this one. "
        "Marks above a panel: cells whose median run did not reach the target, and why.",
        quantities.time_to_target,
        ["time_to_target_s", "time_to_target_predicted_s"],
    ),
}


def applicable(cells: pd.DataFrame) -> dict[str, Drawing]:
    """The figures that these cells can fill."""
    return {
        name: drawing for name, drawing in DRAWINGS.items() if cells[drawing.needs].notna().any(axis=None)
    }
