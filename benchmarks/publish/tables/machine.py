"""The limits of the machine in each framework: how fast it multiplies, copies, and starts an operation."""

import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table

COLUMNS = [
    Column("Framework", words=True),
    Column("Precision", words=True),
    Column("Matrix product (GFLOP/s)"),
    Column("Copying (GB/s)"),
    Column("From one operation to the next (µs)"),
]
ENDS = ("median", "lo", "hi")


def tables(results: Results) -> list[Table]:
    """One table: a row per framework and precision; none for results that have no limits."""
    data = pd.DataFrame(
        [row for framework, limits in results.limits.items() for row in _rows(framework, limits)]
    )
    if data.empty:
        return []
    return [
        Table(
            name="machine",
            title="Limits of the machine, in each framework",
            caption="Measured by every timing process when it had timed its cases: the median over "
            "processes, with their range. Matrix product: the fastest of square matrices. Copying: bytes "
            "read and written where an array of 2²⁵ elements is multiplied by a number. From one operation "
            "to the next: on a single element, started from Python.",
            columns=COLUMNS,
            rows=[_line(row) for _, row in data.iterrows()],
            data=data,
        )
    ]


def _rows(framework: str, limits: dict) -> list[dict]:
    return [
        {
            **{"framework": framework, "precision": precision},
            **_of("product_gflops", product),
            **_of("copy_gb_per_s", limits["copy_gb_per_s"]),
            **_of("start_us", limits["start_us"]),
        }
        for precision, product in limits["product_gflops"].items()
    ]


def _of(name: str, spread: dict[str, float]) -> dict[str, float]:
    """The columns of a limit."""
    return {name if end == "median" else f"{name}_{end}": spread[end] for end in ENDS}


def _line(row: pd.Series) -> list[Entry]:
    known = [
        wording.interval(row[name], row[f"{name}_lo"], row[f"{name}_hi"])
        for name in ("product_gflops", "copy_gb_per_s", "start_us")
    ]
    return [Entry(text) for text in (wording.name(row["framework"]), row["precision"], *known)]
