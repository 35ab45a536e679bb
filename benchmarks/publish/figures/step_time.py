"""Time of one training step against batch size, in both executions."""

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.publish import axes, failures, panels, series, style, wording
from benchmarks.publish.figures.throughput import LINES, keys, once
from benchmarks.publish.results import CASE, Results, of_workload

TITLE = "Step time"


def applies(results: Results) -> bool:
    """Whether any step was timed."""
    return bool(results.throughput["step_p50_ms"].notna().any())


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Time of one training step against batch size, both axes logarithmic: median, with a bar up to the "
        "95th percentile (medians over processes). Where the curve is flat, a step costs the same whatever "
        "its size, and a larger batch is free. Fused: solid, filled; idiomatic: dashed, open."
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model)."""
    looks = style.looks(results.frameworks)
    failed = failures.of_throughput(results.throughput)
    steps = _steps(results)
    figure, places = panels.by_workload(results)
    for workload, ax in places:
        sizes = panels.sizes_of(results, workload)
        axes.batch_sizes(ax, sizes)
        ax.set(yscale="log", ylabel="Step time (ms)")
        for rank, (framework, look) in enumerate(looks.items()):
            for execution, line in LINES.items():
                own = of_workload(steps, workload)
                own = own[(own["framework"] == framework) & (own["execution"] == execution)]
                lined = look._replace(line=line)
                series.draw(ax, own, sizes=sizes, look=lined, rank=rank, hollow=execution == "idiomatic")
        axes.logarithmic(ax.yaxis)
        here = of_workload(failed, workload)
        panels.finish(ax, wording.workload(workload), here, looks=looks, with_strip=not failed.empty)
    panels.legend(figure, keys(looks, results.summary) + failures.keys(failed))
    return figure


def _steps(results: Results) -> pd.DataFrame:
    """Medians over processes, per case and execution, with the identity of the case."""
    measured = results.throughput[results.throughput["status"] == "measured"]
    steps = measured.groupby([*CASE, "execution"], sort=False)[["step_p50_ms", "step_p95_ms"]].median()
    steps = steps.reset_index().merge(once(results.summary)[[*CASE, "identity"]], on=CASE)
    return steps.assign(value=steps["step_p50_ms"], lo=steps["step_p50_ms"], hi=steps["step_p95_ms"])
