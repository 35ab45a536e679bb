"""The gradient noise scale along training, beside the critical batch size of the law."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.frameworks import ANALYSED_WITH
from benchmarks.publish import wording
from benchmarks.publish.drawing import axes, batch_colors, panels
from benchmarks.publish.drawing.style import FAINT, INK
from benchmarks.publish.results import Results, of_workload

TITLE = "Gradient noise scale along training"
HEIGHT = 2.1
LETTERS = 34
SHARED = "start|path|end"
"""Roles of the checkpoints that all seeds have at the same steps."""
LAW = {"color": INK, "linestyle": "--", "linewidth": 1.0}
BRANCHED = {"color": INK, "marker": "D", "markersize": 3, "linestyle": "none"}
BAND = {"color": FAINT, "alpha": 0.18, "linewidth": 0}


def applies(results: Results) -> bool:
    """Whether the noise of any training was measured."""
    return bool(results.checkpoints["noise_scale"].notna().any())


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    law = (
        " Dashed: the critical batch size that the law gives from the steps and examples to the target at "
        "all batch sizes, with its interval shaded."
        if not results.critical_batch.empty
        else ""
    )
    branched = (
        " Diamonds: the largest batch size with which the training of the smallest one can go on from there "
        "and still make half as much progress with the same examples, tried in doublings; the median over "
        "seeds, bars from the least to the most. A triangle: the largest that was tried still does."
        if results.checkpoints["branched_batch"].notna().any()
        else ""
    )
    return (
        "B_simple = tr Σ / |G|² at checkpoints of a training, a colour for the batch size that it trains "
        "with, from dark (small) to light (large): the median over seeds, the band from the least to the "
        "most. It is the batch size at which the noise of a gradient is as large as the gradient. The first "
        "point, at the left edge, is before the first step." + branched + law
    )


def draw(results: Results) -> Figure:
    """A panel for each arm, in rows for each (dataset, model)."""
    figure, blocks = panels.in_blocks(len(results.workloads), len(results.arms), height=HEIGHT)
    for workload, block in zip(results.workloads, blocks, strict=True):
        sizes = panels.sizes_of(results, workload)
        for ax, arm in zip(block, results.arms, strict=True):
            _panel(ax, results, workload, arm, sizes)
        axes.logarithmic(block[0].yaxis)
        batch_colors.bar(figure, block.tolist(), sizes)
    handles = []
    if not results.critical_batch.empty:
        handles.append(Line2D([], [], label="critical batch size of the law", **LAW))
    if results.checkpoints["branched_batch"].notna().any():
        handles.append(Line2D([], [], label="critical batch size by branching", **BRANCHED))
    if handles:
        panels.legend(figure, handles)
    return figure


def _panel(ax: Axes, results: Results, workload: tuple[str, str], arm: str, sizes: list[int]) -> None:
    """The lines of all batch sizes of an arm, and the law."""
    rows = of_workload(results.checkpoints, workload)
    rows = rows[(rows["arm"] == arm) & rows["roles"].str.contains(SHARED)]
    later = rows.loc[rows["epochs"] > 0, "epochs"]
    first = (1.0 if later.empty else later.min()) / 2
    ax.set_xscale("log")
    ax.set_yscale("log")
    colors = dict(zip(sizes, batch_colors.of_sizes(sizes), strict=True))
    for size, of_size in rows.groupby("batch_size"):
        _line(ax, of_size.assign(epochs=of_size["epochs"].clip(lower=first)), color=colors[size])
    _branched(ax, rows.assign(epochs=rows["epochs"].clip(lower=first)))
    _law(ax, of_workload(results.critical_batch, workload), arm)
    ax.set_title(panels.wrapped(f"{wording.workload(workload)} · {arm}", letters=LETTERS))
    ax.set_xlabel("Epochs")
    ax.set_ylabel("Noise scale (examples)" if ax.get_subplotspec().is_first_col() else "")
    axes.logarithmic(ax.xaxis)


def _line(ax: Axes, rows: pd.DataFrame, *, color: tuple) -> None:
    """Median and range over the seeds of a batch size."""
    by_epoch = rows.pivot_table(index="epochs", columns="seed", values="noise_scale")
    batch_colors.line(ax, by_epoch, color)


def _branched(ax: Axes, rows: pd.DataFrame) -> None:
    """The median over seeds of the critical batch sizes by branching, with their range."""
    known = rows.dropna(subset=["branched_batch"]).groupby("epochs")
    if not known.ngroups:
        return
    found = known["branched_batch"].agg(["median", "min", "max"])
    # Of what is infinite, the largest that was tried and surely follows is known.
    found, tried = found.replace(np.inf, np.nan), known["branched_batch_lo"].max()
    most = found["max"].fillna(tried)
    told = found["median"].notna()
    bars = [(found["median"] - found["min"])[told], (most - found["median"])[told]]
    ax.errorbar(found.index[told], found["median"][told], yerr=bars, capsize=2, **BRANCHED)
    ax.plot(found.index[~told], tried[~told], **BRANCHED | {"marker": "^", "markersize": 4})


def _law(ax: Axes, fits: pd.DataFrame, arm: str) -> None:
    """The critical batch size of an arm, with its interval as far as it has ends."""
    rows = fits[(fits["arm"] == arm) & (fits["framework"] == ANALYSED_WITH)]
    for fit in rows.itertuples():
        if np.isfinite(fit.critical_batch):
            ax.axhline(fit.critical_batch, **LAW)
            if np.isfinite([fit.critical_batch_lo, fit.critical_batch_hi]).all():
                ax.axhspan(fit.critical_batch_lo, fit.critical_batch_hi, **BAND)
