"""Axes: batch sizes on a log2 scale, accuracies by their distance to 1, readable log ticks."""

import math
from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullFormatter, NullLocator

from benchmarks.publish import wording

CHARACTERS = 40
"""As many characters as fit along a panel, the gaps between labels among them."""
LEAST_ERROR = 1e-3
"""Accuracies nearer to 1 are drawn here: the distance of 1 to itself has no logarithm."""
ARROW = 0.15
"""Length of an arrow to the top, at least, as a share of the panel's height."""
STEPS = ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5, 7))
ACCURACIES = [0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999]


def batch_sizes(ax: Axes, sizes: list[int]) -> None:
    """A log2 axis over all batch sizes of a study, each with a tick, as many as fit with a label."""
    ax.set_xscale("log", base=2)
    margin = max(0.4, 0.03 * np.log2(max(sizes) / min(sizes)))
    ax.set_xlim(min(sizes) / 2**margin, max(sizes) * 2**margin)
    labelled = _spaced(sizes)
    _ticks(ax.xaxis, labelled, [wording.whole(size) for size in labelled])
    ax.xaxis.set_minor_locator(FixedLocator([size for size in sizes if size not in labelled]))
    ax.set_xlabel("Batch size B (examples)")


def _spaced(sizes: list[int]) -> list[int]:
    """The sizes to label: the smallest, the largest, and between them those whose labels do not touch."""
    sizes = sorted(sizes)
    character = np.log2(sizes[-1] / sizes[0]) / CHARACTERS

    def apart(a: int, b: int) -> bool:
        room = (len(wording.whole(a)) + len(wording.whole(b))) / 2 + 1
        return np.log2(b / a) >= room * character

    kept = [sizes[0]]
    for size in sizes[1:-1]:
        kept += [size] if apart(kept[-1], size) and apart(size, sizes[-1]) else []
    return [*kept, *sizes[-1:]] if len(sizes) > 1 else kept


def logarithmic(axis: Axis) -> None:
    """Plain numbers on a log axis: at 1, 10, 100, …, and between them where the range is short.

    Call it after everything is drawn, because it depends on the limits of the axis.
    """
    lo, hi = sorted(axis.get_view_interval())
    choices = [_multiples(steps, lo, hi) for steps in STEPS]
    choices.append([tick for tick in MaxNLocator(5).tick_values(lo, hi) if lo <= tick <= hi])
    ticks = next((ticks for ticks in choices if len(ticks) >= 3), choices[-1])
    _ticks(axis, ticks, [_plain(tick) for tick in ticks])
    axis.set_minor_locator(FixedLocator(_multiples(range(1, 10), lo, hi)))


def powers_of_two(ax: Axes) -> None:
    """Powers of two on a y axis of learning rates, as fractions, as many as have room.

    Call it after everything is drawn, because it depends on the limits of the axis.
    """
    lo, hi = np.log2(ax.get_ylim())
    powers = range(math.ceil(lo), math.floor(hi) + 1)
    powers = [power for power in powers if power % max(1, len(powers) // 7) == 0]
    labels = [f"1/{2**-power:,}" if power < 0 else f"{2**power:,}" for power in powers]
    _ticks(ax.yaxis, [2.0**power for power in powers], labels)


def hold_to(ax: Axes, values: np.ndarray) -> None:
    """Keep a log y axis within a factor of 10 of its values, however wide their intervals are."""
    lo, hi = ax.get_ylim()
    ax.set_ylim(max(lo, np.nanmin(values) / 10), min(hi, np.nanmax(values) * 10))


def room_above(ax: Axes, values: np.ndarray) -> None:
    """Raise the upper end of a log y axis so that an arrow fits between the largest value and it."""
    if len(values):
        lo, hi = np.log(ax.get_ylim())
        ax.set_ylim(top=np.exp(max(hi, (np.log(values.max()) - ARROW * lo) / (1 - ARROW))))


def _multiples(steps: Iterable[int], lo: float, hi: float) -> list[float]:
    """The numbers step × 10^n in lo..hi."""
    decades = range(math.floor(math.log10(lo)), math.ceil(math.log10(hi)) + 1)
    return [x for decade in decades for step in steps if lo <= (x := step * 10.0**decade) <= hi]


def _plain(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if value >= 1e4 else f"{value:,.6g}"


def accuracy(ax: Axes) -> None:
    """A y axis for accuracies 0..1, spaced by the error's logarithm: 0, 90 and 99 % are equally far apart."""
    ax.set_yscale("function", functions=(_spread, _gather))


def accuracy_ticks(axis: Axis) -> None:
    """Label an axis made by `accuracy` in per cent. Call it after everything is drawn."""
    lo, hi = axis.get_view_interval()
    ticks = [tick for tick in ACCURACIES if lo <= tick <= hi]
    if len(ticks) < 3:
        ticks = [tick for tick in MaxNLocator(5).tick_values(lo, hi) if lo <= tick <= hi]
    ticks = _apart(ticks, gap=float(_spread(hi) - _spread(lo)) / 9)
    _ticks(axis, ticks, [_per_cent(tick) for tick in ticks])


def _apart(ticks: list[float], *, gap: float) -> list[float]:
    """The ticks, from the top down, that keep a distance from the tick above them."""
    kept: list[float] = []
    for tick in reversed(ticks):
        if not kept or _spread(kept[-1]) - _spread(tick) >= gap:
            kept.append(tick)
    return kept[::-1]


def _per_cent(share: float) -> str:
    return f"{'≥' if share >= 1 - LEAST_ERROR else ''}{100 * share:.5g}"


def _spread(share: np.ndarray) -> np.ndarray:
    return -np.log10(np.maximum(1 - np.asarray(share, float), LEAST_ERROR))


def _gather(spread: np.ndarray) -> np.ndarray:
    return 1 - 10.0 ** -np.asarray(spread, float)


def _ticks(axis: Axis, ticks: list[float], labels: list[str]) -> None:
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FixedFormatter(labels))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
