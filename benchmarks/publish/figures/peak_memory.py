"""Peak memory against batch size, with the fit M = a + bB."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import marks
from benchmarks.publish.drawing import axes, panels, series, style, timings
from benchmarks.publish.drawing.style import INK, Look
from benchmarks.publish.results import Results, of_timed
from benchmarks.summary.schema.names import BROKEN, CASE

TITLE = "Peak memory"
FIT = {"linewidth": 0.9, "linestyle": "-", "alpha": 0.55}


def applies(results: Results) -> bool:
    """Whether memory was measured."""
    return bool(results.summary["peak_memory_mib"].notna().any())


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Peak memory of training against batch size, both axes logarithmic: above the baseline after import "
        "and data, or on a GPU the framework’s own peak. Points: mean over arms, bars from the least to the "
        "most; lines: the fit M = a + b·B, a curve on these axes. Marks above a panel: cells that ran out of "
        f"memory or failed.{timings.caption(results)}"
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model, step kind)."""
    looks = style.looks(results.frameworks)
    points = {framework: look._replace(line="") for framework, look in looks.items()}
    cells = _over_arms(results.trained)
    broken = results.trained["status"].isin(BROKEN) & results.trained["peak_memory_mib"].isna()
    failed = panels.failed_trainings(results.trained[broken])
    marked = panels.looks_of_failed(failed, looks)
    figure, places = panels.in_pairs(len(results.timed), height=panels.tall(len(marked)))
    for (key, title), ax in zip(results.timed.items(), places, strict=True):
        sizes = panels.sizes_of(results, key[:2])
        axes.batch_sizes(ax, sizes)
        ax.set(yscale="log", ylabel="Peak memory (MiB)")
        _points(ax, of_timed(cells, key), sizes=sizes, looks=points)
        _fits(ax, of_timed(results.memory_fit, key), sizes=sizes, looks=looks)
        axes.logarithmic(ax.yaxis)
        panels.finish(ax, title, of_timed(failed, key), looks=marked, with_strip=not failed.empty)
    fitted = results.memory_fit["b_mib_per_example"].notna().any()
    fit = [Line2D([], [], color=INK, label="fit a + b·B", **FIT)] if fitted else []
    panels.legend(figure, [*panels.framework_keys(points, cells), *fit, *panels.failure_keys(failed)])
    return figure


def _over_arms(cells: pd.DataFrame) -> pd.DataFrame:
    """Mean over the arms, least and most over their runs, per case."""
    ends = {"lo": ("peak_memory_mib_lo", "min"), "hi": ("peak_memory_mib_hi", "max")}
    memory = cells.groupby(CASE, sort=False).agg(value=("peak_memory_mib", "mean"), **ends)
    return memory.reset_index().merge(marks.gravest_of_case(cells, CASE)[[*CASE, "identity"]], on=CASE)


def _points(ax: Axes, cells: pd.DataFrame, *, sizes: list[int], looks: dict[str, Look]) -> None:
    for shift, (framework, look) in zip(series.shifts(len(looks)), looks.items(), strict=True):
        group = cells[cells["framework"] == framework]
        series.draw(ax, group, sizes=sizes, look=look, shift=shift)


def _fits(ax: Axes, fits: pd.DataFrame, *, sizes: list[int], looks: dict[str, Look]) -> None:
    batch = np.geomspace(sizes[0], sizes[-1], 200)
    for fit in fits.dropna(subset=["a_mib", "b_mib_per_example"]).itertuples():
        memory = fit.a_mib + fit.b_mib_per_example * batch
        ax.plot(batch, np.where(memory > 0, memory, np.nan), color=looks[fit.framework].color, **FIT)
