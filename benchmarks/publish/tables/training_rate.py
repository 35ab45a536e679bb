"""Whether what is timed is what trains: the speed of the trainings over the timed throughput."""

import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table
from benchmarks.summary.statistics import geometric_mean

BAR = 0.05
"""How far from 1 the ratio may lie on a quiet machine."""
RATIO = "training_over_throughput"
COLUMNS = [
    Column("Workload", words=True),
    Column("Framework", words=True),
    Column("Cells"),
    Column("Ratio [95 % interval]"),
    Column("Least"),
    Column("Most"),
    Column(f"Within {BAR:.0%}", words=True),
]


def tables(results: Results) -> list[Table]:
    """One table: a row per (dataset, model, framework) with cells that were both timed and trained."""
    data = rates(results.summary)
    if data.empty:
        return []
    return [
        Table(
            name="training-rate",
            title="Speed in training over timed throughput",
            caption="Examples per second of the runs to the target over the throughput that was timed: the "
            "geometric mean over cells, with the interval of Student's t, and the extremes. 1 means that "
            f"what is timed is what trains. Within {BAR:.0%}: yes where the whole interval is, no where none "
            "of it is. Disturbed cells are left out.",
            columns=COLUMNS,
            rows=[_line(row) for _, row in data.iterrows()],
            data=data,
        )
    ]


def rates(summary: pd.DataFrame) -> pd.DataFrame:
    """The ratio over the undisturbed cells of each (dataset, model, framework)."""
    known = summary[(summary["disturbed"] == "") & summary[RATIO].notna()]
    rows = []
    for key, cells in known.groupby(["dataset", "model", "framework"], sort=False):
        ratio, least, most = (geometric_mean(cells[RATIO]), cells[RATIO].min(), cells[RATIO].max())
        names = dict(zip(("dataset", "model", "framework"), key, strict=True))
        ends = {"ratio": ratio.value, "ratio_lo": ratio.lo, "ratio_hi": ratio.hi}
        rows.append({**names, "n": len(cells), **ends, "least": least, "most": most})
    return pd.DataFrame(rows)


def _line(row: pd.Series) -> list[Entry]:
    texts = [
        wording.workload((row["dataset"], row["model"])),
        wording.name(row["framework"]),
        wording.whole(row["n"]),
        wording.interval(row["ratio"], row["ratio_lo"], row["ratio_hi"]),
        wording.number(row["least"]),
        wording.number(row["most"]),
        _within(row),
    ]
    return [Entry(text) for text in texts]


def _within(row: pd.Series) -> str:
    """Whether the interval lies within the bar, outside of it, or on both sides of an end of it."""
    lowest, highest = 1 - BAR, 1 + BAR
    if lowest <= row["ratio_lo"] and row["ratio_hi"] <= highest:
        return "yes"
    outside = row["ratio_hi"] < lowest or row["ratio_lo"] > highest
    return "no" if outside else "not resolved"
