"""The gradient noise scale where it is known: of a mean of quadratic losses."""

import math

import numpy as np
import pytest

from benchmarks.analysis import noise_scale, points
from benchmarks.analysis.noise_scale import fieller, from_batches, from_examples

REPETITIONS = 200
FEWEST = 182
"""Of 200 intervals of 95 %, fewer hold the truth with a probability below one in a hundred."""


class Quadratic:
    """The mean over examples of (θ − c) A (θ − c) / 2, so that the gradient of one is A (θ − c)."""

    def __init__(self, *, n=4000, size=12, distance=1.0, seed=0):
        random = np.random.default_rng(seed)
        self.a = np.diag(np.geomspace(0.1, 2.0, size))
        self.centres = random.gamma(2.0, 1.0, (n, size))
        self.theta = self.centres.mean(axis=0) + distance * random.normal(size=size)

    @property
    def n(self):
        return len(self.centres)

    def _each(self, theta, chosen):
        centres = self.centres if chosen is None else self.centres[chosen]
        return (theta - centres) @ self.a

    def gradient(self, theta, chosen=None):
        return self._each(theta, chosen).mean(axis=0)

    def squared_distances(self, theta, vector, chosen):
        return np.sum((self._each(theta, chosen) - vector) ** 2, axis=1)

    @property
    def squared(self):
        return float(np.sum(self.gradient(self.theta) ** 2))

    @property
    def trace(self):
        return float(np.sum(np.var(self._each(self.theta, None), axis=0)))


@pytest.fixture(scope="module")
def known():
    return Quadratic()


def of_sample(known, random, n=300):
    chosen = random.choice(len(known.centres), n, replace=False)
    full = known.gradient(known.theta)
    return from_examples(known.squared_distances(known.theta, full, chosen), full, n_training=known.n)


def groups(known, random, *, count=16, parts=16, size=8):
    for _ in range(count):
        chosen = random.choice(len(known.centres), (parts, size), replace=False)
        yield np.stack([known.gradient(known.theta, batch) for batch in chosen])


def of_batches(known, random, **settings):
    n = len(known.centres)
    return from_batches(groups(known, random, **settings), batch_size=settings.get("size", 8), n_training=n)


@pytest.mark.parametrize("estimate", [of_sample, of_batches])
def test_the_interval_holds_the_truth_as_often_as_it_says(known, estimate):
    truth, random = known.trace / known.squared, np.random.default_rng(1)
    found = [estimate(known, random) for _ in range(REPETITIONS)]
    held = sum(each.low <= truth <= (math.inf if each.high is None else each.high) for each in found)
    assert held >= FEWEST


def test_all_examples_give_the_exact_value_without_an_interval(known):
    n = len(known.centres)
    found = of_sample(known, np.random.default_rng(0), n=n)
    assert found.trace == pytest.approx(known.trace, rel=1e-12)
    assert found.squared_gradient == pytest.approx(known.squared, rel=1e-12)
    assert found.low == pytest.approx(found.simple) == pytest.approx(found.high)


def test_two_batch_sizes_are_right_on_average(known):
    """Of the training set itself: without the term S / N, |G|² would be too large by as much."""
    small = Quadratic(n=200, distance=0.3)
    found = of_batches(small, np.random.default_rng(2), count=20_000, parts=5, size=4)
    assert found.trace == pytest.approx(small.trace * 200 / 199, rel=0.01)
    assert found.squared_gradient == pytest.approx(small.squared, rel=0.02)


def test_averages_are_divided_and_no_ratios_averaged():
    """Two groups with |G|² of .5 and of 2.5 and the same tr Σ of 2: not 2.4, the mean of their ratios."""
    a = np.array([[1.0 + math.sqrt(0.5), 0.0], [1.0 - math.sqrt(0.5), 0.0]])
    b = np.array([[math.sqrt(3) + math.sqrt(0.5), 0.0], [math.sqrt(3) - math.sqrt(0.5), 0.0]])
    found = from_batches([a, b], batch_size=2, n_training=10**12)
    squares = [1.0 - 0.5, 3.0 - 0.5]
    assert found.squared_gradient == pytest.approx(np.mean(squares))
    assert found.trace == pytest.approx(2.0)
    assert found.simple == pytest.approx(2.0 / np.mean(squares))


def test_no_noise_is_a_scale_of_zero():
    same = [np.ones((4, 3)) for _ in range(5)]
    found = from_batches(same, batch_size=8, n_training=1000)
    assert found.simple == found.low == 0 == pytest.approx(found.high)


def test_where_the_gradient_is_lost_in_noise_the_scale_has_no_upper_end():
    lost = Quadratic(n=4000, distance=0.0)
    found = of_batches(lost, np.random.default_rng(0))
    assert found.high is None
    assert found.low > 100


def test_a_gradient_that_is_told_to_be_below_zero_has_no_upper_end():
    """The estimate of |G|² may be negative where it is lost; a ratio of two means would be negative too."""
    assert fieller(3.0, -1.0, np.array([[0.04, 0], [0, 0.02]]), freedom=15) == (0.0, math.inf)
    lost = Quadratic(n=500, distance=0.0)
    for seed in range(100):
        found = of_batches(lost, np.random.default_rng(seed))
        assert found.high is None or found.high >= found.low


def test_a_gradient_of_zero_has_no_noise_scale(known):
    found = from_examples(np.ones(10), np.zeros(12), n_training=100)
    assert found.simple is None and found.high is None


@pytest.mark.parametrize(
    ("numerator", "denominator", "covariance"),
    [
        (3.0, 1.0, [[0.04, 0.01], [0.01, 0.02]]),
        (3.0, 0.2, [[0.04, -0.01], [-0.01, 0.02]]),
        (0.1, 1.0, [[0.04, 0.0], [0.0, 0.02]]),
    ],
)
def test_the_interval_of_a_ratio_is_all_that_is_not_told_from_it(numerator, denominator, covariance):
    low, high = fieller(numerator, denominator, np.array(covariance), freedom=15)
    ratios = np.linspace(0, 200, 2_000_001)
    (a, b), (_, c) = covariance
    told = (numerator - ratios * denominator) ** 2 > 2.13145**2 * (a - 2 * ratios * b + ratios**2 * c)
    held = ratios[~told]
    assert max(low, 0) == pytest.approx(held.min(), abs=2e-4)
    assert (high == math.inf) if held.max() == 200 else high == pytest.approx(held.max(), abs=2e-4)


def test_both_estimates_of_a_measurement_agree_and_repeat(known):
    found = noise_scale.numbers(known, known.theta, seed=3)
    assert found == noise_scale.numbers(known, known.theta, seed=3)
    assert found != noise_scale.numbers(known, known.theta, seed=4)
    assert found["squared_gradient"] == pytest.approx(known.squared)
    truth = known.trace / known.squared
    for name in ("noise_scale", "noise_scale_of_batches"):
        assert found[f"{name}_lo"] <= truth * (1 + 1e-12)
        assert truth <= found[f"{name}_hi"] * (1 + 1e-12)


def test_few_examples_are_enough():
    few = Quadratic(n=40)
    found = noise_scale.numbers(few, few.theta, seed=0)
    assert found["noise_scale"] == pytest.approx(few.trace / few.squared)
    assert found["noise_scale_of_batches_lo"] < few.trace / few.squared * 1.5


@pytest.mark.parametrize("n", [2, 3, 12, 17])
def test_any_number_of_examples_from_two_on_is_measured(n):
    few = Quadratic(n=n)
    assert noise_scale.numbers(few, few.theta, seed=0)["noise_scale"] > 0


def test_one_example_has_no_noise_scale():
    alone = Quadratic(n=1)
    assert noise_scale.numbers(alone, alone.theta, seed=0) == {}


def test_what_overflows_is_empty():
    far = Quadratic(n=40)
    with np.errstate(all="ignore"):
        found = points.finite(noise_scale.numbers(far, far.theta * 1e200, seed=0))
    assert found["squared_gradient"] is None and found["noise_scale_hi"] is None
