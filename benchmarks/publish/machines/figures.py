"""The figures of a comparison, by the name of their files."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.publish.machines import panels, quantities


class Drawing(NamedTuple):
    """A figure before it is drawn; `select` gives from all cells the values, and the failures."""

    title: str
    label: str
    caption: str
    select: Callable[[pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]
    needs: list[str]
    """It is drawn where any cell has one of these."""

    def draw(self, cells: pd.DataFrame) -> Figure:
        """The figure."""
        return panels.draw(*self.select(cells), label=self.label)


DRAWINGS = {
    "throughput": Drawing(
        "Training throughput",
        "Throughput (examples/s)",
        "Examples per second of training against batch size in the fused execution, both axes logarithmic. "
        "Bars: 95 % intervals over independent processes; the axis ends a factor of 10 beyond the values, "
        "where a bar may not. Marks above a panel: cases that were not timed.",
        quantities.throughput,
        ["throughput_samples_per_s"],
    ),
    "peak-memory": Drawing(
        "Peak memory",
        "Peak memory (MiB)",
        "Peak memory of training against batch size: on a GPU the framework’s own peak, on a CPU the peak "
        "above the baseline after import and data, so that machines of the two kinds differ in what is "
        "counted. Mean over arms, bars from the least to the most. Marks above a panel: cells without a "
        "measured peak. A machine on which nothing was trained has no points.",
        quantities.peak_memory,
        ["peak_memory_mib"],
    ),
    "time-to-target": Drawing(
        "Time to target",
        "Time to target (s)",
        "Seconds of training until the validation goal named in the title is first reached. Filled, joined: "
        "measured, median over runs with its bootstrap interval"
        ", of three runs their range (an arrow where it has no upper end). "
        "Open: predicted, as the examples to target of the other machines over the throughput of this one. "
        "Marks above a panel: cells whose median run did not reach the goal, and why.",
        quantities.time_to_target,
        ["time_to_target_s", "time_to_target_predicted_s"],
    ),
}


def applicable(cells: pd.DataFrame) -> dict[str, Drawing]:
    """The figures that these cells can fill."""
    return {
        name: drawing for name, drawing in DRAWINGS.items() if cells[drawing.needs].notna().any(axis=None)
    }
