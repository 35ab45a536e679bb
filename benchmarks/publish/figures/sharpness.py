"""Sharpness against batch size, beside the validation error at the same evaluations."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import wording
from benchmarks.publish.claims.sharpness import MEASURES, validated
from benchmarks.publish.drawing import axes, panels, style
from benchmarks.publish.results import Results, of_workload, with_role

TITLE = "Sharpness and generalisation"
HEIGHT = 2.1
LETTERS = 34
LABELS = {
    "sharpness": "Keskar's φ",
    "largest_eigenvalue": "largest eigenvalue",
    "width": "1 / filter-normalised width",
}
WHERE = {"matched": "at matched training loss", "end": "at the end of training"}


def applies(results: Results) -> bool:
    """Whether the sharpness of any arm was measured at two batch sizes."""
    return bool(arms(results, role(results)))


def role(results: Results) -> str:
    """Where sharpness is compared: at matched training loss if two batch sizes of any arm have that."""
    return "matched" if arms(results, "matched") else "end"


def arms(results: Results, role: str) -> list[tuple[tuple[str, str], str]]:
    """The (dataset, model) and arm of those that were measured there at two batch sizes."""
    rows = measured(results, role)
    return [
        (workload, arm)
        for workload in results.workloads
        for arm in results.arms
        if of_arm(rows, workload, arm)["batch_size"].nunique() > 1
    ]


def measured(results: Results, role: str) -> pd.DataFrame:
    """The checkpoints of this role that have a measure of sharpness."""
    rows = results.checkpoints.dropna(subset=list(MEASURES), how="all")
    return rows[with_role(rows, role)]


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    apart = "" if role(results) == "matched" else ", where training losses differ"
    return (
        f"Left: measures of sharpness {WHERE[role(results)]}{apart}, each over its median at the smallest "
        "batch size: the median over seeds, with a bar from the least to the most. A rescaling of the layers "
        "that leaves the function as it is changes the first two and not the third. Right: the error on the "
        "validation set at the same evaluations, likewise."
    )


def draw(results: Results) -> Figure:
    """Two panels for each (dataset, model) and arm that was measured."""
    rows, keys = measured(results, role(results)), arms(results, role(results))
    figure, grid = panels.grid(len(keys), 2, height=HEIGHT)
    looks = dict(zip(MEASURES, style.LOOKS, strict=False))
    for (workload, arm), (left, right) in zip(keys, grid, strict=True):
        title = f"{wording.workload(workload)} · {arm}"
        _measures(left, of_arm(rows, workload, arm), looks=looks, title=title)
        _errors(right, errors(results, of_arm(rows, workload, arm)))
    handles = [
        Line2D([], [], color=look.color, marker=look.marker, linestyle=look.line, label=LABELS[name])
        for name, look in looks.items()
        if rows[name].notna().any()
    ]
    panels.legend(figure, handles)
    return figure


def of_arm(rows: pd.DataFrame, workload: tuple[str, str], arm: str) -> pd.DataFrame:
    """The rows of one workload and arm."""
    own = of_workload(rows, workload)
    return own[own["arm"] == arm]


def errors(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """These checkpoints with the `error` on the validation set there, in per cent."""
    found = validated(results, rows)
    return found.assign(error=100 * (1 - found["validation_accuracy"]))


def _measures(ax: Axes, rows: pd.DataFrame, *, looks: dict[str, style.Look], title: str) -> None:
    """Each measure over its median at the smallest batch size."""
    known = [name for name in MEASURES if rows[name].notna().any()]
    for place, name in enumerate(known):
        values = rows.assign(value=rows[name] ** MEASURES[name])
        smallest = values.loc[values["batch_size"] == values["batch_size"].min(), "value"].median()
        values = values.assign(value=values["value"] / smallest)
        _line(ax, values, "value", look=looks[name], shift=1.06 ** (place - (len(known) - 1) / 2))
    ax.set_yscale("log")
    axes.logarithmic(ax.yaxis)
    ax.set_ylabel("Sharpness, relative")
    ax.set_title(panels.wrapped(title, letters=LETTERS))


def _errors(ax: Axes, rows: pd.DataFrame) -> None:
    """The error of each batch size."""
    _line(ax, rows, "error", look=style.Look(style.INK, "o", "-"), shift=1.0)
    ax.set_ylabel("Validation error there (%)")


def _line(ax: Axes, rows: pd.DataFrame, name: str, *, look: style.Look, shift: float) -> None:
    """Median over seeds at each batch size, with bars from the least to the most."""
    found = rows.dropna(subset=[name]).groupby("batch_size")[name].agg(["median", "min", "max"])
    ends = (found["median"] - found["min"], found["max"] - found["median"])
    marks = {"color": look.color, "marker": look.marker, "linestyle": look.line, "capsize": 2}
    ax.errorbar(found.index * shift, found["median"], yerr=ends, **marks)
    ax.set_xscale("log")
    axes.logarithmic(ax.xaxis)
    ax.set_xlabel("Batch size B")
