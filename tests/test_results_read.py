"""Results that are damaged or of another version are told when tables are written."""

import json

import pandas as pd
import pytest
import synthetic

from benchmarks.common.errors import Problem
from benchmarks.publish import tables


def test_results_that_do_not_tell_how_long_was_trained_are_of_another_version(tmp_path):
    path = synthetic.write(tmp_path) / "summary.csv"
    pd.read_csv(path).drop(columns="epochs_trained").to_csv(path, index=False)
    with pytest.raises(
        Problem, match=r"summary\.csv is of another version: it lacks the columns epochs_trained"
    ):
        tables.write(tmp_path)


@pytest.mark.parametrize("name", ["summary", "throughput", "memory_fit"])
def test_results_without_forms_are_told_to_be_of_another_version(tmp_path, name):
    synthetic.write(tmp_path)
    path = tmp_path / f"{name}.csv"
    pd.read_csv(path).drop(columns="step_kind").to_csv(path, index=False)
    with pytest.raises(Problem, match=rf"{name}\.csv is of another version: it lacks the columns step_kind"):
        tables.write(tmp_path)


@pytest.mark.parametrize("part", ["float32_bound", "equivalence", "certificates.verdict"])
def test_certificates_of_another_version_are_told(tmp_path, part):
    path = synthetic.write(tmp_path) / "identity.json"
    found = json.loads(path.read_text())
    if "." in part:
        del found["certificates"][3]["verdict"]
    else:
        del found[part]
    path.write_text(json.dumps(found))
    with pytest.raises(Problem, match=rf"identity\.json is of another version: it lacks the columns {part}"):
        tables.write(tmp_path)


@pytest.mark.parametrize("damage", ["missing", "empty", "column", "rows"])
def test_a_folder_that_cannot_be_read_is_told(tmp_path, damage):
    path = synthetic.write(tmp_path) / "summary.csv"
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_text("")
    else:
        frame = pd.read_csv(path)
        (frame.drop(columns="identity") if damage == "column" else frame[:0]).to_csv(path, index=False)
    with pytest.raises(Problem, match=r"summary\.csv"):
        tables.write(tmp_path)
