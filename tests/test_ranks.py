"""The evidence of ranks: its chance is held to SciPy's exact one, and to how often it errs."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.publish.claims.ranks import chances, of_ranks

RANDOM = np.random.default_rng(0)


def test_of_one_seed_the_chance_is_that_of_every_order():
    one, other = np.arange(5.0), np.array([1.0, 0.0, 2.0, 4.0, 3.0])

    def statistic(values):
        return stats.spearmanr(values, other).statistic

    for place, alternative in enumerate(("greater", "less")):
        exact = stats.permutation_test(
            (one,), statistic, permutation_type="pairings", alternative=alternative
        )
        assert chances(one[np.newaxis], other[np.newaxis])[place] == pytest.approx(exact.pvalue)


def test_all_alike_and_all_the_contrary():
    sizes = pd.DataFrame(np.tile(np.arange(6.0), (5, 1)))
    alike, contrary = of_ranks(sizes, sizes, fewest=5), of_ranks(sizes, -sizes, fewest=5)
    assert alike.effect.value == 1 and contrary.effect.value == -1
    # However many seeds there are, it is one order of six batch sizes.
    assert alike.p_supported == contrary.p_refuted == pytest.approx(1 / math.factorial(6))
    assert alike.p_refuted == contrary.p_supported == pytest.approx(1.0)


def test_by_accident_it_errs_no_more_often_than_it_says_also_where_all_seeds_have_one_order():
    found = []
    for _ in range(1000):
        one, other = (np.tile(RANDOM.random(5), (5, 1)) + 0.01 * RANDOM.random((5, 5)) for _ in "ab")
        found.append(of_ranks(pd.DataFrame(one), pd.DataFrame(other), fewest=5))
    for level in (0.05, 0.01):
        for name in ("p_supported", "p_refuted"):
            share = np.mean([getattr(each, name) <= level for each in found])
            assert share <= level + 3 * np.sqrt(level / 1000)


def test_seeds_and_sizes_that_one_of_both_lacks_do_not_count():
    one = pd.DataFrame(RANDOM.random((5, 4)), columns=[8, 16, 32, 64])
    other = one.rename(columns={64: 128})
    assert of_ranks(one, other, fewest=5).remark == "3 batch sizes"
    assert not of_ranks(one.iloc[:4], one, fewest=5).tested
    assert of_ranks(one[[8, 16]], one, fewest=5).remark == "2 batch sizes that all seeds have"
