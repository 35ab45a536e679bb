"""Figures of timings against batch size: a panel for each (dataset, model, step kind)."""

from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish.drawing import axes, panels, series, style
from benchmarks.publish.drawing.style import INK, Look
from benchmarks.publish.results import Results, of_timed

LINES = {"fused": "-", "idiomatic": (0, (3, 2))}


MARKED = "Marks above a panel: cases that could not be timed, or only while the machine was disturbed."
"""What a caption says of the strip."""


class Panel(NamedTuple):
    """The content of one panel: the timings of one (dataset, model, step kind) in one or both executions."""

    ax: Axes
    title: str
    key: tuple[str, str, str]
    executions: list[str]
    sizes: list[int]


def draw(results: Results, timings: pd.DataFrame, *, label: str, held: bool) -> Figure:
    """Draw the columns `value`, `lo`, `hi` of `timings`, one row for each case and `execution`.

    `held`: the axis ends a factor of 10 beyond the values, however wide their intervals are.
    """
    looks = style.looks(results.frameworks)
    failed = panels.marked(panels.or_disturbed(results.throughput, good="measured"))
    marked = panels.looks_of_failed(failed, looks)
    figure, shown = _layout(results, height=panels.tall(len(marked)))
    for panel in shown:
        axes.batch_sizes(panel.ax, panel.sizes)
        panel.ax.set_yscale("log")
        group, here = (_of(panel, rows) for rows in (timings, failed))
        _lines(panel, group, looks=looks)
        panels.finish(panel.ax, panel.title, here, looks=marked, with_strip=not failed.empty)
    for panel in shown:
        panel.ax.set_ylabel(label if _labelled(panel) else "")
        values = of_timed(timings, panel.key)["value"].dropna()
        if held and len(values):
            axes.hold_to(panel.ax, values.to_numpy(float))
        axes.logarithmic(panel.ax.yaxis)
    panels.legend(figure, keys(looks, results.summary) + panels.failure_keys(failed))
    return figure


def _layout(results: Results, *, height: float) -> tuple[Figure, list[Panel]]:
    """An empty figure and the content of its panels: one execution where both would be too many lines."""
    shown = []
    if results.side_by_side:
        figure, places = panels.in_pairs(len(results.timed), height=height)
        for (key, title), ax in zip(results.timed.items(), places, strict=True):
            shown.append(Panel(ax, title, key, list(LINES), panels.sizes_of(results, key[:2])))
        return figure, shown
    figure, rows = panels.grid(len(results.timed), len(LINES), height=height, sharey="row")
    for (key, title), row in zip(results.timed.items(), rows, strict=True):
        sizes = panels.sizes_of(results, key[:2])
        places = zip(LINES, row, strict=True)
        shown += [Panel(ax, f"{title} · {execution}", key, [execution], sizes) for execution, ax in places]
    return figure, shown


def _labelled(panel: Panel) -> bool:
    return len(panel.executions) > 1 or panel.ax.get_subplotspec().is_first_col()


def _of(panel: Panel, rows: pd.DataFrame) -> pd.DataFrame:
    group = of_timed(rows, panel.key)
    return group[group["execution"].isin(panel.executions)]


def _lines(panel: Panel, timings: pd.DataFrame, *, looks: dict[str, Look]) -> None:
    shifts = series.shifts(len(looks))
    for shift, (framework, look) in zip(shifts, looks.items(), strict=True):
        for execution in panel.executions:
            group = timings[(timings["framework"] == framework) & (timings["execution"] == execution)]
            lined = look._replace(line=LINES[execution])
            hollow = execution == "idiomatic"
            series.draw(panel.ax, group, sizes=panel.sizes, look=lined, shift=shift, hollow=hollow)


def keys(looks: dict[str, Look], cells: pd.DataFrame) -> list[Line2D]:
    """Legend entries: frameworks by colour and marker, executions by line and filling."""
    solid = {framework: look._replace(line="-") for framework, look in looks.items()}
    executions = [
        Line2D([], [], color=INK, linestyle=line, marker="o", label=name, markerfacecolor=face)
        for (name, line), face in zip(LINES.items(), (INK, "white"), strict=True)
    ]
    return panels.framework_keys(solid, cells) + executions


def caption(results: Results) -> str:
    """A sentence on the step kinds in the titles, where a study has several."""
    return (
        f" Named in a title is the kind of training step of the arms: {STEP_KIND}."
        if results.several_step_kinds
        else ""
    )


STEP_KIND = (
    "what speed and memory depend on of an arm (optimizer, weight decay, clipping, accumulation, "
    "augmentation, ghost batches, mixed precision)"
)
