"""The times behind throughput: steps, compilation, the first step, the input pipeline."""

import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table, timed_columns, timed_texts
from benchmarks.summary.schema.names import CASE
from benchmarks.summary.statistics import distinct, geometric_mean

COLUMNS = [
    Column("Batch size"),
    Column("Framework", words=True),
    Column("Examples/s [95 % interval]"),
    Column("Step (ms)"),
    Column("Examples/s", "In training"),
    Column("/ timed", "In training"),
    Column("Share of the peak (%)"),
    Column("Compile", "Start (s)"),
    Column("First step", "Start (s)"),
    Column("Fused", "Input share (%)"),
    Column("Idiomatic", "Input share (%)"),
]
SPEED = [f"throughput_samples_per_s{end}" for end in ("", "_lo", "_hi")]
TIMES = ["step_ms", "training_samples_per_s", "training_over_throughput"]
START = ["compile_s", "first_step_s"]
TRAINED = ["training_samples_per_s", "training_over_throughput"]
PEAK = ["flops_per_example", "peak_share"]
SHARES = ["input_share", "input_share_idiomatic"]


def tables(results: Results) -> list[Table]:
    """One table: a row per (dataset, model, step kind, batch size, framework)."""
    # Throughput is measured once for all arms of a step kind, so that the row of any of them will do.
    cases = results.summary.drop_duplicates(CASE)[[*CASE, *SPEED, *TIMES, *PEAK, *START, *SHARES]].set_index(
        CASE
    )
    cases[TRAINED] = distinct(results.summary).groupby(CASE)[TRAINED].agg(_mean)
    data = cases.loc[results.cases].reset_index()
    several = results.several_step_kinds
    return [
        Table(
            name="throughput",
            title="Step times of the fused execution",
            caption="Step: the median over timed rounds of the mean time of a step. In training: examples "
            "over seconds of the runs to the target, the geometric mean over arms, and that over the timed "
            "throughput. Share of the peak: floating-point operations of the step in a second over those of "
            "the fastest matrix product that the same process could do (table *Limits of the machine*); only "
            "matrix products and convolutions count. Compile and first step come before the timed rounds and "
            "are not part of the throughput. Input share: time of the input pipeline alone over the time of "
            "the full step.",
            columns=[*timed_columns(several=several), *COLUMNS],
            rows=[_line(cell, _failure(results, cell), several=several) for _, cell in data.iterrows()],
            data=data,
        )
    ]


def _mean(values: pd.Series) -> float:
    """The geometric mean of those that there are."""
    return geometric_mean(values.dropna()).value


def _failure(results: Results, cell: pd.Series) -> str:
    """The status of a throughput measurement that gave no value."""
    rows = results.throughput[results.throughput["execution"] == "fused"]
    for column in CASE:
        rows = rows[rows[column] == cell[column]]
    failures = rows.loc[rows["status"] != "measured", "status"]
    return failures.iloc[0] if len(failures) else wording.NOTHING


def _line(cell: pd.Series, failure: str, *, several: bool) -> list[Entry]:
    speed = failure if pd.isna(cell[SPEED[0]]) else wording.interval(*cell[SPEED])
    texts = [
        *timed_texts(cell, several=several),
        wording.whole(cell["batch_size"]),
        wording.name(cell["framework"]),
        speed,
        *(wording.number(cell[column]) for column in TIMES),
        wording.percent(cell["peak_share"]),
        *(wording.number(cell[column]) for column in START),
        *(wording.percent(cell[column]) for column in SHARES),
    ]
    return [Entry(text) for text in texts]
