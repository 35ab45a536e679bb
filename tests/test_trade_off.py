"""In the figure of the trade-off, labels overlap nothing and bars without end have room."""

from itertools import combinations

import matplotlib.text
import numpy as np
import pandas as pd
import pytest
import synthetic

from benchmarks.publish import figures, results
from benchmarks.publish.figures import trade_off


@pytest.fixture(scope="module")
def trade(tmp_path_factory):
    """The trade-off of certified cells."""
    figure = trade_off.draw(results.read(synthetic.write(tmp_path_factory.mktemp("certified"))))
    figure.draw_without_rendering()
    return figure


def test_labels_of_the_trade_off_do_not_overlap(trade):
    for ax in trade.axes:
        labels = [text for text in ax.texts if text.get_text() and text.get_text()[0].isdigit()]
        assert len(labels) > 5
        boxes = [matplotlib.text.Text.get_window_extent(label) for label in labels]
        assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
        assert all(ax.bbox.x0 - 1 <= box.x0 and box.x1 <= ax.bbox.x1 + 1 for box in boxes)


def test_labels_of_the_trade_off_keep_clear_of_bars_without_end(trade):
    notes = [text for ax in trade.axes for text in ax.texts]
    arrows = [text.arrow_patch for text in notes if text.arrow_patch and not text.get_text()]
    ends = [patch.get_transform().transform(patch.get_path().vertices) for patch in arrows]
    boxes = [matplotlib.text.Text.get_window_extent(text) for text in notes if text.get_text()[:1].isdigit()]
    assert len(ends) == 8
    assert not [1 for points in ends for box in boxes if box.count_contains(points)]


def test_a_panel_in_which_every_size_has_its_point_has_its_title_close_by(tmp_path):
    folder = synthetic.write(tmp_path)
    summary = pd.read_csv(folder / "summary.csv")
    first = summary["dataset"] == summary["dataset"].iloc[0]
    summary[first & (summary["status"] == "reached")].to_csv(folder / "summary.csv", index=False)
    figure = trade_off.draw(results.read(folder))
    figure.draw_without_rendering()
    for ax in figure.axes:
        texts = ax.findobj(matplotlib.text.Text)
        (title,) = [text for text in texts if text.get_text() == ax.get_title(loc="left")]
        assert title.get_window_extent().y0 - ax.bbox.y1 < 10 * figure.dpi / 72


def test_a_bar_without_end_has_room_below_the_top(tmp_path):
    folder = synthetic.write(tmp_path)
    summary = pd.read_csv(folder / "summary.csv")
    endless = np.isinf(summary["epochs_to_target_hi"])
    summary.loc[endless, ["epochs_to_target", "time_to_target_s"]] = [4.0, 900.0]
    summary.to_csv(folder / "summary.csv", index=False)
    for name, value in (("epochs-to-target", 4.0), ("time-to-target", 900.0)):
        for ax in figures.modules()[name].draw(results.read(folder)).axes:
            assert ax.transAxes.inverted().transform(ax.transData.transform((1, value)))[1] < 0.9


def test_the_front_is_what_nothing_beats_in_both():
    cells = pd.DataFrame(
        {
            "time_to_target_s": [3.0, 1.0, 2.0, 1.0, 4.0, np.nan, 5.0],
            "value": [0.97, 0.95, 0.94, 0.94, 0.98, 0.99, 0.98],
            "test_accuracy": [0.97, 0.95, 0.94, 0.94, 0.98, 0.99, 0.98],
        },
        index=[8, 16, 32, 64, 128, 256, 512],
    )
    # 32 and 64 are beaten by 16; 512 is later than 128 and no better; 256 did not reach the target.
    assert list(trade_off.front(cells).index) == [16, 8, 128]


def test_the_front_is_drawn_as_stairs_and_what_is_beaten_is_pale(trade):
    for ax in trade.axes:
        stairs = [line for line in ax.lines if line.get_drawstyle() == "steps-post"]
        assert len(stairs) == 2
        for line in stairs:
            assert (np.diff(line.get_xdata()) > 0).all()
            assert (np.diff(line.get_ydata()) > 0).all()
        assert any(line.get_alpha() == trade_off.PALE for line in ax.lines if len(line.get_xdata()))
