"""How examples, time and memory of an arm go with the batch size, between those that were measured."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.common.value import Value
from benchmarks.publish.results import Results, of_workload

NEAR = 1.1
"""The times of this many times the shortest count as near it."""
DENSE = 400
"""Batch sizes between the smallest and the largest at which a time is predicted."""


class Change(Value):
    """What another batch size costs, as multiples of the chosen one.

    `by_law`: the examples are those of the law that was fitted; otherwise they, like speed and memory, are
    interpolated between the batch sizes measured.
    """

    batch_size: int
    time: float
    examples: float
    memory: float | None
    by_law: bool


def between(cells: pd.DataFrame, column: str, batch_sizes: float | np.ndarray) -> float | np.ndarray:
    """A quantity at any batch sizes: on straight lines between logarithms of those measured, NaN outside."""
    known = cells.dropna(subset=[column]).drop_duplicates("batch_size").sort_values("batch_size")
    if known.empty:
        return np.full(np.shape(batch_sizes), np.nan)[()]
    logs = np.log(known[["batch_size", column]].to_numpy(float)).T
    return np.exp(np.interp(np.log(batch_sizes), *logs, left=np.nan, right=np.nan))


def finite(value: float) -> float | None:
    """The value, or None if it is no finite number."""
    return float(value) if np.isfinite(value) else None


class Course(NamedTuple):
    """How examples, speed and memory of an arm go with the batch size, between the `cells` measured.

    The examples are those of the `law`, where one was fitted. That a target was reached is seen only at an
    evaluation, so that between two batch sizes their count moves in jumps, which the law smooths.
    """

    cells: pd.DataFrame
    law: pd.DataFrame

    @classmethod
    def of(cls, results: Results, cells: pd.DataFrame, best: pd.Series) -> "Course":
        """The course of the arm and framework of the best of these cells."""
        laws = of_workload(results.critical_batch, (best["dataset"], best["model"]))
        law = laws[(laws["framework"] == best["framework"]) & (laws["arm"] == best["arm"])]
        return cls(cells[cells["arm"] == best["arm"]], law)

    def examples(self, sizes: float | np.ndarray) -> float | np.ndarray:
        """Examples to the target at these batch sizes; without a law, NaN outside what was measured."""
        if self.law.empty:
            return between(self.cells, "examples_to_target", sizes)
        return self.law["examples_min"].item() * (1 + sizes / self.law["critical_batch"].item())

    def times(self, sizes: float | np.ndarray) -> float | np.ndarray:
        """Seconds to the target at these batch sizes; NaN outside those that were timed."""
        return self.examples(sizes) / between(self.cells, "throughput_samples_per_s", sizes)

    def change(self, best: int, batch_size: int) -> Change | None:
        """What another batch size costs in place of the best; None where that is not known."""
        if batch_size < 1 or not np.isfinite(self.times(batch_size) / self.times(best)):
            return None
        memory = (between(self.cells, "peak_memory_mib", size) for size in (batch_size, best))
        return Change(
            batch_size=batch_size,
            time=self.times(batch_size) / self.times(best),
            examples=self.examples(batch_size) / self.examples(best),
            memory=finite(np.divide(*memory)),
            by_law=not self.law.empty,
        )

    def near(self) -> dict[str, int | None]:
        """The range of batch sizes whose time by the law is within a tenth of the shortest, if any."""
        sizes = np.geomspace(self.cells["batch_size"].min(), self.cells["batch_size"].max(), DENSE)
        times = self.times(sizes) if len(self.law) else np.full(DENSE, np.nan)
        near = sizes[times <= NEAR * np.min(times, initial=np.inf, where=np.isfinite(times))]
        ends = (round(near.min()), round(near.max())) if len(near) else (None, None)
        return dict(zip(("near_from", "near_to"), ends, strict=True))
