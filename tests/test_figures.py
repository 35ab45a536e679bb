"""Figures exist in every format, are the same each time, show every failure and overlap no labels."""

import functools
import types
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import synthetic
import synthetic_grid
import synthetic_identity
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.publish import figures, marks, results, writing
from benchmarks.publish.drawing import panels, style
from benchmarks.publish.figures import identity, learning_curves
from benchmarks.publish.figures import test_accuracy as accuracy_figure

NAMES = ["throughput", "step-time", "peak-memory", "epochs-to-target", "time-to-target", "test-accuracy"]
NAMES += ["identity", "learning-curves", "trade-off"]
TUNED = ["critical-batch", "learning-rate"]
"""Those of tuned arms alone, which have tests of their own."""
ANALYSED = ["noise-scale", "sharpness", "interpolation", "landscape", "prediction"]
"""Those of studies with analyses, likewise."""
JUDGED = ["claims"]
"""That of studies whose seeds or processes are enough to judge a claim, likewise."""
OF_RATES = ["stability"]
"""That of studies with arms that differ in their learning rate alone, likewise."""


@pytest.fixture(scope="module")
def folder(drawn):
    return drawn


@pytest.fixture(scope="module")
def figure_of(folder):
    """Gives each figure by its name; it is drawn once, and tests look at it alone."""
    known = results.read(folder)
    return functools.cache(lambda name: figures.modules()[name].draw(known))


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """Five frameworks, three step kinds, every kind of verdict."""
    path = tmp_path_factory.mktemp("rich")
    return results.read(synthetic.write(path, grid=synthetic_grid.RICH, certified=False))


@pytest.fixture(scope="module")
def rich_figure(rich):
    """Gives each figure of five frameworks by its name; it is drawn once, and tests look at it alone."""
    return functools.cache(lambda name: figures.modules()[name].draw(rich))


@pytest.fixture(scope="module", params=NAMES)
def crowded(request, rich_figure):
    """Each figure of five frameworks, laid out as it is written."""
    figure = rich_figure(request.param)
    writing.laid_out(figure)
    return figure


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_written(folder, name, kind):
    start = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[kind]
    content = (folder / "figures" / f"{name}.{kind}").read_bytes()
    assert content.startswith(start)
    assert len(content) > 5000


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_data_gives_the_same_bytes(folder, tmp_path):
    figures.write(synthetic.write(tmp_path, certified=False))
    assert contents(tmp_path / "figures") == contents(folder / "figures")


def test_a_legend_stays_inside_a_narrow_figure():
    style.apply()
    figure = Figure(figsize=(style.PANEL_WIDTH, 3))
    labels = ["Keras", "PyTorch", "fewer epochs than the budget, and some more words"]
    panels.legend(figure, [Line2D([], [], label=label) for label in labels])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == labels
    assert legend.get_window_extent().width <= figure.bbox.width


def test_every_figure_has_what_the_registry_asks(folder):
    known = results.read(folder)
    assert sorted(figures.modules()) == sorted([*NAMES, *TUNED, *ANALYSED, *JUDGED, *OF_RATES])
    assert list(figures.applicable(known)) == NAMES
    for module in figures.modules().values():
        assert module.TITLE
        assert module.caption(known).endswith(".")


def test_a_budget_of_steps_is_one_of_epochs_at_large_batches():
    """600 steps of 100 examples are 6 epochs of 10,000; of 10 examples, fewer than the 2 that are given."""
    targets = pd.DataFrame(
        [{"dataset": "d", "model": "m", "epochs": 2.0, "steps": 600, "seconds": 9.0, "n_training": 10_000}]
    )
    cells = pd.DataFrame(
        {"dataset": "d", "model": "m", "batch_size": [10, 100, 100], "trained": [2.0, 5.9, 6.0]}
    )
    known = types.SimpleNamespace(targets=targets)
    assert marks.budget(known, cells, "epochs").tolist() == [2.0, 6.0, 6.0]
    assert marks.budget(known, cells, "seconds").tolist() == [9.0] * 3
    assert marks.ended_early(known, cells, epochs="trained").tolist() == [False, True, False]


def test_untrained_studies_have_no_figures_of_training(tmp_path):
    folder = synthetic.write(tmp_path, trained=False)
    assert list(figures.applicable(results.read(folder))) == ["throughput", "step-time", "identity"]


def test_a_study_without_curves_may_lack_the_file(tmp_path):
    folder = synthetic.write(tmp_path, trained=False)
    (folder / "curves.csv").unlink()
    assert results.read(folder).curves.empty


def hollow(ax):
    lines = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    points = [(line.get_color(), *point) for line in lines for point in line.get_xydata()]
    return sorted((round(x), color) for color, x, y in points if np.isfinite(y))


def test_accuracies_after_fewer_epochs_than_the_budget_are_hollow(figure_of):
    figure = figure_of("test-accuracy")
    keras, pytorch = (style.looks(["keras", "pytorch"])[name].color for name in ("keras", "pytorch"))
    assert hollow(figure.axes[0]) == sorted([(1, keras), (1, pytorch), (4, keras)])
    assert not hollow(figure.axes[2])
    assert "fewer epochs than the budget" in labels_of(figure)
    trade = figure_of("trade-off")
    assert [color for _, color in hollow(trade.axes[0])] == [keras]
    assert "fewer epochs than the budget" in labels_of(trade)


def test_every_curve_that_ends_before_its_budget_has_a_mark_there(folder, figure_of):
    known = results.read(folder)
    ends = learning_curves.ends(known)
    own = ends[(ends["dataset"] == "mnist") & (ends["arm"] == "fixed-lr")]
    cut = own[(own["framework"] == "keras") & (own["batch_size"] == 4)]
    assert cut[["epochs", "status"]].values.tolist() == [[2.0, "time-limit"]] * synthetic_grid.SEEDS
    assert set(own["batch_size"]) == {1, 4}
    assert {"time limit", "diverged"} <= set(labels_of(figure_of("learning-curves")))


def test_a_training_that_diverges_after_its_target_did_not_run_out_of_time(tmp_path):
    folder = synthetic.write(tmp_path)
    curves = pd.read_csv(folder / "curves.csv").assign(training_s=1.0)
    curves.to_csv(folder / "curves.csv", index=False)
    ends = learning_curves.ends(results.read(folder))
    assert set(ends.loc[ends["batch_size"] == 4, "status"]) == {"diverged"}


def test_tick_labels_do_not_overlap(figure_of):
    for name in NAMES:
        figure = figure_of(name)
        figure.draw_without_rendering()
        for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
            labels = [tick.label1 for tick in axis.get_major_ticks() if tick.label1.get_visible()]
            boxes = [label.get_window_extent() for label in labels if label.get_text()]
            assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])], name


def test_every_failure_has_a_mark_at_its_batch_size(folder, figure_of):
    known = results.read(folder)
    figure = figure_of("test-accuracy")
    strips = [child for ax in figure.axes for child in ax.child_axes]
    marked = sorted(float(line.get_xdata()[0]) for strip in strips for line in strip.lines)
    assert marked == sorted(panels.failed_trainings(known.trained)["batch_size"].astype(float))


def disturbed(table, chosen):
    return table.assign(disturbed=table["disturbed"].mask(chosen, "others took 9 %"))


@pytest.mark.parametrize("name", ["throughput", "step-time", "time-to-target", "test-accuracy"])
def test_disturbed_cells_are_marked_where_speed_or_time_is_drawn(folder, name):
    known = results.read(folder)
    timed, trained = (known.throughput["status"] == "measured"), (known.summary["status"] == "reached")
    of_one = known.throughput["process"] == 0
    rough = replace(
        known,
        throughput=disturbed(known.throughput, timed & of_one & (known.throughput["batch_size"] == 16)),
        summary=disturbed(known.summary, trained & (known.summary["batch_size"] == 64)),
    )
    figure = figures.modules()[name].draw(rough)
    lines = [line for ax in figure.axes for strip in ax.child_axes for line in strip.lines]
    sign = panels.STRIP_MARKS[panels.DISTURBED][0]
    places = {int(line.get_xdata()[0]) for line in lines if line.get_marker() == sign}
    assert places == {"time-to-target": {64}, "test-accuracy": set()}.get(name, {16})
    assert ("machine was disturbed" in figures.modules()[name].caption(rough)) == bool(places)


def test_a_failure_is_marked_rather_than_a_disturbance_at_the_same_size():
    seen = pd.DataFrame({"framework": "keras", "batch_size": 4, "status": [panels.DISTURBED, "failed"]})
    strip = panels.failure_strip(Figure().subplots(), seen, looks=style.looks(["keras"]))
    assert [line.get_marker() for line in strip.lines] == [panels.STRIP_MARKS["failed"][0]]


def boxes_of(texts):
    return [text.get_window_extent() for text in texts if text.get_visible() and text.get_text()]


def overlapping(boxes):
    return [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]


def with_strips(figure):
    return [each for ax in figure.axes for each in (ax, *ax.child_axes)]


def test_titles_of_many_panels_overlap_nothing_and_stay_inside(crowded):
    titles = boxes_of([ax._left_title for ax in with_strips(crowded)])
    assert titles
    labels = boxes_of([ax.xaxis.label for ax in crowded.axes])
    frames = [ax.bbox for ax in with_strips(crowded)]
    assert not overlapping([*titles, *labels])
    assert not [1 for title in titles for frame in frames if title.overlaps(frame)]
    inside = crowded.bbox
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 and box.y1 <= inside.y1 for box in titles)


def test_the_legend_of_many_frameworks_is_inside_and_covers_nothing(crowded):
    (legend,) = crowded.legends
    box = legend.get_window_extent()
    assert crowded.bbox.x0 <= box.x0 and box.x1 <= crowded.bbox.x1
    assert not [ax for ax in crowded.axes if ax.get_tightbbox().overlaps(box)]
    assert not overlapping(boxes_of(legend.get_texts()))


def test_tick_labels_of_many_frameworks_do_not_overlap(crowded):
    for axis in (axis for ax in crowded.axes for axis in (ax.xaxis, ax.yaxis)):
        ticks = [tick.label1 for tick in axis.get_major_ticks()]
        assert not overlapping(boxes_of(ticks))


def titles_of(figure):
    titles = [ax.get_title(loc="left").replace("\n", " ") for ax in with_strips(figure)]
    return {title for title in titles if title}


def test_timings_have_a_panel_for_each_form_and_of_many_frameworks_for_each_execution(rich_figure, figure_of):
    shown = titles_of(rich_figure("throughput"))
    assert len(shown) == 2 * 3 * 2
    assert {"MNIST, MLP · momentum · fused", "Digits, CNN · adam-coupled-clip idiomatic"} <= shown
    assert len(titles_of(rich_figure("peak-memory"))) == 2 * 3
    assert titles_of(figure_of("throughput")) == {
        "MNIST, MLP",
        "Digits, CNN",
    }


@pytest.mark.parametrize("name", ["throughput", "step-time", "peak-memory"])
def test_only_a_study_of_several_forms_speaks_of_them(rich, folder, name):
    module = figures.modules()[name]
    assert "of the arms" in module.caption(rich)
    assert "of the arms" not in module.caption(results.read(folder))


def test_a_panel_shows_the_timings_of_its_own_form(tmp_path):
    grid = synthetic_grid.Grid(arms={"fixed-lr": "momentum", "adam": "adam-coupled-clip"})
    known = results.read(synthetic.write(tmp_path, grid=grid))
    first = known.summary.drop_duplicates("step_kind").set_index("step_kind")["throughput_samples_per_s"]
    assert first.nunique() == 2
    panels = figures.modules()["throughput"].draw(known).axes
    drawn = [ax.containers[0].lines[0].get_ydata()[0] for ax in panels[:2]]
    assert drawn == first[["momentum", "adam-coupled-clip"]].tolist()


def labels_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_legend_names_the_kinds_of_verdict_that_occur(rich_figure, tmp_path):
    both = labels_of(rich_figure("test-accuracy"))
    assert {"statistical", "not certified"} <= set(both)
    neither = labels_of(accuracy_figure.draw(results.read(synthetic.write(tmp_path))))
    assert not {"statistical", "not certified"} & set(neither)


def test_certificates_are_drawn_at_their_differences(rich_figure):
    left, right = rich_figure("identity").axes
    rows = [label.get_text() for label in left.get_yticklabels()]
    assert rows == list(synthetic_identity.QUANTITIES)
    color = style.looks(["keras-torch"])["keras-torch"].color
    own = [line for line in left.lines if line.get_color() == color]
    points = {rows[round(y)]: x for x, y in zip(own[0].get_xdata(), own[0].get_ydata(), strict=True)}
    assert points["parameters after one step"] == 3.1e-4
    assert points["batch stream"] == identity.LEAST
    assert "evaluation outputs" not in points
    cross = next(line for line in own if line.get_marker() == "x")
    assert [rows[round(y)] for y in cross.get_ydata()] == ["evaluation outputs"]
    steps = [line.get_xdata()[0] for line in right.lines if line.get_marker() == "o"]
    assert steps[0] > 200, "the MLP never parts"
    assert 40 <= steps[1] <= 200


def test_frameworks_stand_apart_on_a_line_of_the_figure_of_certificates(rich_figure):
    figure = rich_figure("identity")
    writing.laid_out(figure)
    left, _ = figure.axes
    points = [
        line.get_ydata() for line in left.lines if line.get_linestyle() == "None" and line.get_marker() != "x"
    ]
    assert len(points) == 5
    for place in range(
        len(synthetic_identity.QUANTITIES) - 1
    ):  # the last of them cannot be compared everywhere
        heights = left.transData.transform([(1e-9, heights[place]) for heights in points])[:, 1]
        assert min(np.diff(np.sort(heights))) / figure.dpi * 72 > style.RC["lines.markersize"]
