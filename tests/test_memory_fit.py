"""The line through peak memory, against the line it was made from."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.summary.statistics import memory_fit, memory_fits


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


def test_memory_is_fitted_only_where_there_are_points_enough():
    names = {"dataset": "d", "model": "m", "framework": "f", "step_kind": "sgd"}
    summary = pd.DataFrame({**names, "batch_size": [1, 2], "peak_memory_mib": 1.0})
    assert len(memory_fits(summary, capacity_mib=1.0)) == 0
