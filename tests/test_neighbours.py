"""A batch size beside its neighbours, of speeds that are known."""

import types

import numpy as np
import pandas as pd
import pytest

from benchmarks.publish.tables import neighbours

CASE = {
    "dataset": "mnist",
    "model": "mlp",
    "step_kind": "momentum",
    "framework": "keras",
    "execution": "fused",
}


def table(speeds, disturbed=()):
    """The table of processes, each of which has these speeds at these sizes times a speed of its own.

    At the size 128, processes of these numbers were `disturbed`.
    """
    rows = [
        {
            **CASE,
            "batch_size": size,
            "process": process,
            "status": "measured",
            "disturbed": "a stop" if size == 128 and process in disturbed else "",
            "samples_per_s": each * of_process,
        }
        for process, of_process in enumerate((1.0, 3.0, 0.5))
        for size, each in speeds.items()
    ]
    return neighbours.tables(types.SimpleNamespace(throughput=pd.DataFrame(rows), several_step_kinds=False))


@pytest.mark.parametrize(("times", "faster"), [(1.5, "yes"), (1.0, "no"), (0.5, "no"), (1.02, "no")])
def test_a_size_is_held_to_the_geometric_mean_of_its_neighbours_process_by_process(times, faster):
    (found,) = table({127: 100.0, 128: times * 200.0, 129: 400.0, 512: 999.0})
    (row,) = found.rows
    assert [entry.text for entry in row[:4]] == ["MNIST, MLP", "Keras", "fused", "128"]
    assert found.data["ratio"].tolist() == pytest.approx([times])
    assert found.data["ratio_lo"].tolist() == pytest.approx([times])
    assert row[6].text == faster


def test_a_disturbed_timing_does_not_count():
    (found,) = table({127: 100.0, 128: 200.0, 129: 400.0}, disturbed=[1])
    assert found.data["processes"].tolist() == [2]
    assert table({127: 100.0, 128: 200.0, 129: 400.0}, disturbed=[0, 1, 2]) == []


def test_a_size_without_both_neighbours_has_no_row():
    assert table({96: 1.0, 97: 2.0, 128: 3.0}) == []


def test_a_process_that_lacks_one_of_the_three_does_not_count():
    (found,) = table({1: 100.0, 2: 150.0, 3: 100.0})
    assert found.data["processes"].tolist() == [3]
    scattered = neighbours._beside(pd.DataFrame({1: [1.0, np.nan], 2: [1.0, 1.0], 3: [1.0, 1.0]}), 2)
    assert scattered["processes"] == 1 and np.isnan(scattered["ratio_lo"])
    assert neighbours._faster(np.nan, np.nan) == "not resolved"
