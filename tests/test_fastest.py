"""The fastest batch size of each machine, on results whose times are known."""

import pandas as pd
import pytest
from test_compare import put

from benchmarks.compare import fastest, machines


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Two machines that trained and one that only timed, which takes the examples of the others."""
    folders = [tmp_path_factory.mktemp("results") / "tiny" / name for name in ("slow", "fast", "new")]
    for folder in folders:
        put(folder, folder.name)
    known = machines.table([machines.read(folder) for folder in folders])
    (made,) = fastest.tables(machines.with_predictions(known, machines.predictions(known)))
    return made


def test_measured_and_predicted_times(table):
    rows = table.data.set_index("machine")
    assert list(rows.loc["slow", ["measured_fastest", "measured_time_s"]]) == [64, 1.25 * 120_000 / 40_000]
    # Of the other machine that trained: 150,000 examples at B = 64.
    assert list(rows.loc["slow", ["predicted_fastest", "predicted_time_s"]]) == [64, 150_000 / 40_000]
    assert pd.isna(rows.loc["new", "measured_fastest"])
    assert list(rows.loc["new", ["predicted_fastest", "predicted_time_s"]]) == [64, 135_000 / 800_000]


def cells_of(timed):
    """Cells of these batch sizes, times to the target and signs of disturbance."""
    names = {"dataset": "digits", "model": "mlp", "arm": "tuned", "target": 0.9, "training": "t"}
    names |= {"framework": "keras", "machine": "m", "study": "s", "precision": "float32"}
    return pd.DataFrame(
        [
            names
            | {"batch_size": size, "time_to_target_s": time, "time_to_target_predicted_s": None}
            | {"disturbed": reason, "identity": "certified"}
            for size, time, reason in timed
        ]
    ).astype({"time_to_target_predicted_s": float})


def test_what_is_within_a_tenth():
    times = [(512, 2.1, ""), (64, 2.0, "other work"), (8, 9.0, ""), (4096, 2.2, ""), (1024, None, "")]
    (made,) = fastest.tables(cells_of(times))
    texts = [entry.text for entry in made.rows[0]]
    assert texts[3:] == ["512", "2.10", "512, 4,096", "—", "—", "—"]


def test_what_was_disturbed_is_the_fastest_only_where_little_else_is_known():
    (made,) = fastest.tables(cells_of([(512, 2.1, "other work"), (64, 2.0, "other work"), (8, 9.0, "")]))
    assert [entry.text for entry in made.rows[0]][3:] == ["64", "2.00¶", "64, 512", "—", "—", "—"]


NAMES = ["dataset", "model", "arm", "target", "training", "framework", "machine", "study", "precision"]


def test_without_any_time_there_is_no_table():
    assert fastest.tables(pd.DataFrame(columns=[*NAMES, *fastest.TIMES.values()])) == []
