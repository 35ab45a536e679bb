"""Steps and examples to the target against batch size, with the law of the critical batch size."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import wording
from benchmarks.publish.drawing import axes, by_arm, panels, series, style
from benchmarks.publish.drawing.style import FAINT, Look
from benchmarks.publish.results import Results, of_workload

TITLE = "Steps and examples to target, tuned"
PERFECT = {"color": FAINT, "linestyle": ":", "linewidth": 1.0}
LAW = {"linestyle": "-", "linewidth": 0.9, "alpha": 0.8}
QUANTITIES = {"steps": "Steps to target", "examples": "Examples to target"}


def applies(results: Results) -> bool:
    """Whether the law could be fitted to any tuned arm."""
    return not results.critical_batch.empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Steps S and examples E = B S until the validation target is first reached, with the learning rate "
        "tuned at every batch size: median over runs with its interval. Lines: the law "
        "E = E_min (1 + B / B_crit), fitted to the examples. Dotted: perfect scaling, the same examples at "
        "every batch size. Vertical: the critical batch size B_crit, at which a training takes twice the "
        "fewest examples and twice the fewest steps."
    )


def draw(results: Results) -> Figure:
    """A row for each (dataset, model) and tuned arm that has a law: steps, and beside them examples."""
    places = results.critical_batch[["dataset", "model", "arm"]].drop_duplicates()
    figure, rows = panels.grid(len(places), len(QUANTITIES))
    looks = {name: look._replace(line="") for name, look in style.looks(results.frameworks).items()}
    for row, (dataset, model, arm) in zip(rows, places.itertuples(index=False), strict=True):
        cells, laws = (
            frame[frame["arm"] == arm]
            for frame in (
                of_workload(results.trained, (dataset, model)),
                of_workload(results.critical_batch, (dataset, model)),
            )
        )
        for ax, quantity in zip(row, QUANTITIES, strict=True):
            _panel(ax, cells, laws.set_index("framework"), quantity=quantity, looks=looks)
            title = f"{wording.workload((dataset, model))} · {arm}"
            ax.set_title(panels.wrapped(title))
    law, perfect = (Line2D([], [], label=label, **look) for label, look in _LINES)
    panels.legend(figure, [*panels.framework_keys(looks, results.trained), law, perfect])
    return figure


_LINES = (("law of B_crit", LAW | {"color": FAINT}), ("perfect scaling", PERFECT))


def _panel(
    ax: Axes, cells: pd.DataFrame, laws: pd.DataFrame, *, quantity: str, looks: dict[str, Look]
) -> None:
    """One quantity of one arm: the cells of every framework over its law."""
    sizes = sorted(int(size) for size in cells["batch_size"].unique())
    axes.batch_sizes(ax, sizes)
    ax.set_yscale("log")
    for shift, (framework, look) in zip(series.shifts(len(looks)), looks.items(), strict=True):
        own = cells[cells["framework"] == framework]
        series.draw(ax, _values(own, quantity), sizes=sizes, look=look, shift=shift)
        if framework in laws.index:
            _law(ax, laws.loc[framework], quantity=quantity, color=look.color)
    axes.logarithmic(ax.yaxis)
    ax.set_ylabel(QUANTITIES[quantity])


def _values(cells: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """The cells with steps or examples, and their interval, from those of the epochs."""
    epochs = by_arm.with_interval(cells, "epochs_to_target")
    of_one = cells["examples_to_target"] / cells["epochs_to_target"]
    factor = of_one / cells["batch_size"] if quantity == "steps" else of_one
    return epochs.assign(**{name: epochs[name] * factor for name in ("value", "lo", "hi")})


def _law(ax: Axes, law: pd.Series, *, quantity: str, color: str) -> None:
    """The law, perfect scaling and the critical batch size of one framework."""
    lo, hi = ax.get_xlim()
    sizes = np.geomspace(lo, hi, 200)
    divisor = sizes if quantity == "steps" else np.ones(len(sizes))
    fewest = np.full(len(sizes), law["examples_min"])
    with_law = fewest * (1 + sizes / law["critical_batch"])
    ax.plot(sizes, with_law / divisor, color=color, zorder=1.5, **LAW)
    ax.plot(sizes, fewest / divisor, zorder=1, **PERFECT)
    if lo < law["critical_batch"] < hi:
        ax.axvline(law["critical_batch"], color=color, linewidth=0.7, alpha=0.6, zorder=1)
