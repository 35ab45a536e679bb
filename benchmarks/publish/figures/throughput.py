"""Training throughput against batch size, in both executions."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import axes, failures, panels, series, style, wording
from benchmarks.publish.results import CASE, Results, of_workload
from benchmarks.publish.style import INK, Look

TITLE = "Training throughput"
LINES = {"fused": "-", "idiomatic": (0, (3, 2))}
COLUMNS = {"fused": "throughput_samples_per_s", "idiomatic": "throughput_idiomatic_samples_per_s"}


def applies(results: Results) -> bool:
    """Whether anything was timed."""
    return bool(results.summary["throughput_samples_per_s"].notna().any())


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Examples per second of training against batch size, both axes logarithmic. Fused (solid, filled): "
        "the fastest form of the training loop that computes the same numbers; idiomatic (dashed, open): the "
        "loop that a user of the framework would write. Bars: 95 % intervals over independent processes, cut "
        "a factor of 10 beyond the values."
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model)."""
    looks = style.looks(results.frameworks)
    failed = failures.of_throughput(results.throughput)
    figure, places = panels.by_workload(results)
    for workload, ax in places:
        sizes = panels.sizes_of(results, workload)
        axes.batch_sizes(ax, sizes)
        ax.set(yscale="log", ylabel="Throughput (examples/s)")
        cells = of_workload(results.summary, workload)
        _panel(ax, cells, sizes=sizes, looks=looks)
        axes.hold_to(ax, cells[list(COLUMNS.values())].to_numpy(float))
        axes.logarithmic(ax.yaxis)
        here = of_workload(failed, workload)
        panels.finish(ax, wording.workload(workload), here, looks=looks, with_strip=not failed.empty)
    panels.legend(figure, keys(looks, results.summary) + failures.keys(failed))
    return figure


def _panel(ax: Axes, cells: pd.DataFrame, *, sizes: list[int], looks: dict[str, Look]) -> None:
    for rank, (framework, look) in enumerate(looks.items()):
        own = once(cells[cells["framework"] == framework])
        for execution, line in LINES.items():
            column = COLUMNS[execution]
            shown = own.assign(value=own[column], lo=own[f"{column}_lo"], hi=own[f"{column}_hi"])
            lined = look._replace(line=line)
            series.draw(ax, shown, sizes=sizes, look=lined, rank=rank, hollow=execution == "idiomatic")


def once(cells: pd.DataFrame) -> pd.DataFrame:
    """One row per case: timing knows no arms; a case is certified if it is so in every arm."""
    doubtful = cells[cells["identity"] != series.CERTIFIED]
    return pd.concat([doubtful, cells]).drop_duplicates(CASE)


def keys(looks: dict[str, Look], cells: pd.DataFrame) -> list[Line2D]:
    """Legend entries: frameworks by colour and marker, executions by line and filling."""
    solid = {framework: look._replace(line="-") for framework, look in looks.items()}
    executions = [
        Line2D([], [], color=INK, linestyle=line, marker="o", label=name, markerfacecolor=face)
        for (name, line), face in zip(LINES.items(), (INK, "white"), strict=True)
    ]
    return panels.framework_keys(solid, cells) + executions
