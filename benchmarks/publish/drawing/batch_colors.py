"""Colours of batch sizes, and the bar that names them, for figures with a line for each size."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from benchmarks.publish import wording


def of_sizes(sizes: list[int]) -> list[tuple]:
    """Colours from dark to light, so that their order is seen without colour; hues separate neighbours."""
    return sns.cubehelix_palette(
        len(sizes), start=2.8, rot=-1.4, hue=1.6, dark=0.12, light=0.75, reverse=True
    )


def line(ax: Axes, values: pd.DataFrame, color: tuple) -> None:
    """The median over seeds, the columns, against the index, with a band from the least to the most."""
    ax.plot(values.index, values.median(axis=1), color=color, linewidth=1.1)
    ends = values.min(axis=1), values.max(axis=1)
    ax.fill_between(values.index, *ends, color=color, alpha=0.18, linewidth=0)


def bar(figure: Figure, grid: list[Axes], sizes: list[int]) -> None:
    """The batch size of each colour, beside all panels of its workload."""
    scale = ListedColormap(of_sizes(sizes))
    norm = BoundaryNorm(np.arange(len(sizes) + 1) - 0.5, len(sizes))
    drawn = figure.colorbar(ScalarMappable(norm, scale), ax=grid, aspect=40, pad=0.01, fraction=0.03)
    drawn.set_ticks(range(len(sizes)), labels=[wording.whole(size) for size in sizes])
    drawn.ax.tick_params(length=0, which="both")
    drawn.outline.set_visible(False)
    drawn.set_label("Batch size B")
