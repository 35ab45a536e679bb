"""Records: written whole or not at all, read only where they match the schema."""

import pytest

from benchmarks.common.errors import Problem
from benchmarks.recipe.plan import Cell
from benchmarks.training import record
from benchmarks.training.record import Record, Run, Status

CELL = Cell(dataset="digits", model="mlp", framework="keras", arm="fixed-lr", batch_size=16)


def a_record(**changes) -> Record:
    values = {
        "cell": CELL,
        "settings": {},
        "runs": [Run(seed=0, status=Status.DIVERGED)],
        "measurements": {"x_mib": None},
    }
    return Record(**{**values, "job_s": 1.0, "measuring_s": 0.5, "provenance": {}, **changes})


def test_a_record_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "deep" / "16.json"
    record.write(a_record(), path)
    assert record.read(path) == a_record()


@pytest.mark.parametrize("text", ["", "{", "{}", '{"schema_version": 2}', "[]"])
def test_anything_else_is_refused_with_its_name(tmp_path, text):
    path = tmp_path / "16.json"
    path.write_text(text)
    with pytest.raises(Problem, match=r"16\.json is not a record"):
        record.read(path)


def test_an_unknown_field_is_refused(tmp_path):
    path = tmp_path / "16.json"
    path.write_text(a_record().model_dump_json().replace('"job_s"', '"jobs"'))
    with pytest.raises(Problem):
        record.read(path)


def test_a_failed_write_leaves_the_old_record_and_no_scrap(tmp_path, monkeypatch):
    path = tmp_path / "16.json"
    record.write(a_record(), path)

    def full_disk(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full_disk)
    with pytest.raises(OSError, match=r"No space left on device.*16\.json"):
        record.write(a_record(job_s=2.0), path)
    assert record.read(path).job_s == 1.0
    assert [file.name for file in tmp_path.iterdir()] == ["16.json"]
