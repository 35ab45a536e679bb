"""Which batch sizes fit into memory, by trial."""

import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table

COLUMNS = [
    Column("Workload", words=True),
    Column("Framework", words=True),
    Column("Precision", words=True),
    Column("Step kind", words=True),
    Column("Batch size"),
    Column("Peak memory (MiB)"),
    Column("Limit (MiB)"),
    Column("Fits", words=True),
]


def tables(results: Results) -> list[Table]:
    """One table: a row for each trial; none for a study that names its batch sizes."""
    if results.batch_sizes.empty:
        return []
    return [
        Table(
            name="batch-sizes",
            title="Which batch sizes fit into memory",
            caption="Each trial starts a run in a process of its own: it compiles, takes four steps and "
            "evaluates. A batch size fits if that leaves a fifth of the memory free, of which each of the "
            "processes that certify at once has its share; and it must fit in every framework, and in "
            "float64, in which certificates are made. The largest was tried first. What is smaller than one "
            "that fits was not tried.",
            columns=COLUMNS,
            rows=[[Entry(text) for text in _line(row)] for _, row in results.batch_sizes.iterrows()],
            data=results.batch_sizes,
        )
    ]


def _line(row: pd.Series) -> list[str]:
    return [
        wording.workload((row["dataset"], row["model"])),
        wording.name(row["framework"]),
        row["precision"],
        row["step_kind"],
        *(wording.whole(row[name]) for name in ("batch_size", "peak_memory_mib", "limit_mib")),
        "yes" if row["fits"] else f"no: {row['reason']}",
    ]
