"""The tables of a comparison: a row per batch size and framework, the machines side by side."""

import re

import pandas as pd

from benchmarks.compare import fastest, quantities
from benchmarks.compare.schema import TRAINING
from benchmarks.publish import marks, wording
from benchmarks.publish.table import Column, Entry, Table

CASES = {
    "throughput": ("throughput_samples_per_s", "Throughput (examples/s)"),
    "peak-memory": ("peak_memory_mib", "Peak memory (MiB)"),
}
TIMES = ["time_to_target_s", "time_to_target_predicted_s", "error"]
TIME_HEADS = ["measured (s)", "predicted (s)", "error (%)"]
DATA = ["machine", "framework", "batch_size", "status"]


def build(cells: pd.DataFrame) -> list[Table]:
    """The fastest sizes; throughput and memory per (dataset, model), time to target per training."""
    tables = []
    for name, (_, heading) in CASES.items():
        values, failed = getattr(quantities, name.replace("-", "_"))(cells)
        tables += [
            _case_table(name, heading, group, failed[failed["panel"] == panel])
            for panel, group in values.groupby("panel")
            if group["value"].notna().any()
        ]
    titles = quantities.training_titles(cells)
    return (
        fastest.tables(cells)
        + tables
        + [
            _time_table(titles[training], group)
            for training, group in cells.groupby(TRAINING)
            if group["time_to_target_predicted_s"].notna().any()
        ]
    )


def _case_table(name: str, heading: str, values: pd.DataFrame, failed: pd.DataFrame) -> Table:
    """One quantity of one (dataset, model): a column per machine."""
    why = failed.drop_duplicates(["machine", "framework", "batch_size"])
    why = why.set_index(["machine", "framework", "batch_size"])["status"].to_dict()
    entries = {
        key: [
            wording.number(value) + marks.disturbed(reason)
            if pd.notna(value)
            else why.get(key, wording.NOTHING)
        ]
        for *key, value, reason in values[[*DATA[:3], "value", "disturbed"]].itertuples(
            index=False, name=None
        )
        for key in [tuple(key)]
    }
    panel = values["panel"].iloc[0]
    data = values[[*DATA[:3], "value", "lo", "hi"]].rename(columns={"value": CASES[name][0]})
    return _wide(f"{name}-{_slug(panel)}", f"{panel}: {heading}", entries, data=data, heads=[])


def _time_table(title: str, cells: pd.DataFrame) -> Table:
    """Time to target of one training: measured, predicted and error per machine."""
    entries = {}
    for cell in cells.itertuples():
        reached = cell.status in ("reached", "untrained")
        time = wording.number(cell.time_to_target_s) + marks.disturbed(cell.disturbed)
        measured = time if reached else cell.status
        texts = [measured, wording.number(cell.time_to_target_predicted_s), wording.percent(cell.error)]
        entries[cell.machine, cell.framework, cell.batch_size] = texts
    data = cells[[*DATA, *TIMES, "examples_from"]]
    name = f"time-to-target-{_slug(title)}"
    return _wide(name, f"{title}: time to target", entries, data=data, heads=TIME_HEADS)


def _wide(name: str, title: str, entries: dict, *, data: pd.DataFrame, heads: list[str]) -> Table:
    """Rows (batch size, framework); per machine one column, or one for each of `heads`.

    `entries` holds the texts by (machine, framework, batch size).
    """
    machines = sorted(data["machine"].unique())
    places = data[["batch_size", "framework"]].drop_duplicates().sort_values(["batch_size", "framework"])
    columns = [Column(head, machine) for machine in machines for head in heads]
    nothing = [wording.NOTHING] * max(1, len(heads))
    rows = [
        [
            *(Entry(wording.whole(size)), Entry(wording.name(framework))),
            *(Entry(t) for machine in machines for t in entries.get((machine, framework, size), nothing)),
        ]
        for size, framework in places.itertuples(index=False, name=None)
    ]
    first = [Column("Batch size"), Column("Framework", words=True)]
    return Table(
        name=name,
        title=title,
        caption=f"{CAPTION if heads else NO_VALUE} {marks.DISTURBED_NOTE}",
        columns=[*first, *(columns or [Column(machine) for machine in machines])],
        rows=rows,
        data=data,
    )


NO_VALUE = "A word in place of a value tells why there is none."
CAPTION = (
    "Predicted: examples to target of the other machines (median; the machine’s own where no other reached "
    "the target) over the throughput of this one. Error: predicted over measured, less 1. A word in place of "
    "a measured time is the status of the median run."
)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
