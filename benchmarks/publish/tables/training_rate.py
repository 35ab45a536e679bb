"""Whether what is timed is what trains: the speed of the trainings over that of their calls alone."""

import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table
from benchmarks.summary.schema.names import CASE
from benchmarks.summary.statistics import geometric_mean

BAR = 0.05
"""How far from 1 the ratio may lie on a quiet machine."""
RATIOS = {"calls": "Over the same calls, beside the run", "throughput": "Over throughput, timed apart"}
COLUMNS = [
    Column("Workload", words=True),
    Column("Framework", words=True),
    Column("Batch sizes"),
    *(
        Column(head, over)
        for over in RATIOS.values()
        for head in ("Ratio [95 % interval]", "Least to most", f"Within {BAR:.0%}")
    ),
]


def tables(results: Results) -> list[Table]:
    """One table: a row per (dataset, model, framework) with cells that were both timed and trained."""
    data = rates(results.trained)
    if data.empty:
        return []
    return [
        Table(
            name="training-rate",
            title="Speed in training over timed speed",
            caption="Examples per second of the runs to the target: over those of the same calls of the "
            "trainer with nothing in between, timed just before and after each run, and over the "
            "throughput, which other processes timed at another time. The geometric mean over batch sizes, "
            "of each over its arms, with the interval of Student's t, and the extremes. 1 means that what is "
            "timed is what trains. "
            f"Within {BAR:.0%}: yes where the whole interval is, no where none of it is. Cells that were "
            "disturbed, or lack one of the two, are left out. Where the ratio beside the run is 1 and the "
            "other is not, the machine was faster at one time than at the other."
            + _drift(results.provenance),
            columns=COLUMNS,
            rows=[_line(row) for _, row in data.iterrows()],
            data=data,
        )
    ]


def drift(provenance: dict) -> float | None:
    """How many times as long a fixed piece of work took during the trainings as during the timings."""
    probe_ms = provenance.get("probe_ms") or {}
    timed, trained = probe_ms.get("timed"), probe_ms.get("trained")
    return trained / timed if timed and trained else None


def _drift(provenance: dict) -> str:
    ratio = drift(provenance)
    if ratio is None:
        return ""
    return (
        f" A fixed piece of work on one thread took {wording.number(ratio)} times as long during the "
        "trainings as during the timings."
    )


def rates(trained: pd.DataFrame) -> pd.DataFrame:
    """Both ratios over the undisturbed of the trained cells of each (dataset, model, framework).

    The arms of one step kind share a throughput at each batch size, so that only their mean is a value of its
    own.
    """
    columns = [f"training_over_{name}" for name in RATIOS]
    rows = []
    for key, cells in trained.groupby(["dataset", "model", "framework"], sort=False):
        names = dict(zip(("dataset", "model", "framework"), key, strict=True))
        held = cells[cells["disturbed"] == ""].dropna(subset=columns)
        of_cases = held.groupby(CASE, sort=False)[columns].agg(_mean)
        rows.append({**names, "n": len(of_cases), "n_all": cells.groupby(CASE).ngroups, **_spread(of_cases)})
    return pd.DataFrame(rows)


def _mean(ratios: pd.Series) -> float:
    return geometric_mean(ratios).value


def _spread(cells: pd.DataFrame) -> dict[str, float]:
    """For each column its mean with the ends of its interval, and its extremes."""
    spread = {}
    for name, values in cells.items():
        ratio = geometric_mean(values)
        spread |= {name: ratio.value, f"{name}_lo": ratio.lo, f"{name}_hi": ratio.hi}
        spread |= {f"{name}_least": values.min(), f"{name}_most": values.max()}
    return spread


def _line(row: pd.Series) -> list[Entry]:
    texts = [wording.workload((row["dataset"], row["model"])), wording.name(row["framework"])]
    texts.append(f"{row['n']} of {row['n_all']}")
    for name in (f"training_over_{name}" for name in RATIOS):
        lo, hi, least, most = (row[f"{name}_{end}"] for end in ("lo", "hi", "least", "most"))
        known = wording.interval(row[name], lo, hi), f"{wording.number(least)} to {wording.number(most)}"
        texts += [*known, _within(lo, hi)] if row["n"] else [wording.NOTHING] * 3
    return [Entry(text) for text in texts]


def _within(lo: float, hi: float) -> str:
    """Whether an interval lies within the bar, outside of it, or on both sides of an end of it."""
    lowest, highest = 1 - BAR, 1 + BAR
    if lowest <= lo and hi <= highest:
        return "yes"
    return "no" if hi < lowest or lo > highest else "not resolved"
