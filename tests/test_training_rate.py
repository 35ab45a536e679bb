"""The table that holds the speed of trainings to the timed one."""

import types

import numpy as np
import pandas as pd
import pytest
from tabled import texts

from benchmarks.publish import wording
from benchmarks.publish.tables import training_rate

RATES = {"yes": [0.99, 1.0, 1.01, 0.98], "no": [0.8, 0.81, 0.79, 0.8], "not resolved": [0.8, 1.0, 1.1, 0.9]}
NAMES = {"dataset": "mnist", "model": "mlp", "framework": "keras", "step_kind": "momentum"}


@pytest.mark.parametrize("within", RATES)
@pytest.mark.parametrize("over", training_rate.RATIOS)
def test_the_speed_in_training_is_held_to_the_timed_one(within, over):
    names = {**NAMES, "disturbed": ""}
    names |= {f"training_over_{name}": 2.0 for name in training_rate.RATIOS}
    rows = [
        {**names, "batch_size": size, f"training_over_{over}": rate}
        for size, rate in enumerate(RATES[within])
    ]
    rows.append({**names, "batch_size": 8, "disturbed": "1 of 6: a stop", f"training_over_{over}": 0.01})
    rows.append({**names, "batch_size": 9, f"training_over_{over}": None})
    (table,) = training_rate.tables(types.SimpleNamespace(trained=pd.DataFrame(rows), provenance={}))
    (line,) = texts(table)
    place = list(training_rate.RATIOS).index(over)
    assert line[2] == "4 of 6" and line[5 + 3 * place] == within and line[8 - 3 * place] == "no"
    assert table.data[f"training_over_{over}"].iloc[0] == pytest.approx(
        np.exp(np.mean(np.log(RATES[within])))
    )


def test_a_framework_of_which_every_cell_was_disturbed_keeps_its_row():
    names = {**NAMES, "batch_size": 8, "disturbed": "1 of 6: a stop"}
    ratios = {f"training_over_{name}": 1.0 for name in training_rate.RATIOS}
    summary = pd.DataFrame([{**names, **ratios}])
    (table,) = training_rate.tables(types.SimpleNamespace(trained=summary, provenance={}))
    (line,) = texts(table)
    assert line[2] == "0 of 1" and set(line[3:]) == {wording.NOTHING}


def test_arms_that_share_a_timing_are_one_value():
    of_arms = {"batch_size": [1, 1, 2, 2], "training_over_calls": 1.0}
    cells = pd.DataFrame(
        {**NAMES, **of_arms, "training_over_throughput": [0.8, 0.2, 1.0, 1.0], "disturbed": ""}
    )
    (row,) = training_rate.rates(cells).to_dict("records")
    assert (row["n"], row["n_all"]) == (2, 2)
    assert row["training_over_throughput_least"] == pytest.approx(0.4)
    assert row["training_over_throughput"] == pytest.approx(np.sqrt(0.4))


@pytest.mark.parametrize(
    ("probe_ms", "told"),
    [
        ({"timed": 0.5, "trained": 0.6}, "took 1.20 times as long"),
        ({"timed": 0.5, "trained": None}, ""),
        (None, ""),
    ],
)
def test_a_machine_that_drifted_between_timings_and_trainings_is_told(probe_ms, told):
    ratios = {f"training_over_{name}": 0.8 for name in training_rate.RATIOS}
    trained = pd.DataFrame([{**NAMES, **ratios, "batch_size": 8, "disturbed": ""}])
    provenance = {"probe_ms": probe_ms} if probe_ms else {}
    (table,) = training_rate.tables(types.SimpleNamespace(trained=trained, provenance=provenance))
    assert told in table.caption and ("fixed piece" in table.caption) == bool(told)
