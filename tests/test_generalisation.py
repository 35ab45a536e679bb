"""The table of both generalisation gaps."""

import types

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tabled import texts

from benchmarks.publish import wording
from benchmarks.publish.tables import generalisation

NAMES = {"dataset": "mnist", "model": "mlp", "framework": "keras", "arm": "tuned"}
TRAINED = {8: [0.99, 0.98, 0.985], 64: [0.97, 0.98, 0.99], 512: [0.96, np.nan, 0.97]}
TESTED = {8: [0.95, 0.96, 0.94], 64: [0.96, 0.95, 0.93], 512: [0.93, np.nan, 0.91]}


def table(**changes):
    rows = [
        {**NAMES, "batch_size": size, "seed": seed, "train_accuracy": trained, "test_accuracy": tested}
        for size in TRAINED
        for seed, (trained, tested) in enumerate(zip(TRAINED[size], TESTED[size], strict=True))
    ]
    return generalisation.tables(types.SimpleNamespace(runs=pd.DataFrame(rows).assign(**changes)))


def student(values):
    """Mean and interval by scipy."""
    lo, hi = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    return [np.mean(values), lo, hi]


def test_both_gaps_are_means_over_the_seeds_with_their_intervals():
    (made,) = table()
    (own,) = made.data.query("batch_size == 64").to_dict("records")
    ends = ("", "_lo", "_hi")
    assert [own[f"gap{end}"] for end in ends] == pytest.approx(student([1.0, 3.0, 6.0]))
    assert [own[f"less_than_smallest{end}"] for end in ends] == pytest.approx(student([-1.0, 1.0, 1.0]))
    assert [own[f"test_accuracy{end}"] for end in ends] == pytest.approx(student([96.0, 95.0, 93.0]))


def test_a_seed_that_was_not_tested_counts_nowhere_and_the_smallest_batch_size_has_no_gap_to_itself():
    (made,) = table()
    largest = made.data.set_index("batch_size").loc[512]
    assert largest["n_runs"] == 2
    assert largest["less_than_smallest"] == pytest.approx((2.0 + 3.0) / 2)
    assert np.isnan(made.data.set_index("batch_size").loc[8, "less_than_smallest"])
    smallest, *_ = texts(made)
    assert smallest[-1] == wording.NOTHING and smallest[3] == "8"


def test_of_one_run_there_is_no_interval_and_of_none_no_table():
    (made,) = table(seed=np.arange(9))
    assert made.data["less_than_smallest"].isna().all()
    assert table(test_accuracy=np.nan) == []
