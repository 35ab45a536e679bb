"""The main tables: per (dataset, model, arm) a row per batch size, or per batch size and framework.

Bold marks the better framework, where the difference is significant.
"""

import math

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.publish import marks, wording
from benchmarks.publish.marks import ROUNDING
from benchmarks.publish.results import Results, of_workload
from benchmarks.publish.table import Column, Entry, Table
from benchmarks.summary.schema.names import BROKEN
from benchmarks.summary.statistics import LEVEL, Estimate, by_process, ratio

THROUGHPUT = "throughput_samples_per_s"
MEMORY = "peak_memory_mib"
EPOCHS = "epochs_to_target"
TIME = "time_to_target_s"
ACCURACY = "test_accuracy"
QUANTITIES = (THROUGHPUT, MEMORY, EPOCHS, TIME, ACCURACY)
KEPT = (
    "status",
    "n_runs",
    "n_reached",
    *QUANTITIES,
    "test_accuracy_sd",
    "epochs_trained",
    "start_s",
    "identity",
    "disturbed",
)
"""What the CSV holds of each framework."""


class Row:
    """The cells [framework] of a batch size, with `ended_early`, and the fused throughput of each process."""

    def __init__(self, size: int, cells: pd.DataFrame, timed: pd.DataFrame, frameworks: list[str]) -> None:
        self.size = size
        self.cells = cells
        self.frameworks = frameworks
        self.failures = timed[timed["status"] != "measured"].set_index("framework")["status"].to_dict()
        self.processes = by_process(timed, of="framework")

    def ratios(self) -> dict[str, Estimate]:
        """The throughput of every other framework over that of the first."""
        first, *others = self.frameworks
        return {other: ratio(self.processes, other, first) for other in others}

    def best(self, quantity: str) -> str | None:
        """The framework in bold; none where a cell is not certified, or disturbed in its speed or time."""
        if quantity == MEMORY or not (self.cells["identity"] == marks.CERTIFIED).all():
            return None
        if quantity in (THROUGHPUT, TIME) and (self.cells["disturbed"] != "").any():
            return None
        if quantity == THROUGHPUT:
            return fastest(self.processes)
        if quantity == ACCURACY:
            return most_accurate(self.cells)
        return soonest(self.cells, quantity)

    def entries(self, quantities: list[str]) -> list[Entry]:
        """The entries of the row with the frameworks side by side."""
        entries = [Entry(wording.whole(self.size))]
        for quantity in quantities:
            best = self.best(quantity)
            entries += [Entry(self._text(name, quantity), bold=name == best) for name in self.frameworks]
            if quantity == THROUGHPUT:
                entries += [Entry(wording.interval(*ratio)) for ratio in self.ratios().values()]
        return entries

    def lines(self, quantities: list[str]) -> list[list[Entry]]:
        """The entries with a line for each framework; the ratio is that to the first framework."""
        best = {quantity: self.best(quantity) for quantity in quantities}
        ratios = {name: wording.interval(*ratio) for name, ratio in self.ratios().items()}
        lines = []
        for name in self.frameworks:
            values = [
                Entry(self._text(name, quantity), bold=name == best[quantity]) for quantity in quantities
            ]
            values.insert(1, Entry(ratios.get(name, "1")))
            lines.append([Entry(wording.whole(self.size)), Entry(wording.name(name)), *values])
        return lines

    def _text(self, framework: str, quantity: str) -> str:
        if framework not in self.cells.index:
            return wording.NOTHING
        cell = self.cells.loc[framework]
        if math.isnan(cell[quantity]):
            return self._why_empty(cell, quantity)
        if quantity == ACCURACY:
            return _accuracy(cell) + (marks.ENDED_EARLY if cell["ended_early"] else "")
        text = wording.number(cell[quantity])
        if quantity == THROUGHPUT:
            return text + marks.mark(cell["identity"]) + marks.disturbed(cell["disturbed"])
        if quantity == TIME:
            text += marks.disturbed(cell["disturbed"])
        censored = quantity in (EPOCHS, TIME) and cell["n_reached"] < cell["n_runs"]
        return f"{text} ({cell['n_reached']:.0f}/{cell['n_runs']:.0f})" if censored else text

    def _why_empty(self, cell: pd.Series, quantity: str) -> str:
        """The status that left a quantity without a value."""
        if quantity == THROUGHPUT:
            return self.failures.get(cell.name, wording.NOTHING)
        if quantity == MEMORY and cell["status"] not in BROKEN:
            return wording.NOTHING
        return wording.NOTHING if cell["status"] in ("untrained", "reached") else cell["status"]

    def data(self) -> dict[str, object]:
        """The row in full precision, with a column per framework and quantity."""
        row: dict[str, object] = {"batch_size": self.size}
        for framework, cell in self.cells.iterrows():
            row |= {f"{framework}_{quantity}": cell[quantity] for quantity in KEPT}
        for other, estimate in self.ratios().items():
            ends = zip(("", "_lo", "_hi"), estimate, strict=True)
            row |= {f"{other}_over_{self.frameworks[0]}_throughput{end}": value for end, value in ends}
        return row


def _accuracy(cell: pd.Series) -> str:
    mean = wording.percent(cell[ACCURACY], decimals=2)
    if math.isnan(cell["test_accuracy_sd"]):
        return mean
    return f"{mean} ± {wording.percent(cell['test_accuracy_sd'], decimals=2)}"


HEADINGS = {
    THROUGHPUT: "Throughput (examples/s)",
    MEMORY: "Peak memory (MiB)",
    EPOCHS: "Epochs to target",
    TIME: "Time to target (s)",
    ACCURACY: "Test accuracy (%)",
}
HEADS = {
    THROUGHPUT: Column("(examples/s)", "Throughput"),
    MEMORY: Column("(MiB)", "Peak memory"),
    EPOCHS: Column("to target", "Epochs"),
    TIME: Column("to target (s)", "Time"),
    ACCURACY: Column("(%)", "Test accuracy"),
}
"""The same over a single column each, on two lines."""
TRAINED = (
    "Epochs and time are medians over runs; (k/n) tells that k of n runs reached the target. Accuracy is "
    "mean ± standard deviation over runs. A word in place of a value is the status of the median run."
)
BOLD = "Bold: the best of the {} where the measurements resolve it ({}). Nothing else is bold."
RESOLVED = "throughput: the interval of the ratio excludes 1"
RESOLVED_TRAINING = (
    "; epochs and time: at least four runs each, whose intervals do not overlap; "
    "accuracy: Welch’s t test at 5 % after equally many epochs"
)


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
    cells = cells.assign(ended_early=marks.ended_early(results, cells, epochs="epochs_trained"))
    quantities = _shown(cells)
    rows = _rows(results, of_workload(results.throughput, workload), cells)
    about = {"dataset": workload[0], "model": workload[1], "arm": arm}
    return Table(
        name=f"main-{workload[0]}-{workload[1]}-{arm}",
        title=f"{wording.workload(workload)}, arm {arm}",
        caption=_caption(results, workload=workload, cells=cells),
        **(_side_by_side(rows, quantities) if results.side_by_side else _one_below_another(rows, quantities)),
        data=pd.DataFrame([about | row.data() for row in rows]),
    )


def _rows(results: Results, timed: pd.DataFrame, cells: pd.DataFrame) -> list[Row]:
    """The batch sizes, ascending; an arm's throughput is that of its step kind."""
    fused = timed[(timed["execution"] == "fused") & timed["step_kind"].isin(cells["step_kind"])]
    return [
        Row(size, rows.set_index("framework"), fused[fused["batch_size"] == size], results.frameworks)
        for size, rows in cells.groupby("batch_size")
    ]


def _shown(cells: pd.DataFrame) -> list[str]:
    """All quantities of cells that were trained; for other cells, only those that were measured."""
    untrained = (cells["status"] == "untrained").all()
    return [name for name in HEADINGS if name == THROUGHPUT or not untrained or cells[name].notna().any()]


def _side_by_side(rows: list[Row], quantities: list[str]) -> dict[str, list]:
    """Batch size; each quantity with a column per framework; the ratios after the throughput."""
    columns, frameworks = [Column("Batch size")], rows[0].frameworks
    for quantity in quantities:
        columns += [Column(wording.name(framework), HEADINGS[quantity]) for framework in frameworks]
        if quantity == THROUGHPUT:
            first, *others = map(wording.name, frameworks)
            columns += [Column(f"{other} / {first}", HEADINGS[quantity]) for other in others]
    return {"columns": columns, "rows": [row.entries(quantities) for row in rows]}


def _one_below_another(rows: list[Row], quantities: list[str]) -> dict[str, list]:
    """Batch size and framework; a column for each quantity, and for the ratio of the throughput."""
    values = [HEADS[quantity] for quantity in quantities]
    values.insert(1, Column(f"/ {wording.name(rows[0].frameworks[0])}", "Throughput"))
    columns = [Column("Batch size"), Column("Framework", words=True), *values]
    return {"columns": columns, "rows": [line for row in rows for line in row.lines(quantities)]}


def _caption(results: Results, *, workload: tuple[str, str], cells: pd.DataFrame) -> str:
    sentences = ["Throughput: fused execution; its ratio with the 95 % interval, paired over processes."]
    targets = of_workload(results.targets, workload)
    trained = bool((cells["status"] != "untrained").any())
    if len(targets) and trained:
        target = targets.iloc[0]
        accuracy = wording.percent(target["validation_accuracy"])
        steps = f" or, if that is more, {target['steps']:,} steps," if target["steps"] else ""
        within = f"within {target['epochs']:g} epochs{steps} and {target['seconds']:g} s of training"
        sentences += [f"Target: validation accuracy {accuracy} % {within}.", TRAINED]
    of = "row" if results.side_by_side else "batch size"
    if len(results.frameworks) > 1:
        sentences.append(BOLD.format(of, RESOLVED + (RESOLVED_TRAINING if trained else "")))
    early = (cells["ended_early"] & cells[ACCURACY].notna()).any()
    return " ".join([*sentences, *([marks.ENDED_EARLY_NOTE] if early else []), *marks.notes(cells)])


FEWEST_RUNS = 4


def fastest(processes: pd.DataFrame) -> str | None:
    """The framework whose throughput ratio to every other one has an interval entirely above 1."""
    names = list(processes.columns)
    for best in names:
        others = [ratio(processes, best, other) for other in names if other != best]
        if others and all(estimate.lo > 1 for estimate in others):
            return best
    return None


def soonest(rows: pd.DataFrame, quantity: str) -> str | None:
    """The framework [index of rows] whose interval of `quantity` lies below every other one's.

    None with fewer than four runs each: the ranges of three runs lie apart by chance in one case of ten.
    """
    if (rows["n_runs"] < FEWEST_RUNS).any():
        return None
    known = rows.dropna(subset=[quantity, f"{quantity}_lo", f"{quantity}_hi"])
    for best in known.index:
        others = known.drop(index=best)
        if len(others) and (others[f"{quantity}_lo"] > known.at[best, f"{quantity}_hi"]).all():
            return best
    return None


def most_accurate(rows: pd.DataFrame) -> str | None:
    """The framework [index of rows] whose test accuracy is above every other one's by Welch's t test.

    None where the frameworks were not trained for the same number of epochs.
    """
    tested = rows.dropna(subset=["test_accuracy"])
    if not np.allclose(tested["epochs_trained"], tested["epochs_trained"].max(), rtol=ROUNDING, atol=0):
        return None
    known = tested.dropna(subset=["test_accuracy_sd"])
    if len(known) < 2:
        return None
    best = known["test_accuracy"].idxmax()
    others = known.drop(index=best)
    resolved = all(_differ(known.loc[best], other) for _, other in others.iterrows())
    return best if resolved else None


def _differ(one: pd.Series, other: pd.Series) -> bool:
    """Whether two means differ significantly by Welch's t test; never where neither has any spread."""
    if min(one["n_runs"], other["n_runs"]) < 2 or not (one["test_accuracy_sd"] or other["test_accuracy_sd"]):
        return False
    samples = [(row["test_accuracy"], row["test_accuracy_sd"], row["n_runs"]) for row in (one, other)]
    test = stats.ttest_ind_from_stats(*samples[0], *samples[1], equal_var=False)
    return bool(math.isfinite(test.pvalue) and test.pvalue < 1 - LEVEL)
