"""The learning rates that were tried at each batch size, and the best of them."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from benchmarks.publish import wording
from benchmarks.publish.claims.tuned import searched_for
from benchmarks.publish.drawing import axes, panels, style
from benchmarks.publish.drawing.style import FAINT, INK
from benchmarks.publish.results import Results

TITLE = "Learning rate against batch size"
REFERENCE = 64
"""The scaling rules go through the best rate of the batch size that is nearest to this one."""
RULES = {1.0: ("η ∝ B", "--"), 0.5: ("η ∝ √B", ":")}
COLOURS = "cividis"
ENDED = {
    "diverged": ("x", "diverged"),
    "missed": ("^", "target missed"),
    "time-limit": ("D", "time limit"),
    "beaten": (".", "ended when it could not win"),
}
"""How a candidate is drawn that has no colour, by its last trial."""
RIDGE = {"color": INK, "linewidth": 1.0, "zorder": 2.5}
BAND = {"color": FAINT, "alpha": 0.25, "linewidth": 0}
TRIED = ["dataset", "model", "arm", "batch_size", "learning_rate", "momentum", "weight_decay"]


class Shades(NamedTuple):
    """What colours stand for, as far as they tell values apart."""

    label: str
    ticks: tuple[float, ...]
    logarithmic: bool

    def norm(self) -> Normalize:
        """From a value to its place among the colours."""
        return (LogNorm if self.logarithmic else Normalize)(self.ticks[0], self.ticks[-1])


STEPS = Shades("Steps over the fewest", (1, 1.5, 2, 3, 4), logarithmic=True)
POINTS = Shades("Points below the best", (0, 1, 2, 3, 4), logarithmic=False)


def applies(results: Results) -> bool:
    """Whether any learning rate was tuned."""
    return not results.rates.empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Every learning rate η that was tried at each batch size. Colour: the steps to the target, from the "
        "worst seed of the search, over the fewest at that batch size; or, where the search looked for "
        "accuracy, how many points of validation accuracy the rate loses to the best, the mean over the "
        "seeds. Line: the best rate; shaded: the rates that are as good, within one evaluation or .2 "
        "points, half a step of the grid further out. Dashed and dotted: both scaling rules, through the "
        f"best rate of the batch size nearest to {REFERENCE}."
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model) and tuned arm."""
    places = results.rates[["dataset", "model", "arm"]].drop_duplicates()
    figure, shown = panels.in_pairs(len(places), height=style.PANEL_HEIGHT + 0.5)
    seen: set[str] = set()
    for_accuracy = searched_for(results, "accuracy")
    shaded: dict[Shades, list[Axes]] = {}
    for ax, (dataset, model, arm) in zip(shown, places.itertuples(index=False), strict=True):
        rates = _of(results.rates, dataset, model, arm).sort_values("batch_size")
        tried, shades = _candidates(_of(results.trials, dataset, model, arm)), STEPS
        if arm in for_accuracy:
            tried, shades = _by_accuracy(tried), POINTS
        seen |= _panel(ax, rates, tried, shades)
        shaded.setdefault(shades, []).append(ax)
        title = f"{wording.workload((dataset, model))} · {arm}"
        ax.set_title(panels.wrapped(title))
    for shades, axes_of in shaded.items():
        _colour_bar(figure, axes_of, shades)
    panels.legend(figure, _keys(seen))
    return figure


def _of(frame: pd.DataFrame, dataset: str, model: str, arm: str) -> pd.DataFrame:
    """The rows of a (dataset, model) and arm."""
    return frame[(frame["dataset"] == dataset) & (frame["model"] == model) & (frame["arm"] == arm)]


def _candidates(trials: pd.DataFrame) -> pd.DataFrame:
    """A row for each candidate: the steps of its worst trial, and how the last one ended.

    `value` is what it is coloured by: its steps over the fewest at its batch size.
    """
    rows = trials.groupby(TRIED, dropna=False, sort=False).agg(
        steps=("steps", "max"), accuracy=("validation_accuracy", "mean"), ended=("ended", "last")
    )
    rows = rows.reset_index()
    fewest = rows["steps"].where(rows["ended"] == "reached").groupby(rows["batch_size"]).transform("min")
    return rows.assign(value=(rows["steps"] / fewest).where(rows["ended"] == "reached"))


def _by_accuracy(tried: pd.DataFrame) -> pd.DataFrame:
    """The candidates coloured by the points that they lose to the best at their batch size."""
    trained = tried["accuracy"].where(tried["ended"] != "diverged")
    best = trained.groupby(tried["batch_size"]).transform("max")
    return tried.assign(value=100 * (best - trained))


def _panel(ax: Axes, rates: pd.DataFrame, tried: pd.DataFrame, shades: Shades) -> set[str]:
    """Draw one search of all batch sizes; returns how its candidates ended."""
    axes.batch_sizes(ax, [int(size) for size in rates["batch_size"]])
    ax.set_yscale("log", base=2)
    found = rates.dropna(subset=["learning_rate_lo"])
    ax.fill_between(found["batch_size"], found["learning_rate_lo"], found["learning_rate_hi"], **BAND)
    ax.plot(found["batch_size"], found["learning_rate"], **RIDGE)
    good, others = tried[tried["value"].notna()], tried[tried["value"].isna()]
    colours = {"c": good["value"], "cmap": COLOURS, "norm": shades.norm()}
    ax.scatter(good["batch_size"], good["learning_rate"], s=16, zorder=3, **colours)
    for ended, (marker, _) in ENDED.items():
        rows = others[others["ended"] == ended]
        ax.plot(rows["batch_size"], rows["learning_rate"], marker, color=FAINT, markersize=3.5, zorder=2)
    limits = ax.get_ylim()
    _rules(ax, found)
    ax.set_ylim(limits)
    axes.powers_of_two(ax)
    ax.set_ylabel("Learning rate η")
    return set(others["ended"])


def _rules(ax: Axes, found: pd.DataFrame) -> None:
    """Both scaling rules, through the best rate of the batch size nearest to the reference."""
    if found.empty:
        return
    octaves = (np.log2(found["batch_size"]) - np.log2(REFERENCE)).abs()
    anchor = found.loc[octaves.idxmin()]
    sizes = np.array(ax.get_xlim())
    for power, (_, line) in RULES.items():
        rule = anchor["learning_rate"] * (sizes / anchor["batch_size"]) ** power
        ax.plot(sizes, rule, color=FAINT, linestyle=line, linewidth=0.9, zorder=1)


def _colour_bar(figure: Figure, shown: list[Axes], shades: Shades) -> None:
    bar = figure.colorbar(ScalarMappable(shades.norm(), COLOURS), ax=shown, aspect=30, pad=0.01, extend="max")
    bar.set_ticks(shades.ticks, labels=[f"{tick:g}" for tick in shades.ticks])
    bar.ax.minorticks_off()
    bar.set_label(shades.label)


def _keys(seen: set[str]) -> list:
    """The entries of the legend."""
    marks = [
        Line2D([], [], linestyle="", marker=marker, color=FAINT, markersize=4, label=label)
        for ended, (marker, label) in ENDED.items()
        if ended in seen
    ]
    rules = [Line2D([], [], color=FAINT, linestyle=line, label=label) for label, line in RULES.values()]
    return [Line2D([], [], label="best", **RIDGE), Patch(label="as good", **BAND), *rules, *marks]
