"""Training throughput against batch size, in both executions."""

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.publish import marks
from benchmarks.publish.drawing import timings
from benchmarks.publish.results import Results
from benchmarks.summary.schema.names import CASE

TITLE = "Training throughput"
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
        f"a factor of 10 beyond the values. {timings.MARKED}{timings.caption(results)}"
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model, step kind), of many frameworks one for each execution."""
    return timings.draw(results, _speeds(results), label="Throughput (examples/s)", held=True)


def _speeds(results: Results) -> pd.DataFrame:
    """Throughput with its interval, per case and execution, with the identity of the case."""
    cases = marks.gravest_of_case(results.summary, CASE)
    return pd.concat(
        cases.assign(
            execution=execution,
            value=cases[column],
            lo=cases[f"{column}_lo"],
            hi=cases[f"{column}_hi"],
        )
        for execution, column in COLUMNS.items()
    )
