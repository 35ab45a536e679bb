"""What all figures are drawn with: lines of cells, axes and their labels, the looks of frameworks."""

import numpy as np
import pandas as pd
import pytest
import synthetic_grid
from matplotlib.figure import Figure

from benchmarks.publish.drawing import axes, batch_colors, panels, series, style


def one_line(cells):
    """The data lines that `series.draw` draws of these cells."""
    ax = Figure().subplots()
    series.draw(ax, pd.DataFrame(cells), sizes=[1, 2, 4, 8], look=style.LOOKS[0])
    return [container.lines[0].get_ydata() for container in ax.containers], ax


def cell(size, value, identity="certified", hi=None):
    return {"batch_size": size, "value": value, "lo": value, "hi": hi or value, "identity": identity}


def test_a_cell_that_is_not_certified_shares_no_line():
    lines, _ = one_line([cell(1, 1.0), cell(2, 2.0), cell(4, 3.0, "not certified: 1e-3"), cell(8, 4.0)])
    np.testing.assert_array_equal(lines, [[1, 2, np.nan, 4], [np.nan, np.nan, 3, np.nan]])


def test_statistical_and_not_certified_cells_have_lines_of_their_own():
    verdicts = ["certified", "statistical", "not certified: loss", "statistical"]
    cells = [cell(size, float(size), kind) for size, kind in zip([1, 2, 4, 8], verdicts, strict=True)]
    lines, ax = one_line(cells)
    nan = np.nan
    np.testing.assert_array_equal(lines, [[1, nan, nan, nan], [nan, 2, nan, 8], [nan, nan, 4, nan]])
    drawn = [container.lines[0] for container in ax.containers]
    assert len({(line.get_linestyle(), line.get_fillstyle()) for line in drawn}) == 3


def test_points_without_a_line_stay_without_one_whatever_their_verdict():
    kinds = series.strokes(style.LOOKS[0]._replace(line=""))
    assert {stroke.look.line for stroke in kinds.values()} == {""}


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_frameworks_stand_around_their_batch_size_far_from_its_neighbours(n):
    shifts = series.shifts(n)
    np.testing.assert_allclose(shifts, -shifts[::-1], atol=1e-12)
    assert len(set(shifts)) == n
    assert max(shifts) < 0.25


def test_a_cell_without_a_value_breaks_the_line():
    lines, _ = one_line([cell(1, 1.0), cell(2, np.nan), cell(8, 4.0)])
    np.testing.assert_array_equal(lines, [[1, np.nan, np.nan, 4]])


def test_an_interval_without_upper_end_is_an_arrow_and_no_bar():
    _, ax = one_line([cell(1, 1.0), cell(2, 2.0, hi=np.inf)])
    assert len(ax.texts) == 1
    assert ax.get_ylim()[1] < 3


@pytest.mark.parametrize("largest", [64, 4096, 55000])
def test_batch_sizes_are_labelled_from_the_first_to_the_last(largest):
    sizes = [2**power for power in range(17) if 2**power < largest] + [largest]
    ax = Figure().subplots()
    axes.batch_sizes(ax, sizes)
    labelled = [int(tick) for tick in ax.get_xticks()]
    assert [labelled[0], labelled[-1]] == [1, largest]
    assert sum(len(f"{size:,}") + 1 for size in labelled) <= axes.CHARACTERS + 4
    assert sorted({*labelled, *(int(tick) for tick in ax.get_xticks(minor=True))}) == sizes


@pytest.mark.parametrize(("lo", "hi"), [(1, 1e5), (0.6, 4.2), (92, 190), (980, 1020), (0.011, 0.3)])
def test_a_log_axis_has_labels_whatever_its_range(lo, hi):
    ax = Figure().subplots()
    ax.set(yscale="log", ylim=(lo, hi))
    axes.logarithmic(ax.yaxis)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert 3 <= len(labels) <= 8
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(("lo", "hi"), [(0.05, 0.995), (0.975, 0.983), (0.9, 0.9995), (0.1, 0.12)])
def test_an_accuracy_axis_has_labels_whatever_its_range(lo, hi):
    ax = Figure().subplots()
    axes.accuracy(ax)
    ax.set_ylim(lo, hi)
    axes.accuracy_ticks(ax.yaxis)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert 2 <= len(labels) <= 9
    assert len(set(labels)) == len(labels)


def test_each_framework_looks_the_same_in_every_study():
    for name in synthetic_grid.SPEEDS:
        assert style.looks([name])[name] == style.looks([*synthetic_grid.SPEEDS, "mine"])[name]
    several = style.looks([*synthetic_grid.SPEEDS, "mine"]).values()
    for part in ("color", "marker", "line"):
        assert len({getattr(look, part) for look in several}) == 6
    marks = {mark for mark, _ in panels.STRIP_MARKS.values()}
    assert not marks & {look.marker for look in several}


def test_neighbouring_batch_sizes_differ_in_colour_and_all_in_lightness():
    colors = np.array(batch_colors.of_sizes([1, 2, 4, 8, 16, 32, 64, 128, 256]))
    assert np.abs(np.diff(colors, axis=0)).sum(axis=1).min() > 0.2
    assert (np.diff(colors @ [0.299, 0.587, 0.114]) > 0.03).all()
