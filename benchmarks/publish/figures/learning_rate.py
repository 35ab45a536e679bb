"""The learning rates that were tried at each batch size, and the best of them."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from benchmarks.publish import wording
from benchmarks.publish.drawing import axes, panels, style
from benchmarks.publish.drawing.style import FAINT, INK
from benchmarks.publish.results import Results

TITLE = "Learning rate against batch size"
REFERENCE = 64
"""The scaling rules go through the best rate of the batch size that is nearest to this one."""
RULES = {1.0: ("η ∝ B", "--"), 0.5: ("η ∝ √B", ":")}
WORST = 4.0
"""As many times the fewest steps as the colours tell apart."""
COLOURS = "cividis"
ENDED = {
    "diverged": ("x", "diverged"),
    "missed": ("^", "target missed"),
    "time-limit": ("D", "time limit"),
    "beaten": (".", "ended when it could not win"),
}
"""How a candidate is drawn that did not reach the target from every seed, by its last trial."""
RIDGE = {"color": INK, "linewidth": 1.0, "zorder": 2.5}
BAND = {"color": FAINT, "alpha": 0.25, "linewidth": 0}
TRIED = ["dataset", "model", "arm", "batch_size", "learning_rate", "momentum", "weight_decay"]


def applies(results: Results) -> bool:
    """Whether any learning rate was tuned."""
    return not results.rates.empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Every learning rate η that was tried at each batch size. Colour: the steps to the target, from the "
        "worst seed of the search, over the fewest at that batch size. Line: the best rate; shaded: the "
        "rates that are as good within one evaluation, half a step of the grid further out. Dashed and "
        f"dotted: both scaling rules, through the best rate of the batch size nearest to {REFERENCE}."
    )


def draw(results: Results) -> Figure:
    """A panel for each (dataset, model) and tuned arm."""
    places = results.rates[["dataset", "model", "arm"]].drop_duplicates()
    figure, shown = panels.in_pairs(len(places), height=style.PANEL_HEIGHT + 0.5)
    seen: set[str] = set()
    for ax, (dataset, model, arm) in zip(shown, places.itertuples(index=False), strict=True):
        rates = _of(results.rates, dataset, model, arm).sort_values("batch_size")
        seen |= _panel(ax, rates, _candidates(_of(results.trials, dataset, model, arm)))
        title = f"{wording.workload((dataset, model))} · {arm}"
        ax.set_title(panels.wrapped(title))
    _colour_bar(figure, shown)
    panels.legend(figure, _keys(seen))
    return figure


def _of(frame: pd.DataFrame, dataset: str, model: str, arm: str) -> pd.DataFrame:
    """The rows of a (dataset, model) and arm."""
    return frame[(frame["dataset"] == dataset) & (frame["model"] == model) & (frame["arm"] == arm)]


def _candidates(trials: pd.DataFrame) -> pd.DataFrame:
    """A row for each candidate: the steps of its worst trial, and how the last one ended."""
    rows = trials.groupby(TRIED, dropna=False, sort=False).agg(
        steps=("steps", "max"), ended=("ended", "last")
    )
    return rows.reset_index()


def _panel(ax: Axes, rates: pd.DataFrame, tried: pd.DataFrame) -> set[str]:
    """Draw one search of all batch sizes; returns how its candidates ended."""
    axes.batch_sizes(ax, [int(size) for size in rates["batch_size"]])
    ax.set_yscale("log", base=2)
    found = rates.dropna(subset=["learning_rate_lo"])
    ax.fill_between(found["batch_size"], found["learning_rate_lo"], found["learning_rate_hi"], **BAND)
    ax.plot(found["batch_size"], found["learning_rate"], **RIDGE)
    fewest = tried["batch_size"].map(rates.set_index("batch_size")["steps_to_target"])
    reached = tried["ended"] == "reached"
    colours = {"c": tried["steps"] / fewest, "cmap": COLOURS, "norm": LogNorm(1, WORST)}
    points = {name: value[reached] if name == "c" else value for name, value in colours.items()}
    ax.scatter(tried["batch_size"][reached], tried["learning_rate"][reached], s=16, zorder=3, **points)
    for ended, (marker, _) in ENDED.items():
        rows = tried[tried["ended"] == ended]
        ax.plot(rows["batch_size"], rows["learning_rate"], marker, color=FAINT, markersize=3.5, zorder=2)
    limits = ax.get_ylim()
    _rules(ax, found)
    ax.set_ylim(limits)
    axes.powers_of_two(ax)
    ax.set_ylabel("Learning rate η")
    return set(tried["ended"])


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


def _colour_bar(figure: Figure, shown: list[Axes]) -> None:
    colours = ScalarMappable(LogNorm(1, WORST), COLOURS)
    bar = figure.colorbar(colours, ax=shown, aspect=30, pad=0.01, extend="max")
    bar.set_ticks([1, 1.5, 2, 3, 4], labels=["1", "1.5", "2", "3", "4"])
    bar.ax.minorticks_off()
    bar.set_label("Steps over the fewest")


def _keys(seen: set[str]) -> list:
    """The entries of the legend."""
    marks = [
        Line2D([], [], linestyle="", marker=marker, color=FAINT, markersize=4, label=label)
        for ended, (marker, label) in ENDED.items()
        if ended in seen
    ]
    rules = [Line2D([], [], color=FAINT, linestyle=line, label=label) for label, line in RULES.values()]
    return [Line2D([], [], label="best", **RIDGE), Patch(label="as good", **BAND), *rules, *marks]
