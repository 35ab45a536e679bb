"""The law of the critical batch size, fitted to the reference convergence points of MLPerf Training.

Each point of `mlperf.csv` is the mean over 5 to 100 seeded runs of a reference implementation, with
hyperparameters that the benchmark's owners tuned for that batch size. Source: mlcommons/logging on GitHub,
mlperf_logging/rcp_checker/training_ROUND/rcps_BENCHMARK.json at commit 7bbf792, for 3D U-Net c27d838.
"""

from pathlib import Path

import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.table import Column, Entry, Table
from benchmarks.summary import critical_batch

POINTS = Path(__file__).with_suffix(".csv")
COLUMNS = [
    Column("Training", words=True),
    Column("Rounds", words=True),
    Column("Batch sizes"),
    Column("Points"),
    Column("E_min [95 % interval]"),
    Column("in", words=True),
    Column("B_crit [95 % interval]"),
    Column("R²"),
]
NO_RISE = "none: no rise with B"


def table() -> Table:
    """A row for each benchmark, in the order of the file."""
    points = pd.read_csv(POINTS, dtype={"rounds": str})
    groups = points.groupby("benchmark", sort=False)
    rows = [_line(str(name), group) for name, group in groups]
    return Table(
        name="mlperf",
        title="The critical batch size of MLPerf's reference trainings",
        caption="E = E_min (1 + B / B_crit) through the mean examples to the target.",
        columns=COLUMNS,
        rows=[[Entry(text) for text in row] for row in rows],
        data=points,
    )


def _line(name: str, points: pd.DataFrame) -> list[str]:
    sizes = points["batch_size"]
    found = critical_batch.fit(sizes, points["to_target"])
    span = f"{wording.whole(sizes.min())} to {wording.whole(sizes.max())}"
    told = [name, points["rounds"].iloc[0], span, wording.whole(len(points))]
    unit = points["unit"].iloc[0]
    if found is None or not found.holds:
        return [*told, wording.NOTHING, unit, NO_RISE, wording.NOTHING]
    law = [wording.interval(*found.e_min), unit, wording.interval(*found.b_crit)]
    return [*told, *law, f"{found.r_squared:.3f}"]
