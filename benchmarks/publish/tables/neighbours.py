"""Whether a batch size is faster than those just below and above it, as powers of two are said to be."""

import numpy as np
import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table, timed_columns, timed_texts
from benchmarks.summary.statistics import by_process, paired_ratio

FASTER = 1.05
"""The ratio from which on a batch size counts as faster."""
CASE = ["dataset", "model", "step_kind", "framework", "execution"]
COLUMNS = [
    Column("Framework", words=True),
    Column("Loop", words=True),
    Column("Batch size"),
    Column("Over B − 1 and B + 1 [95 % interval]"),
    Column("Processes"),
    Column(f"Faster by {FASTER - 1:.0%}", words=True),
]


def tables(results: Results) -> list[Table]:
    """One table: a row for each case whose batch size has both neighbours; none where no size has."""
    quiet = results.throughput[results.throughput["disturbed"].fillna("") == ""]
    groups = quiet.groupby(CASE, sort=False)
    data = pd.DataFrame(
        [row for key, timings in groups for row in _rows(key, by_process(timings, of="batch_size"))]
    )
    if data.empty:
        return []
    return [
        Table(
            name="neighbours",
            title="A batch size beside its neighbours",
            caption="Examples per second over the geometric mean of those at one example less and one more, "
            "process by process: the geometric mean over processes with the interval of Student's t. Timings "
            "that were disturbed are left out. "
            f"Faster by {FASTER - 1:.0%}: yes where the whole interval lies above {FASTER}, no where it lies "
            "below.",
            columns=[*timed_columns(several=results.several_step_kinds), *COLUMNS],
            rows=[_line(row, several=results.several_step_kinds) for _, row in data.iterrows()],
            data=data,
        )
    ]


def _rows(key: tuple[str, ...], speeds: pd.DataFrame) -> list[dict]:
    """`speeds` has a row per process and a column per batch size."""
    within = [size for size in speeds if {size - 1, size + 1} <= {*speeds}]
    return [{**dict(zip(CASE, key, strict=True)), **_beside(speeds, size)} for size in within]


def _beside(speeds: pd.DataFrame, size: int) -> dict:
    each = speeds[[size - 1, size, size + 1]].dropna()
    found = paired_ratio(each[size].to_numpy(), np.sqrt(each[size - 1] * each[size + 1]).to_numpy())
    ends = {"ratio": found.value, "ratio_lo": found.lo, "ratio_hi": found.hi}
    return {"batch_size": size, **ends, "processes": len(each)}


def _line(row: pd.Series, *, several: bool) -> list[Entry]:
    texts = [
        *timed_texts(row, several=several),
        wording.name(row["framework"]),
        row["execution"],
        wording.whole(row["batch_size"]),
        wording.interval(row["ratio"], row["ratio_lo"], row["ratio_hi"]),
        wording.whole(row["processes"]),
        _faster(row["ratio_lo"], row["ratio_hi"]),
    ]
    return [Entry(text) for text in texts]


def _faster(lo: float, hi: float) -> str:
    if lo > FASTER:
        return "yes"
    return "no" if hi < FASTER else "not resolved"
