"""Short labels beside points, placed so that they cover no point, no line and no other label.

adjustText does the same for scattered points. Here, where bars and lines cross every panel, it left labels
on markers and on lines, took up to ten times as long, and stops after seconds, so that the same data would
not give the same bytes.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from benchmarks.publish.drawing.style import SMALL

DIRECTIONS = [(math.cos(angle), math.sin(angle)) for angle in np.arange(16) * math.pi / 8]
RADII = (7, 10, 14, 19, 25, 32, 40)
"""Points from a marker to its label, tried in this order."""
LEADER = 12
"""From this distance on a thin line leads from the label to its point."""
MARKER = 3.0
STEP = 2.0
"""Pixels between two samples of a line that labels keep clear of."""


class Label(NamedTuple):
    """A text for the point at (x, y) in data coordinates."""

    x: float
    y: float
    text: str
    color: str


def place(ax: Axes, labels: list[Label], *, lines: list[np.ndarray]) -> list[Annotation]:
    """Label points of a panel that is otherwise finished; `lines` [n, 2] in data coordinates are kept clear.

    Each label takes the nearest free place, or the least crowded one where none is free.
    """
    figure = ax.figure
    figure.draw_without_rendering()
    scale = figure.dpi / 72
    points = ax.transData.transform([(label.x, label.y) for label in labels])
    dots = [_around(point, MARKER * scale, MARKER * scale) for point in points]
    samples = np.concatenate([_sampled(ax.transData.transform(line)) for line in lines])
    occupied: list[Bbox] = []
    placed = []
    for label, point in zip(labels, points, strict=True):
        note = _note(ax, label)
        size = note.get_window_extent()
        offset, box = _free(point, size, ax.bbox, dots=dots, occupied=occupied, samples=samples, scale=scale)
        occupied.append(box)
        note.set_position(offset)
        if math.hypot(*offset) < LEADER:
            note.arrow_patch.set_visible(False)
        placed.append(note)
    return placed


def _note(ax: Axes, label: Label) -> Annotation:
    leader = {"arrowstyle": "-", "color": label.color, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 2}
    note = ax.annotate(
        label.text,
        (label.x, label.y),
        xytext=(0, 0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=SMALL,
        color=label.color,
        arrowprops=leader,
    )
    note.set_in_layout(False)
    return note


def _free(point, size, frame, *, dots, occupied, samples, scale) -> tuple[tuple[float, float], Bbox]:
    """The offset in points, and the box in pixels, of the best place for a label of this size."""
    best = None
    for radius in RADII:
        for across, up in DIRECTIONS:
            offset = (radius * across + size.width / 2 / scale * across * 0.8, radius * up)
            box = _around(point + np.array(offset) * scale, size.width / 2 + 1, size.height / 2)
            cost = _cost(box, frame, dots=dots, occupied=occupied, samples=samples)
            if best is None or cost < best[0]:
                best = (cost, offset, box)
        if best[0] == 0:
            break
    return best[1:]


def _cost(box: Bbox, frame: Bbox, *, dots: list[Bbox], occupied: list[Bbox], samples: np.ndarray) -> float:
    """The cost of what a box covers: other labels cost most, lines least."""
    outside = not (frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1)
    crossed = np.count_nonzero(
        (samples[:, 0] > box.x0)
        & (samples[:, 0] < box.x1)
        & (samples[:, 1] > box.y0)
        & (samples[:, 1] < box.y1)
    )
    return 1000 * (outside + box.count_overlaps(occupied)) + 100 * box.count_overlaps(dots) + crossed


def _around(centre: np.ndarray, half_width: float, half_height: float) -> Bbox:
    x, y = centre
    return Bbox.from_extents(x - half_width, y - half_height, x + half_width, y + half_height)


def _sampled(line: np.ndarray) -> np.ndarray:
    """Points [m, 2] along a polyline [n, 2], STEP pixels apart."""
    pieces = [line[:1]]
    for start, end in pairwise(line):
        n_steps = max(1, int(np.hypot(*(end - start)) / STEP))
        pieces.append(start + (end - start) * np.linspace(0, 1, n_steps + 1)[1:, None])
    return np.concatenate(pieces)
