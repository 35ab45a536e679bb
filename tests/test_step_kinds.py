"""Arms of one step kind are timed once and need the same memory; arms of two step kinds share nothing."""

import numpy as np
import pandas as pd
import pytest
import synthetic
import synthetic_grid

from benchmarks.publish import marks, results
from benchmarks.publish.tables import execution
from benchmarks.summary.statistics import memory_fits

NAMES = {"dataset": "d", "model": "m", "framework": "f"}


def test_memory_is_fitted_to_each_form_on_its_own():
    rows = [
        {
            **NAMES,
            "step_kind": step_kind,
            "arm": arm,
            "batch_size": size,
            "peak_memory_mib": base + slope * size,
            "training_samples_per_s": float(ord(arm)),
            "time_to_target_s": 1.0,
        }
        for step_kind, arm, base, slope in [("sgd", "a", 10, 1), ("sgd", "b", 10, 1), ("adam", "c", 40, 3)]
        for size in (1, 2, 4)
    ]
    fits = memory_fits(pd.DataFrame(rows), capacity_mib=100).set_index("step_kind")
    assert fits["a_mib"].tolist() == pytest.approx([10, 40])
    assert fits["b_mib_per_example"].tolist() == pytest.approx([1, 3])
    assert fits["n_points"].tolist() == [6, 3]


def test_the_gain_of_the_fused_execution_is_that_of_each_form(tmp_path):
    read = results.read(synthetic.write(tmp_path, grid=synthetic_grid.RICH))
    (table,) = execution.tables(read)
    key = ["dataset", "model", "framework", "step_kind", "batch_size"]
    measured = read.throughput[read.throughput["status"] == "measured"]
    speeds = np.log(
        measured.pivot_table(index=[*key, "process"], columns="execution", values="samples_per_s")
    )
    gains = np.exp((speeds["fused"] - speeds["idiomatic"]).dropna().groupby(key).mean())
    found = table.data.set_index(key)["ratio"].dropna()
    assert found.index.get_level_values("step_kind").nunique() > 1
    assert found.to_dict() == pytest.approx({case: gains[case] for case in found.index})


def test_a_case_has_the_gravest_verdict_of_its_arms():
    verdicts = ["certified", "not certified: loss", "statistical", "certified", "statistical"]
    cells = pd.DataFrame(
        {"step_kind": ["sgd"] * 3 + ["adam"] * 2, "arm": list("abcde"), "identity": verdicts}
    )
    assert marks.gravest_of_case(cells, ["step_kind"])["arm"].tolist() == ["b", "e"]


def test_a_verdict_that_is_not_there_counts_as_not_certified():
    assert marks.kinds(pd.Series(["certified", None])).tolist() == ["certified", "not certified"]


def test_cases_are_those_of_the_study_in_its_order(tmp_path):
    known = results.read(synthetic.write(tmp_path, grid=synthetic_grid.RICH))
    assert len(known.cases) == 2 * 9 * 3 * 5
    assert known.cases[0] == ("mnist", "mlp", "keras", "momentum", 1)
    assert known.cases[5] == ("mnist", "mlp", "keras", "momentum", 4)
    assert known.cases[45] == ("mnist", "mlp", "keras", "adam-coupled-clip", 1)
    assert list(known.timed.values())[:2] == ["MNIST, MLP · momentum", "MNIST, MLP · adam-coupled-clip"]
