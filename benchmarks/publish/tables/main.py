"""The main tables: per (dataset, model, arm) a row per batch size, the frameworks side by side."""

import math

import pandas as pd

from benchmarks.analysis.intervals import Estimate
from benchmarks.publish import comparison, wording
from benchmarks.publish.results import Results, of_workload
from benchmarks.publish.table import Column, Entry, Table

GROUPS = {
    "throughput_samples_per_s": "Throughput (examples/s)",
    "peak_memory_mib": "Peak memory (MiB)",
    "epochs_to_target": "Epochs to target",
    "time_to_target_s": "Time to target (s)",
    "test_accuracy": "Test accuracy (%)",
}
KEPT = ["status", "n_runs", "n_reached", *GROUPS, "test_accuracy_sd", "identity"]


def tables(results: Results) -> list[Table]:
    """One table for each (dataset, model, arm)."""
    return [
        _table(results, workload=workload, arm=arm)
        for workload in results.workloads
        for arm in of_workload(results.summary, workload)["arm"].unique()
    ]


def _table(results: Results, *, workload: tuple[str, str], arm: str) -> Table:
    cells = of_workload(results.summary, workload)
    cells = cells[cells["arm"] == arm]
    timed = of_workload(results.throughput, workload)
    timed = timed[timed["execution"] == "fused"]
    lines = [
        _Line(size, rows.set_index("framework"), timed[timed["batch_size"] == size], results.frameworks)
        for size, rows in cells.groupby("batch_size")
    ]
    return Table(
        name=f"main-{workload[0]}-{workload[1]}-{arm}",
        title=f"{wording.workload(workload)}, arm {arm}",
        caption=_caption(results, workload=workload, cells=cells),
        columns=_columns(results.frameworks),
        rows=[line.entries() for line in lines],
        data=pd.DataFrame([_identify(workload, arm) | line.data() for line in lines]),
    )


def _identify(workload: tuple[str, str], arm: str) -> dict[str, str]:
    return {"dataset": workload[0], "model": workload[1], "arm": arm}


def _columns(frameworks: list[str]) -> list[Column]:
    """Batch size; each group with a column per framework; the ratios after the throughput."""
    columns = [Column("Batch size")]
    for quantity, group in GROUPS.items():
        columns += [Column(wording.name(framework), group) for framework in frameworks]
        if quantity == "throughput_samples_per_s":
            columns += [Column(_ratio_head(frameworks[0], other), group) for other in frameworks[1:]]
    return columns


def _ratio_head(first: str, other: str) -> str:
    return f"{wording.name(other)} / {wording.name(first)}"


class _Line:
    """One batch size: the cells [framework] and the fused throughput of each process."""

    def __init__(self, size: int, cells: pd.DataFrame, timed: pd.DataFrame, frameworks: list[str]) -> None:
        self.size = size
        self.cells = cells
        self.failures = timed[timed["status"] != "measured"].set_index("framework")["status"].to_dict()
        self.processes = comparison.by_process(timed, of="framework")
        self.frameworks = frameworks
        self.certified = bool((cells["identity"] == "certified").all())

    def ratios(self) -> dict[str, Estimate]:
        """The throughput of every other framework over that of the first."""
        first, *others = self.frameworks
        return {other: comparison.ratio(self.processes, other, first) for other in others}

    def best(self, quantity: str) -> str | None:
        """The framework in bold; none where the cells are not certified to compute the same."""
        if not self.certified:
            return None
        if quantity == "throughput_samples_per_s":
            return comparison.fastest(self.processes)
        if quantity == "test_accuracy":
            return comparison.most_accurate(self.cells)
        return None if quantity == "peak_memory_mib" else comparison.soonest(self.cells, quantity)

    def entries(self) -> list[Entry]:
        """The line as it is read."""
        entries = [Entry(wording.whole(self.size))]
        for quantity in GROUPS:
            best = self.best(quantity)
            entries += [Entry(self._text(f, quantity), bold=f == best) for f in self.frameworks]
            if quantity == "throughput_samples_per_s":
                entries += [Entry(wording.interval(*ratio)) for ratio in self.ratios().values()]
        return entries

    def _text(self, framework: str, quantity: str) -> str:
        if framework not in self.cells.index:
            return wording.NOTHING
        cell = self.cells.loc[framework]
        if math.isnan(cell[quantity]):
            return self._why_empty(cell, quantity)
        if quantity == "test_accuracy":
            return _accuracy(cell)
        mark = wording.NOT_CERTIFIED if cell["identity"] != "certified" else ""
        missed = f" ({cell['n_reached']:.0f}/{cell['n_runs']:.0f})" if _partly(cell, quantity) else ""
        return wording.number(cell[quantity]) + missed + (mark if "throughput" in quantity else "")

    def _why_empty(self, cell: pd.Series, quantity: str) -> str:
        """The status that left a quantity without a value."""
        if quantity == "throughput_samples_per_s":
            return self.failures.get(cell.name, wording.NOTHING)
        return wording.NOTHING if cell["status"] in ("untrained", "reached") else cell["status"]

    def data(self) -> dict[str, object]:
        """The line in full precision, a column per framework and quantity."""
        row: dict[str, object] = {"batch_size": self.size}
        for framework, cell in self.cells.iterrows():
            row |= {f"{framework}_{quantity}": cell[quantity] for quantity in KEPT}
        for other, ratio in self.ratios().items():
            ends = zip(("", "_lo", "_hi"), ratio, strict=True)
            row |= {f"{other}_over_{self.frameworks[0]}_throughput{end}": value for end, value in ends}
        return row


def _partly(cell: pd.Series, quantity: str) -> bool:
    return quantity.endswith(("to_target", "to_target_s")) and cell["n_reached"] < cell["n_runs"]


def _accuracy(cell: pd.Series) -> str:
    mean = wording.percent(cell["test_accuracy"], decimals=2)
    if math.isnan(cell["test_accuracy_sd"]):
        return mean
    return f"{mean} ± {wording.percent(cell['test_accuracy_sd'], decimals=2)}"


def _caption(results: Results, *, workload: tuple[str, str], cells: pd.DataFrame) -> str:
    sentences = ["Throughput: fused execution; its ratio with the 95 % interval, paired over processes."]
    goals = of_workload(results.goals, workload)
    if len(goals) and not (cells["status"] == "untrained").all():
        goal = goals.iloc[0]
        sentences.append(
            f"Target: validation accuracy {wording.percent(goal['validation_accuracy'])} % "
            f"within {goal['epochs']:g} epochs and {goal['seconds']:g} s of training. "
            "Epochs and time are medians over runs; (k/n) tells that k of n runs reached the target. "
            "Accuracy is mean ± standard deviation over runs. A word in place of a value is the status "
            "of the median run."
        )
    if len(results.frameworks) > 1:
        sentences.append(
            "Bold: the best of the row where the measurements resolve it (throughput: interval of the ratio "
            "excludes 1; epochs and time: intervals do not overlap; accuracy: Welch’s t test at 5 %); peak "
            "memory is measured once and never bold."
        )
    if (cells["identity"] != "certified").any():
        sentences.append(f"{wording.NOT_CERTIFIED} not certified to compute the same numbers: never bold.")
    return " ".join(sentences)
