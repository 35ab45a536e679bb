"""The cells of one batch size in a main table: the frameworks side by side, or one below another."""

import math

import pandas as pd

from benchmarks.publish import budget, comparison, verdict, wording
from benchmarks.publish.table import Entry
from benchmarks.summary.statistics import Estimate, by_process, ratio

THROUGHPUT = "throughput_samples_per_s"
MEMORY = "peak_memory_mib"
EPOCHS = "epochs_to_target"
TIME = "time_to_target_s"
ACCURACY = "test_accuracy"
QUANTITIES = (THROUGHPUT, MEMORY, EPOCHS, TIME, ACCURACY)
KEPT = ("status", "n_runs", "n_reached", *QUANTITIES, "test_accuracy_sd", "epochs_trained", "identity")
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
        """The framework in bold: none where cells are not certified to compute the same numbers."""
        if quantity == MEMORY or not (self.cells["identity"] == verdict.CERTIFIED).all():
            return None
        if quantity == THROUGHPUT:
            return comparison.fastest(self.processes)
        if quantity == ACCURACY:
            return comparison.most_accurate(self.cells)
        return comparison.soonest(self.cells, quantity)

    def entries(self, quantities: list[str]) -> list[Entry]:
        """The row as it is read, the frameworks side by side."""
        entries = [Entry(wording.whole(self.size))]
        for quantity in quantities:
            best = self.best(quantity)
            entries += [Entry(self._text(name, quantity), bold=name == best) for name in self.frameworks]
            if quantity == THROUGHPUT:
                entries += [Entry(wording.interval(*ratio)) for ratio in self.ratios().values()]
        return entries

    def lines(self, quantities: list[str]) -> list[list[Entry]]:
        """The same with a line for each framework; the ratio is that to the first one."""
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
            return _accuracy(cell) + (budget.MARK if cell["ended_early"] else "")
        text = wording.number(cell[quantity])
        if quantity == THROUGHPUT:
            return text + verdict.mark(cell["identity"])
        censored = quantity in (EPOCHS, TIME) and cell["n_reached"] < cell["n_runs"]
        return f"{text} ({cell['n_reached']:.0f}/{cell['n_runs']:.0f})" if censored else text

    def _why_empty(self, cell: pd.Series, quantity: str) -> str:
        """The status that left a quantity without a value."""
        if quantity == THROUGHPUT:
            return self.failures.get(cell.name, wording.NOTHING)
        return wording.NOTHING if cell["status"] in ("untrained", "reached") else cell["status"]

    def data(self) -> dict[str, object]:
        """The row in full precision, a column per framework and quantity."""
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
