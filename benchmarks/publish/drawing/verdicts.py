"""The chart of claims: a row for each, a square for each place that says something of it."""

from collections import Counter
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish.claims import Judged
from benchmarks.publish.claims.evidence import FAILS, HOLDS, NOT_TOLD, UNTESTED
from benchmarks.publish.claims.verdict import DEPENDS, INCONCLUSIVE, NOT_MEASURED, REFUTED, SUPPORTED
from benchmarks.publish.drawing import panels, style

ROW = 0.19
WIDTH = 2 * style.PANEL_WIDTH
MOST = 12
"""Marks in a row; of more places, there is one mark of each kind and a number behind it."""
MARKS = {
    HOLDS: {"marker": "s", "color": "#0072B2", "markerfacecolor": "#0072B2"},
    FAILS: {"marker": "X", "color": "#D55E00", "markerfacecolor": "#D55E00"},
    NOT_TOLD: {"marker": "s", "color": style.FAINT, "markerfacecolor": "white"},
    UNTESTED: {"marker": ".", "color": style.FAINT, "markerfacecolor": style.FAINT},
}
"""A form for each as well as a colour."""
COLORS = {SUPPORTED: "#0072B2", REFUTED: "#D55E00", DEPENDS: "#6a3d9a"}
ORDER = (SUPPORTED, DEPENDS, REFUTED, INCONCLUSIVE, NOT_MEASURED)


def in_order(judged: Sequence[Judged]) -> list[Judged]:
    """By verdict, and as they were given within each."""
    return sorted(judged, key=lambda each: ORDER.index(kind(each.verdict)))


def kind(verdict: str) -> str:
    """The verdict without what it depends on."""
    return DEPENDS if verdict.startswith(DEPENDS) else verdict


def draw(judged: Sequence[Judged]) -> Figure:
    """The chart, claims of one verdict together, without those that nothing is said of."""
    style.apply()
    rows = in_order([each for each in judged if each.verdict != NOT_MEASURED])
    figure = Figure(figsize=(WIDTH, ROW * len(rows) + 0.5), layout="constrained")
    ax = figure.subplots()
    ax.set(ylim=(len(rows) - 0.4, -0.6), xlim=(-0.6, MOST + 6.5), xticks=[])
    ax.set_yticks(range(len(rows)), labels=[each.claim.sentence for each in rows])
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    for row, each in enumerate(rows):
        _row(ax, row, each)
    handles = [Line2D([], [], linestyle="", label=f"{name} there", **mark) for name, mark in MARKS.items()]
    panels.legend(figure, handles)
    return figure


def _row(ax: Axes, row: int, judged: Judged) -> None:
    """A row: its marks and its verdict."""
    said = Counter(found.alone for found in judged.evidence.values())
    place = 0
    for name in [name for name in MARKS if said[name]]:
        for _ in range(said[name] if said.total() <= MOST else 1):
            ax.plot(place, row, markersize=5, linestyle="", **MARKS[name])
            place += 1
        if said.total() > MOST:
            ax.text(place - 0.3, row, f"× {said[name]}", va="center", fontsize=style.SMALL)
            place += 3
    color = COLORS.get(kind(judged.verdict), style.FAINT)
    weight = "bold" if kind(judged.verdict) in COLORS else "normal"
    ax.text(MOST, row, judged.verdict, color=color, weight=weight, va="center", fontsize=style.SMALL)
