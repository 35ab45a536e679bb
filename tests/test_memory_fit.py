"""The line through peak memory, against the line it was made from."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.summary.statistics import distinct, memory_fit, memory_fits


def test_the_memory_fit_finds_the_line_it_was_made_from():
    sizes = np.array([1, 64, 1024, 4096])
    found = memory_fit(sizes, 50 + 0.25 * sizes, capacity_mib=1050)
    assert found["a_mib"] == pytest.approx(50)
    assert found["b_mib_per_example"] == pytest.approx(0.25)
    assert found["residual_share"] == pytest.approx(0, abs=1e-12)
    assert found["largest_batch"] == 4000


def test_the_memory_fit_reports_its_worst_residual_and_no_batch_for_flat_memory():
    found = memory_fit(np.array([0, 1, 2]), np.array([10.0, 13.0, 10.0]), capacity_mib=100)
    assert found["residual_share"] == pytest.approx(2 / 11)
    assert found["largest_batch"] is None


@pytest.mark.parametrize(("off", "largest"), [(0.04, True), (0.12, False)])
def test_a_line_that_memory_does_not_follow_gives_no_largest_batch(off, largest):
    sizes = np.array([1, 64, 1024, 4096])
    memory = (50 + 0.25 * sizes) * np.array([1 + off, 1, 1, 1])
    found = memory_fit(sizes, memory, capacity_mib=1050)
    assert (found["residual_share"] <= 0.05) == largest
    assert (found["largest_batch"] is not None) == largest


RUNS = {"training_samples_per_s": [100.0, 200.0], "time_to_target_s": [1.0, 2.0]}


def test_a_training_under_two_names_is_one_point_of_the_line():
    names = {"dataset": "d", "model": "m", "framework": "f", "step_kind": "sgd"}
    cells = pd.DataFrame(
        {
            "batch_size": [1, 1, 2, 3, 4, 4],
            "peak_memory_mib": [5.0, 5.0, 6.0, 7.0, np.nan, np.nan],
            "training_samples_per_s": [10.0, 10.0, 20.0, 20.0, np.nan, np.nan],
            "time_to_target_s": [1.0, 1.0, np.nan, np.nan, np.nan, np.nan],
            **names,
        }
    )
    assert distinct(cells).index.tolist() == [0, 2, 3, 4, 5]
    assert memory_fits(cells, capacity_mib=9.0)["n_points"].tolist() == [3]


def test_memory_is_fitted_only_where_there_are_points_enough():
    names = {"dataset": "d", "model": "m", "framework": "f", "step_kind": "sgd"}
    summary = pd.DataFrame({**names, **RUNS, "batch_size": [1, 2], "peak_memory_mib": 1.0})
    assert len(memory_fits(summary, capacity_mib=1.0)) == 0
