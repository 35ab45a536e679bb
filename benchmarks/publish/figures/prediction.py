"""What the noise scale of one batch size predicts of all others, beside what was measured there."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from benchmarks.frameworks import ANALYSED_WITH
from benchmarks.publish import noise_scale, wording
from benchmarks.publish.claims.tuned import searched_for
from benchmarks.publish.drawing import axes, by_arm, panels, series
from benchmarks.publish.drawing.style import FAINT, INK, Look
from benchmarks.publish.noise_scale import Scale
from benchmarks.publish.results import Results, of_workload

TITLE = "Predicted from one batch size, and measured"
PREDICTED = {"color": FAINT, "linestyle": "--", "linewidth": 1.0}
BAND = {"color": FAINT, "alpha": 0.22, "linewidth": 0}
MEASURED = Look(INK, "o", "")
Law = Callable[[float, np.ndarray, int], np.ndarray]


class Quantity(NamedTuple):
    """What is predicted: its label, and the law that tells every batch size from one."""

    label: str
    law: Law


EXAMPLES = Quantity("Examples to target", noise_scale.examples_over)
RATE = Quantity("Learning rate η", noise_scale.rate_over)


def applies(results: Results) -> bool:
    """Whether a tuned arm of plain SGD or momentum has a noise scale, and several batch sizes."""
    return bool(_places(results))


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Points: examples to the target (median over runs with its interval) and the tuned learning rate, "
        "with the rates that are as good. Dashed: what the gradient noise scale S of the trainings with the "
        "smallest batch size predicts for all others from what that one needed, E ∝ 1 + B / S and "
        "η ∝ 1 / (1 + S / B) (McCandlish et al. 2018), S being the geometric mean on the way to the target; "
        "shaded: with the least and the most S of any seed."
    )


def draw(results: Results) -> Figure:
    """A row for each (dataset, model) and arm: examples to the target, and beside them the rate."""
    places = _places(results)
    figure, rows = panels.grid(len(places), 2)
    for row, (workload, arm) in zip(rows, places, strict=True):
        scale, known = noise_scale.scale(results, workload, arm), _cells(results, workload, arm)
        sizes = sorted({int(size) for cells in known for size in cells["batch_size"]})
        for ax, cells, quantity in zip(row, known, (EXAMPLES, RATE), strict=True):
            axes.batch_sizes(ax, sizes)
            _panel(ax, cells, scale, quantity)
            ax.set_title(panels.wrapped(f"{wording.workload(workload)} · {arm}"))
    panels.legend(
        figure,
        [
            Line2D([], [], color=INK, marker="o", linestyle="", label="measured"),
            Line2D([], [], label="predicted", **PREDICTED),
            Patch(label="by the least and the most S of a seed", **BAND),
        ],
    )
    return figure


def _places(results: Results) -> list[tuple[tuple[str, str], str]]:
    """The (workload, arm) whose noise scale predicts something that was measured.

    The law of the rate is that of plain SGD, with or without momentum.
    """
    found = []
    for workload in results.workloads:
        for arm in noise_scale.of_plain_sgd(results, searched_for(results, "steps")):
            scale = noise_scale.scale(results, workload, arm)
            if scale and all(
                _at(cells, scale) and len(cells) > 1 for cells in _cells(results, workload, arm)
            ):
                found.append((workload, arm))
    return found


def _cells(results: Results, workload: tuple[str, str], arm: str) -> list[pd.DataFrame]:
    """Of an arm, examples to the target and the best rate, as `value`, `lo`, `hi` by `batch_size`."""
    trained, rates = (of_workload(frame, workload) for frame in (results.trained, results.rates))
    trained = trained[(trained["arm"] == arm) & (trained["framework"] == ANALYSED_WITH)]
    epochs = by_arm.with_interval(trained, "epochs_to_target")
    of_one = epochs["examples_to_target"] / epochs["epochs_to_target"]
    examples = epochs.assign(**{name: epochs[name] * of_one for name in ("value", "lo", "hi")})
    rates = rates[(rates["arm"] == arm) & (rates["status"] == "reached")]
    rates = by_arm.with_interval(rates, "learning_rate")
    identity = trained.set_index("batch_size")["identity"]
    rates = rates.assign(identity=rates["batch_size"].map(identity))
    return [frame.dropna(subset=["value", "identity"]) for frame in (examples, rates)]


def _at(cells: pd.DataFrame, scale: Scale) -> bool:
    return bool((cells["batch_size"] == scale.batch_size).any())


def _panel(ax: Axes, cells: pd.DataFrame, scale: Scale, quantity: Quantity) -> None:
    """What was measured over what is predicted."""
    ax.set_yscale("log")
    series.draw(ax, cells, sizes=sorted(cells["batch_size"]), look=MEASURED)
    anchor = cells.set_index("batch_size").at[scale.batch_size, "value"]
    places = np.geomspace(*ax.get_xlim(), 200)
    lines = [
        anchor * quantity.law(noise, places, scale.batch_size)
        for noise in (scale.value, scale.least, scale.most)
    ]
    ax.plot(places, lines[0], zorder=1.5, **PREDICTED)
    ax.fill_between(places, *lines[1:], zorder=1, **BAND)
    axes.logarithmic(ax.yaxis)
    ax.set_ylabel(quantity.label)
