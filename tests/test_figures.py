"""Figures exist in every format, are the same each time, show every failure and overlap no labels."""

from itertools import combinations

import matplotlib.text
import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.figure import Figure

from benchmarks import figures as command
from benchmarks.publish import axes, failures, figures, results, series, style
from benchmarks.publish.figures import test_accuracy as accuracy_figure
from benchmarks.publish.figures import trade_off

NAMES = ["throughput", "step-time", "peak-memory", "epochs-to-target", "time-to-target", "test-accuracy"]
NAMES += ["learning-curves", "trade-off"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = synthetic.write(tmp_path_factory.mktemp("figures"), certified=False)
    command.write(path)
    return path


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_written(folder, name, kind):
    start = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[kind]
    content = (folder / "figures" / f"{name}.{kind}").read_bytes()
    assert content.startswith(start)
    assert len(content) > 5000


def test_the_same_data_gives_the_same_bytes(folder):
    before = {path.name: path.read_bytes() for path in (folder / "figures").iterdir()}
    command.write(folder)
    assert before == {path.name: path.read_bytes() for path in (folder / "figures").iterdir()}


def test_every_figure_has_what_the_registry_asks(folder):
    known = results.read(folder)
    assert list(figures.modules()) == NAMES
    for module in figures.modules().values():
        assert module.applies(known)
        assert module.TITLE
        assert module.caption(known).endswith(".")


def test_untrained_studies_have_no_figures_of_training(tmp_path):
    folder = synthetic.write(tmp_path, trained=False)
    assert list(figures.applicable(results.read(folder))) == ["throughput", "step-time"]


def test_a_study_without_curves_may_lack_the_file(tmp_path):
    folder = synthetic.write(tmp_path, trained=False)
    (folder / "curves.csv").unlink()
    assert results.read(folder).curves.empty


def test_labels_of_the_trade_off_do_not_overlap(tmp_path):
    figure = trade_off.draw(results.read(synthetic.write(tmp_path)))
    figure.draw_without_rendering()
    for ax in figure.axes:
        labels = [text for text in ax.texts if text.get_text() and text.get_text()[0].isdigit()]
        assert len(labels) > 5
        boxes = [matplotlib.text.Text.get_window_extent(label) for label in labels]
        assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
        assert all(ax.bbox.x0 - 1 <= box.x0 and box.x1 <= ax.bbox.x1 + 1 for box in boxes)


def test_tick_labels_do_not_overlap(folder):
    for module in figures.modules().values():
        figure = module.draw(results.read(folder))
        figure.draw_without_rendering()
        for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
            labels = [tick.label1 for tick in axis.get_major_ticks() if tick.label1.get_visible()]
            boxes = [label.get_window_extent() for label in labels if label.get_text()]
            assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])], module.__name__


def test_every_failure_has_a_mark_at_its_batch_size(folder):
    known = results.read(folder)
    figure = accuracy_figure.draw(known)
    strips = [child for ax in figure.axes for child in ax.child_axes]
    marked = sorted(float(line.get_xdata()[0]) for strip in strips for line in strip.lines)
    assert marked == sorted(failures.of_training(known.trained)["batch_size"].astype(float))


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
    assert len(labelled) <= axes.LABELS + 1
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
    assert style.looks(["pytorch"])["pytorch"] == style.looks(["keras", "numpy", "pytorch"])["pytorch"]
    several = style.looks(["numpy", "keras-jax", "keras", "pytorch"]).values()
    for part in ("color", "marker", "line"):
        assert len({getattr(look, part) for look in several}) == 4
