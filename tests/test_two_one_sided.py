"""The two one-sided tests, against arithmetic done by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.identity.equivalence import ACCURACY_MARGIN
from benchmarks.identity.two_one_sided import Differences, two_one_sided


def exactly(values, margin):
    return two_one_sided(Differences(values, values, values), margin)


def test_the_statistic_is_that_of_a_table():
    # mean 0.1, sd 0.1, n = 4: error 0.05; t = 0.6 / 0.05 = 12 and −0.4 / 0.05 = −8; t(0.95; 3) = 2.353.
    differences = np.array([0.0, 0.2, 0.0, 0.2])
    differences = 0.1 + (differences - 0.1) * math.sqrt(3) / 2
    assert np.std(differences, ddof=1) == pytest.approx(0.1)
    found = exactly(differences, (-0.5, 0.5))
    assert found.mean == pytest.approx(0.1)
    assert found.lo == pytest.approx(0.1 - 2.353 * 0.05, abs=1e-4)
    assert found.hi == pytest.approx(0.1 + 2.353 * 0.05, abs=1e-4)
    assert found.p == pytest.approx(0.5 * (1 - t3(8.0)), rel=1e-6)


def t3(x):
    """Chance that |t| ≤ x with 3 degrees of freedom, in closed form."""
    angle = math.atan(x / math.sqrt(3))
    return 2 / math.pi * (angle + math.sin(angle) * math.cos(angle))


def test_two_seeds_are_a_cauchy_distribution():
    # n = 2, one degree of freedom: P(T > t) = ½ − atan(t) / π. mean 0, error 0.1, t = 5.
    found = exactly(np.array([-0.1, 0.1]), (-0.5, 0.5))
    assert found.p == pytest.approx(0.5 - math.atan(5) / math.pi)


def test_p_and_interval_decide_alike():
    random = np.random.default_rng(0)
    verdicts = set()
    for _ in range(200):
        differences = random.normal(random.uniform(-0.6, 0.6), 0.4, size=random.integers(2, 9))
        found = exactly(differences, ACCURACY_MARGIN)
        within = ACCURACY_MARGIN[0] < found.lo and found.hi < ACCURACY_MARGIN[1]
        assert (found.p < 0.05) == within
        verdicts.add(within)
    assert verdicts == {True, False}


def test_the_chance_to_call_a_difference_at_the_margin_equivalent_is_five_percent():
    random = np.random.default_rng(1)
    called = [exactly(random.normal(0.5, 0.1, 10), (-0.5, 0.5)).p <= 0.05 for _ in range(2000)]
    assert stats.binomtest(sum(called), len(called), 0.05).pvalue > 0.001
