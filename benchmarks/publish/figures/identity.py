"""How far frameworks are from the reference: by quantity in float64, over the steps in float32."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from benchmarks.publish import wording
from benchmarks.publish.drawing import panels, style
from benchmarks.publish.drawing.by_arm import GUIDE
from benchmarks.publish.drawing.style import Look
from benchmarks.publish.results import Results

TITLE = "Distance from the reference"
LEAST = 1e-17
"""Equal to the last bit is drawn here: 0 has no logarithm."""
MOST = 1.0
"""As far off as is drawn; what cannot be compared lies here too."""
LINE = 0.19
"""Inches of a line of a panel, at least."""
SPREAD = 0.062
"""Inches from the points of one framework to those of the next: more than a marker."""
WIDTHS = (3, 2)
"""Of the two panels: the right one has a line for each workload, of which there are few."""


def applies(results: Results) -> bool:
    """Whether any certificate compares a framework with the reference."""
    return not results.certificates.empty


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    known = results.identity
    return (
        "Left: the largest relative difference from the reference in float64, of all arms and both "
        f"executions: over {known['steps']} steps, and in a rehearsal of the study's own runs. 0: equal to "
        "the last bit; dotted: the bound of a certificate; a "
        "cross at the right edge: cannot be compared (missing, of another shape, or not finite). Right: the "
        f"first step at which a loss in float32 is more than {known['float32_bound']:g} (relative) off the "
        "reference, the earliest of all arms and both executions; in the grey band: at none of them."
    )


def draw(results: Results) -> Figure:
    """A panel for quantities, and one for steps with a line for each (dataset, model)."""
    frameworks = list(results.certificates["framework"].unique())
    looks = {name: look._replace(line="") for name, look in style.looks(frameworks).items()}
    differences = _differences(results.certificates)
    n_lines = max(differences["quantity"].nunique(), len(results.workloads))
    figure, ((left, right),) = panels.grid(1, 2, height=_line(len(looks)) * n_lines + 0.7)
    left.get_gridspec().set_width_ratios(WIDTHS)
    _quantities(left, differences, looks=looks, bound=results.identity["bound"])
    _steps(right, results, looks=looks)
    keys = [
        Line2D([], [], color=look.color, marker=look.marker, linestyle="", label=wording.name(name))
        for name, look in looks.items()
    ]
    bound = Line2D([], [], label=f"bound {wording.difference(results.identity['bound'])}", **GUIDE)
    panels.legend(figure, [*keys, bound])
    return figure


def _differences(certificates: pd.DataFrame) -> pd.DataFrame:
    """The largest difference of each `quantity` and `framework`; infinite where it cannot be computed."""
    rows = [
        {"framework": row.framework, "quantity": name, "value": math.inf if value is None else value}
        for row in certificates.itertuples()
        for name, value in row.differences.items()
    ]
    return pd.DataFrame(rows).groupby(["quantity", "framework"], sort=False)["value"].max().reset_index()


def _quantities(ax: Axes, differences: pd.DataFrame, *, looks: dict[str, Look], bound: float) -> None:
    names = list(differences["quantity"].unique())
    ax.set_xscale("log")
    ax.set_xlim(LEAST / 3, MOST * 3)
    ax.axvline(bound, **GUIDE)
    for shift, (framework, look) in zip(_shifts(len(looks)), looks.items(), strict=True):
        group = differences[differences["framework"] == framework]
        places = group["quantity"].map(names.index) + shift
        known = group["value"] < math.inf
        ax.plot(group["value"].clip(LEAST, MOST)[known], places[known], look.marker, color=look.color)
        ax.plot([MOST] * (~known).sum(), places[~known], "x", color=look.color, markeredgewidth=1)
    _lines(ax, names)
    decades = [10.0**n for n in range(-15, 1, 5)]
    _ticks(ax, [LEAST, *decades], ["0", *(f"{decade:.0e}" for decade in decades[:-1]), "≥ 1"])
    ax.set(title="float64", xlabel="Largest relative difference")


def _steps(ax: Axes, results: Results, *, looks: dict[str, Look]) -> None:
    """The earliest step at which each framework parts from the reference; a band for those that never do."""
    last = results.identity["steps"]
    first = results.certificates.assign(step=results.certificates["float32_parts_at_step"].astype(float))
    first = first.groupby(["dataset", "model", "framework"])["step"].min()
    ax.set_xscale("log")
    ax.set_xlim(0.8, 2.2 * last)
    ax.axvspan(1.15 * last, 2.2 * last, color="#f3f3f3", linewidth=0)
    for shift, (framework, look) in zip(_shifts(len(looks)), looks.items(), strict=True):
        for line, workload in enumerate(results.workloads):
            step = first.get((*workload, framework), math.nan)
            x = 1.6 * last if math.isnan(step) else step
            ax.plot(x, line + shift, look.marker, color=look.color)
    _lines(ax, [wording.workload(workload) for workload in results.workloads])
    decades = [10**n for n in range(int(math.log10(last)) + 1)]
    _ticks(ax, [*decades, 1.6 * last], [*map(str, decades), "never"])
    ax.set(title="float32", xlabel=f"First step more than {results.identity['float32_bound']:g} off")


def _shifts(n: int) -> list[float]:
    """The vertical shift of each of n frameworks within a line, as a share of its height."""
    return [SPREAD / _line(n) * (place - (n - 1) / 2) for place in range(n)]


def _line(n: int) -> float:
    """Height in inches of a line that holds the points of n frameworks."""
    return max(LINE, SPREAD * (n + 1))


def _lines(ax: Axes, names: list[str]) -> None:
    """Name the lines of a panel, from the top down."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    for edge in range(1, len(names)):
        ax.axhline(edge - 0.5, color="#e6e6e6", linewidth=0.5, zorder=0)


def _ticks(ax: Axes, places: list[float], labels: list[str]) -> None:
    ax.xaxis.set_major_locator(FixedLocator(places))
    ax.xaxis.set_major_formatter(FixedFormatter(labels))
    ax.xaxis.set_minor_locator(NullLocator())
