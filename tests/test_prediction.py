"""What one batch size predicts of all others: the formulas by hand, and the figure that holds them to it."""

from dataclasses import replace

import numpy as np
import pytest
import searched
import synthetic
from test_figure_of_noise import checkpoints

from benchmarks.publish import figures, noise_scale, results, writing

SIZES = np.array([8.0, 64.0, 512.0])


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    made = results.read(searched.add(synthetic.write(tmp_path_factory.mktemp("prediction"))))
    return replace(made, checkpoints=checkpoints(made))


def test_at_the_noise_scale_twice_the_fewest_examples_are_needed_at_half_the_largest_rate():
    # With S = 64: 1.125, 2 and 9 times the fewest examples; the rates are 1/9, 1/2 and 8/9 of the largest.
    assert noise_scale.examples_over(64, SIZES, 8) == pytest.approx([1, 2 / 1.125, 9 / 1.125])
    assert noise_scale.rate_over(64, SIZES, 8) == pytest.approx([1, 4.5, 8])


def test_the_line_goes_through_what_the_smallest_batch_size_needed(known):
    module = figures.modules()["prediction"]
    assert module.applies(known)
    figure = module.draw(known)
    writing.laid_out(figure)
    titled = [ax.get_title(loc="left") for ax in figure.axes]
    left, right = (figure.axes[titled.index("Digits, CNN · fixed-lr") + side] for side in (0, 1))
    scale = noise_scale.scale(known, ("digits", "cnn"), "fixed-lr")
    cells = known.trained.query(
        "framework == 'pytorch' and arm == 'fixed-lr' and dataset == 'digits' and model == 'cnn'"
    ).set_index("batch_size")
    needed = cells.at[scale.batch_size, "examples_to_target"], searched.best_rate(scale.batch_size)
    laws = noise_scale.examples_over, noise_scale.rate_over
    for ax, at_smallest, law in zip((left, right), needed, laws, strict=True):
        (line,) = [each for each in ax.lines if each.get_linestyle() == "--"]
        expected = at_smallest * law(scale.value, line.get_xdata(), scale.batch_size)
        assert line.get_ydata() == pytest.approx(expected)


def test_it_is_not_drawn_of_adam_without_a_noise_scale_or_without_a_search(known):
    module = figures.modules()["prediction"]
    study = known.provenance["study"]
    adam = {**study, "arms": [arm | {"optimizer": "adam"} for arm in study["arms"]]}
    assert not module.applies(replace(known, provenance={**known.provenance, "study": adam}))
    assert not module.applies(replace(known, checkpoints=known.checkpoints.assign(noise_scale=np.nan)))
    assert not module.applies(replace(known, rates=known.rates.iloc[:0]))
