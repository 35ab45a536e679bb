"""How peak memory grows with the batch size, and the largest batch that would fit by that growth."""

import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table, timed_columns, timed_texts
from benchmarks.summary.statistics import LINEAR

COLUMNS = [
    Column("Framework", words=True),
    Column("a (MiB)"),
    Column("b (MiB per example)"),
    Column("Largest residual (%)"),
    Column("Points"),
    Column("Capacity (MiB)"),
    Column("Largest batch (extrapolated)"),
]


def tables(results: Results) -> list[Table]:
    """One table: a row per (dataset, model, step kind, framework)."""
    if results.memory_fit.empty:
        return []
    several = results.several_step_kinds
    rows = [_line(fit, several=several) for _, fit in results.memory_fit.iterrows()]
    return [
        Table(
            name="memory",
            title="Peak memory as a function of batch size",
            caption="Least-squares fit of M = a + b·B to the measured peaks of all arms"
            f"{' of one step kind' if several else ''}. Largest residual: "
            "relative to the fitted peak. Largest batch: the B for which a + b·B would be the capacity of "
            "the device, in two digits; it may lie far beyond the points that the line goes through. None is "
            f"given where a point lies more than {LINEAR:.0%} from the line. On a "
            "CPU a + b·B is what training adds: what the process holds before it (libraries and data), and "
            "what else is in memory, is not taken off the capacity, so that less than this fits.",
            columns=[*timed_columns(several=several), *COLUMNS],
            rows=rows,
            data=results.memory_fit,
        )
    ]


def _line(fit: pd.Series, *, several: bool) -> list[Entry]:
    texts = [
        *timed_texts(fit, several=several),
        wording.name(fit["framework"]),
        wording.number(fit["a_mib"]),
        wording.number(fit["b_mib_per_example"]),
        wording.percent(fit["residual_share"]),
        wording.whole(fit["n_points"]),
        wording.whole(fit["capacity_mib"]),
        wording.rough(fit["largest_batch"]),
    ]
    return [Entry(text) for text in texts]
