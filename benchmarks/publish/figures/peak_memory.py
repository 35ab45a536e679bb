"""Peak memory against batch size, with the fit M = a + bB."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import axes, failures, panels, series, style, wording
from benchmarks.publish.figures.throughput import once
from benchmarks.publish.results import CASE, Results, of_workload
from benchmarks.publish.style import INK, Look

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
        "memory or failed."
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model)."""
    looks = style.looks(results.frameworks)
    cells = _over_arms(results.trained)
    failed = results.trained[results.trained["peak_memory_mib"].isna()]
    failed = failures.of_training(failed)
    figure, places = panels.by_workload(results)
    for workload, ax in places:
        sizes = panels.sizes_of(results, workload)
        axes.batch_sizes(ax, sizes)
        ax.set(yscale="log", ylabel="Peak memory (MiB)")
        for rank, (framework, look) in enumerate(looks.items()):
            own = of_workload(cells, workload)
            points = look._replace(line="")
            series.draw(ax, own[own["framework"] == framework], sizes=sizes, look=points, rank=rank)
            fits = of_workload(results.memory_fit, workload)
            _fit(ax, fits[fits["framework"] == framework], sizes=sizes, look=look)
        axes.logarithmic(ax.yaxis)
        here = of_workload(failed, workload)
        panels.finish(ax, wording.workload(workload), here, looks=looks, with_strip=not failed.empty)
    points = {framework: look._replace(line="") for framework, look in looks.items()}
    fitted = results.memory_fit["b_mib_per_example"].notna().any()
    fit = [Line2D([], [], color=INK, label="fit a + b·B", **FIT)] if fitted else []
    panels.legend(figure, [*panels.framework_keys(points, cells), *fit, *failures.keys(failed)])
    return figure


def _over_arms(cells: pd.DataFrame) -> pd.DataFrame:
    """Mean, least and most over the arms, per case."""
    memory = cells.groupby(CASE, sort=False)["peak_memory_mib"].agg(value="mean", lo="min", hi="max")
    return memory.reset_index().merge(once(cells)[[*CASE, "identity"]], on=CASE)


def _fit(ax: Axes, fits: pd.DataFrame, *, sizes: list[int], look: Look) -> None:
    batch = np.geomspace(sizes[0], sizes[-1], 200)
    for fit in fits.dropna(subset=["a_mib", "b_mib_per_example"]).itertuples():
        memory = fit.a_mib + fit.b_mib_per_example * batch
        ax.plot(batch, np.where(memory > 0, memory, np.nan), color=look.color, **FIT)
