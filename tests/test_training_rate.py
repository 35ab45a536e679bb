"""The table that holds the speed of trainings to the timed one."""

import types

import numpy as np
import pandas as pd
import pytest
from tabled import texts

from benchmarks.publish import wording
from benchmarks.publish.tables import training_rate

RATES = {"yes": [0.99, 1.0, 1.01, 0.98], "no": [0.8, 0.81, 0.79, 0.8], "not resolved": [0.8, 1.0, 1.1, 0.9]}


@pytest.mark.parametrize("within", RATES)
@pytest.mark.parametrize("over", training_rate.RATIOS)
def test_the_speed_in_training_is_held_to_the_timed_one(within, over):
    names = {"dataset": "mnist", "model": "mlp", "framework": "keras", "disturbed": ""}
    names |= {f"training_over_{name}": 2.0 for name in training_rate.RATIOS}
    rows = [{**names, f"training_over_{over}": rate} for rate in RATES[within]]
    rows.append({**names, "disturbed": "1 of 6: a stop", f"training_over_{over}": 0.01})
    rows.append({**names, f"training_over_{over}": None})
    (table,) = training_rate.tables(types.SimpleNamespace(trained=pd.DataFrame(rows)))
    (line,) = texts(table)
    place = list(training_rate.RATIOS).index(over)
    assert line[2] == "4 of 6" and line[5 + 3 * place] == within and line[8 - 3 * place] == "no"
    assert table.data[f"training_over_{over}"].iloc[0] == pytest.approx(
        np.exp(np.mean(np.log(RATES[within])))
    )


def test_a_framework_of_which_every_cell_was_disturbed_keeps_its_row():
    names = {"dataset": "mnist", "model": "mlp", "framework": "keras", "disturbed": "1 of 6: a stop"}
    ratios = {f"training_over_{name}": 1.0 for name in training_rate.RATIOS}
    summary = pd.DataFrame([{**names, **ratios}])
    (table,) = training_rate.tables(types.SimpleNamespace(trained=summary))
    (line,) = texts(table)
    assert line[2] == "0 of 1" and set(line[3:]) == {wording.NOTHING}
