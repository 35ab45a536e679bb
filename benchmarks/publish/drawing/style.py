"""How figures look: sizes, type, and one colour, marker and line style for each framework."""

from typing import NamedTuple

import matplotlib as mpl
import seaborn as sns

PANEL_WIDTH = 3.4
"""Inches; one column of a two-column page."""
PANEL_HEIGHT = 2.3
TEXT = 8
SMALL = 7
INK = "#222222"
FAINT = "#8a8a8a"


class Look(NamedTuple):
    """What distinguishes a framework: its colour, and its marker and line for those who see no colour."""

    color: str
    marker: str
    line: str | tuple


# Okabe and Ito's palette, which readers with any form of colour blindness can tell apart.
LOOKS = [
    Look("#D55E00", "o", "-"),
    Look("#0072B2", "s", (0, (4, 1.5))),
    Look("#009E73", "v", (0, (1, 1))),
    Look("#CC79A7", "<", (0, (4, 1, 1, 1))),
    Look("#000000", ">", (0, (6, 2))),
    Look("#56B4E9", "h", (0, (2, 1))),
]
KNOWN = ("keras", "pytorch", "keras-jax", "keras-torch", "numpy")
"""These look the same in every study."""


def looks(frameworks: list[str]) -> dict[str, Look]:
    """A look for each framework, in a fixed order so that studies can be compared."""
    others = [framework for framework in frameworks if framework not in KNOWN]
    order = [*KNOWN, *others]
    return {framework: LOOKS[order.index(framework) % len(LOOKS)] for framework in frameworks}


def apply() -> None:
    """Set the style for every figure drawn after this."""
    mpl.use("Agg")
    sns.set_theme(context="paper", style="ticks", rc=RC)


RC = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "axes.titlesize": TEXT,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "figure.constrained_layout.h_pad": 0.05,
    "figure.constrained_layout.w_pad": 0.05,
    # The same data gives the same bytes: ids in SVG come from this salt in place of chance.
    "svg.hashsalt": "batch-atlas",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}
