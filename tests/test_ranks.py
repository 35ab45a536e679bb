"""The evidence of ranks: its chance is held to SciPy's exact one, and to how often it errs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.publish.claims.ranks import chance, of_ranks

RANDOM = np.random.default_rng(0)


def test_of_one_seed_the_chance_is_that_of_every_order():
    one, other = np.arange(5.0), np.array([1.0, 0.0, 2.0, 4.0, 3.0])

    def statistic(values):
        return stats.spearmanr(values, other).statistic

    exact = stats.permutation_test((one,), statistic, permutation_type="pairings", alternative="greater")
    distance = ((one - other) ** 2).sum()
    assert chance(distance, 5, 1) == pytest.approx(exact.pvalue)


def test_all_alike_and_all_the_contrary():
    sizes = pd.DataFrame(np.tile(np.arange(4.0), (5, 1)))
    alike, contrary = of_ranks(sizes, sizes, fewest=5), of_ranks(sizes, -sizes, fewest=5)
    assert alike.effect.value == 1 and contrary.effect.value == -1
    assert alike.p_supported == contrary.p_refuted == pytest.approx(24.0**-5)
    assert alike.p_refuted == contrary.p_supported == pytest.approx(1.0)


def test_by_accident_it_errs_no_more_often_than_it_says():
    found = [
        of_ranks(pd.DataFrame(RANDOM.random((5, 4))), pd.DataFrame(RANDOM.random((5, 4))), fewest=5)
        for _ in range(2000)
    ]
    for level in (0.05, 0.01):
        for name in ("p_supported", "p_refuted"):
            share = np.mean([getattr(each, name) <= level for each in found])
            assert share <= level + 3 * np.sqrt(level / 2000)


def test_seeds_and_sizes_that_one_of_both_lacks_do_not_count():
    one = pd.DataFrame(RANDOM.random((5, 4)), columns=[8, 16, 32, 64])
    other = one.assign(**{"64": np.nan}).rename(columns={"64": 128})
    other[32] = np.nan
    assert of_ranks(one, other, fewest=5).n == 5
    assert not of_ranks(one.iloc[:4], one, fewest=5).tested
    assert of_ranks(one[[8, 16]], one, fewest=5).remark == "2 batch sizes that all seeds have"
