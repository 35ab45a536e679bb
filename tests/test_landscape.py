"""The loss on a plane through a solution: its places by hand, its solution, its rows and its figure."""

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from test_checkpoints import CONFIG, plans_of, run_job

from benchmarks import datasets
from benchmarks.analysis import landscape, record
from benchmarks.publish import figures, results, writing
from benchmarks.study import check
from benchmarks.summary import analyses, columns, schema

SHAPES = {"0.kernel": (3, 2), "0.bias": (2,)}


class Quadratic:
    """The loss |θ|² over any examples, of a kernel and a bias."""

    n = 100

    def tree(self, theta):
        return {"0.kernel": theta[:6].reshape(3, 2), "0.bias": theta[6:]}

    def value(self, theta, chosen):
        assert len(set(chosen)) == self.n
        return float(np.sum(theta**2))


def test_heights_are_the_loss_along_two_directions_as_long_as_the_weights():
    theta = np.arange(1.0, 9.0)
    found = landscape.heights(Quadratic(), theta)
    by_place = {(each.x, each.y): each.training_loss for each in found}
    assert len(by_place) == len(found) == 17 * 17
    assert by_place[0, 0] == pytest.approx(np.sum(theta**2))
    kernel = np.sum(theta[:6] ** 2)
    # |θ + x d|² + |θ − x d|² = 2 |θ|² + 2 x² |d|², and d is as long as the kernel.
    for x, y in ((1, 0), (0, 0.5), (0.25, 0)):
        both = by_place[x, y] + by_place[-x, -y]
        assert both == pytest.approx(2 * np.sum(theta**2) + 2 * (x**2 + y**2) * kernel)
    cross = by_place[1, 1] - by_place[1, 0] - by_place[0, 1] + by_place[0, 0]
    assert abs(cross) < 2 * kernel, "two directions and not one"


def test_the_directions_are_the_same_for_every_training():
    theta = np.arange(1.0, 9.0)
    assert landscape.heights(Quadratic(), theta) == landscape.heights(Quadratic(), theta)
    scaled = landscape.heights(Quadratic(), 3 * theta)
    for one, other in zip(landscape.heights(Quadratic(), theta), scaled, strict=True):
        assert other.training_loss == pytest.approx(9 * one.training_loss)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    datasets.store("digits", path)
    return path


def test_a_job_measures_planes_and_they_become_rows(digits, tmp_path):
    config = CONFIG | {"analyses": ["landscape"], "seeds": [0]}
    (replicate,) = plans_of(config)
    place = record.path(tmp_path, replicate.name)
    made = run_job(replicate, digits, tmp_path / "store", place, ("landscape", "noise-scale"))
    for run in made:
        middle = {(each.x, each.y): each.training_loss for each in run.landscape}[0, 0]
        assert middle == pytest.approx(run.analyses["noise-scale"][-1].training_loss, rel=1e-4)
    rows = columns.frame(analyses.landscape(check.read(config), tmp_path), schema.LANDSCAPE)
    schema.LANDSCAPE.validate(rows)
    assert len(rows) == 4 * 17 * 17
    matched = run_job(
        replicate, digits, tmp_path / "store", tmp_path / "1.json", ("landscape", "width"), matched_loss=1.2
    )
    for run in matched:
        at_loss = [each for each in run.analyses["width"] if "matched" in each.roles]
        assert len(run.landscape) == (17 * 17 if at_loss else 0), "without that loss there is no plane"
        if at_loss:
            middle = {(each.x, each.y): each.training_loss for each in run.landscape}[0, 0]
            assert middle == pytest.approx(at_loss[0].training_loss, rel=1e-4)
    assert {len(run.landscape) for run in matched} == {0, 17 * 17}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Bowls of two batch sizes and two seeds; the large batch's is four times as steep."""
    made = results.read(synthetic.write(tmp_path_factory.mktemp("planes")))
    rows = [
        {
            "dataset": "mnist",
            "model": "mlp",
            "arm": "fixed-lr",
            "batch_size": size,
            "seed": seed,
            "x": x,
            "y": y,
        }
        | {"training_loss": 0.05 + (x**2 + y**2) * size / 128 + 0.01 * seed}
        for size in (128, 512)
        for seed in range(2)
        for x in landscape.PLACES
        for y in landscape.PLACES
    ]
    return replace(made, landscape=columns.frame(rows, schema.LANDSCAPE))


def test_the_figure_has_two_planes_and_a_line_for_each_batch_size(known):
    module = figures.modules()["landscape"]
    assert module.applies(known)
    figure = module.draw(known)
    writing.laid_out(figure)
    small, large, line = figure.axes[:3]
    assert small.get_title(loc="left").endswith("B = 128") and large.get_title(loc="left") == "B = 512"
    ends = [float(each.get_ydata()[-1]) for each in line.lines]
    assert ends == pytest.approx([1.055, 4.055])
    rows = known.landscape
    later = rows[(rows["batch_size"] == 128) | (rows["seed"] == 1)]
    (one, other) = module.planes(later, 128, 512)
    assert (one.loc[0, 0], other.loc[0, 0]) == pytest.approx((0.06, 0.06)), "of the seed that both have"
    assert not module.applies(replace(known, landscape=known.landscape.iloc[:0]))
