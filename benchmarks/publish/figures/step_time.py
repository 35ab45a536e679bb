"""Time of one training step against batch size, in both executions."""

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.publish import marks
from benchmarks.publish.drawing import timings
from benchmarks.publish.results import Results
from benchmarks.summary.schema.names import CASE

TITLE = "Step time"


def applies(results: Results) -> bool:
    """Whether any step was timed."""
    return bool(results.throughput["step_ms"].notna().any())


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Time of one training step against batch size, both axes logarithmic: the median, over timed rounds, "
        "of the mean time of a step; of that the median over processes, with a bar for their range. Where "
        "the curve is flat, a step costs the same whatever its size, and a larger batch is free. Fused: "
        f"solid, filled; idiomatic: dashed, open. {timings.MARKED}{timings.caption(results)}"
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model, step kind), of many frameworks one for each execution."""
    return timings.draw(results, _steps(results), label="Step time (ms)", held=False)


def _steps(results: Results) -> pd.DataFrame:
    """Median and range over processes, per case and execution, with the identity of the case."""
    measured = results.throughput[results.throughput["status"] == "measured"]
    steps = measured.groupby([*CASE, "execution"], sort=False)["step_ms"].agg(
        value="median", lo="min", hi="max"
    )
    return steps.reset_index().merge(
        marks.gravest_of_case(results.summary, CASE)[[*CASE, "identity"]], on=CASE
    )
