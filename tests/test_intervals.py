"""Intervals and ratios against arithmetic."""

import numpy as np
import pytest

from benchmarks.summary import statistics


def test_geometric_mean_has_students_interval_of_the_logs():
    found = statistics.geometric_mean([1.0, 4.0])
    assert found.value == pytest.approx(2.0)
    half = 12.706204736 * np.log(4) / np.sqrt(2) / np.sqrt(2)  # t(0.975, 1) · s / √n
    assert found.hi == pytest.approx(2.0 * np.exp(half), rel=1e-6)
    assert found.lo == pytest.approx(2.0 / np.exp(half), rel=1e-6)


def test_one_value_has_no_interval():
    found = statistics.geometric_mean([3.0])
    assert found.value == pytest.approx(3.0)
    assert np.isnan(found.lo)
    assert np.isnan(found.hi)


def test_a_ratio_is_taken_pair_by_pair():
    found = statistics.paired_ratio([2.0, 20.0, 200.0], [1.0, 10.0, 100.0])
    assert found == pytest.approx((2.0, 2.0, 2.0))


def test_a_censored_run_counts_as_infinite_and_is_never_dropped():
    found = statistics.median_of_censored([1.0, 2.0, np.inf])
    assert (found.value, found.lo, found.hi) == (2.0, 1.0, np.inf)
    assert statistics.median_of_censored([1.0, np.inf, np.inf]).value == np.inf
    assert statistics.median_of_censored([1.0, np.inf]).value == np.inf
