"""What a timing process leaves, and one that dies."""

import json
import types
from pathlib import Path

import pytest
from timings import INFO, benchmark_of

from benchmarks.common.errors import Problem
from benchmarks.throughput import job, launch, rows
from benchmarks.throughput.launch import Died, collect
from benchmarks.throughput.rows import Case, Request

CASE_OF_4 = Case(**{key: INFO[key] for key in Case.model_fields} | {"batch_size": 4})


@pytest.mark.parametrize(
    ("died_of", "kills", "status"),
    [(-9, 1, "out-of-memory"), (-9, 0, "failed"), (-11, 1, "failed")],
)
def test_a_case_whose_process_died_has_failed_and_one_of_several_is_told(
    tmp_path, monkeypatch, died_of, kills, status
):
    counted = iter([0, kills, 0])
    monkeypatch.setattr(launch.process, "oom_kills", lambda: next(counted))

    def call(function, options, *, environment):
        request_file = Path(environment["BATCH_ATLAS_REQUEST"])
        request_file.with_suffix(".provenance").write_text(json.dumps({"device": {"kind": "cpu"}}))
        return None, died_of

    server = types.SimpleNamespace(call=call)
    content = launch.launch(request_of(cases=[CASE_OF_4]), tmp_path, server)
    assert content["benchmarks"] == []
    assert [(each["batch_size"], each["status"]) for each in content["failures"]] == [(4, status)]
    assert content["provenance"]["device"] == {"kind": "cpu"}
    with pytest.raises(Died):
        launch.launch(request_of(cases=[CASE_OF_4, CASE_OF_4]), tmp_path, server)


def test_a_process_that_could_not_start_is_a_problem(tmp_path):
    server = types.SimpleNamespace(call=lambda *_, environment: (None, 1))
    with pytest.raises(Problem, match="process 0 of keras ended with code 1"):
        launch.launch(request_of(cases=[CASE_OF_4]), tmp_path, server)


def request_of(**changes):
    return Request(
        **{
            **{"framework": "keras", "process": 0, "device": "cpu", "precision": "float32"},
            **{"threads": 1, "seconds_per_case": 1.0, "data": {}, "arms": [], "cases": []},
            **changes,
        }
    )


def collected(folder, benchmarks, failures):
    """What is made of the files of a process; pytest-benchmark writes none where nothing was timed."""
    draft = folder / ".keras-0.draft"
    if benchmarks is not None:
        draft.write_text(json.dumps({"benchmarks": benchmarks}))
    draft.with_suffix(".failures").write_text("".join(json.dumps(each) + "\n" for each in failures))
    draft.with_suffix(".provenance").write_text(json.dumps({"device": {"kind": "cpu"}}))
    content = collect(draft, request_of(), job_s=2.0, circumstances={"started": "a"})
    assert list(folder.iterdir()) == []
    return content


CASE = {key: INFO[key] for key in Case.model_fields}


def test_a_case_that_failed_after_its_rounds_is_a_failure_alone(tmp_path):
    broken = {**benchmark_of([0.1]), "extra_info": {"status": "out-of-memory"}}
    good = benchmark_of([0.1], batch_size=4)
    content = collected(tmp_path, [broken, good], [{**CASE, "status": "out-of-memory"}])
    table = job.tidy([content])
    assert table["status"].tolist() == ["measured", "out-of-memory"]
    assert table["batch_size"].tolist() == [4, INFO["batch_size"]]


def test_a_process_in_which_every_case_failed_leaves_its_failures(tmp_path):
    content = collected(tmp_path, None, [{**CASE, "status": "failed"}])
    assert job.tidy([content])["status"].tolist() == ["failed"]
    (tmp_path / "keras-0-0.json").write_text(json.dumps(content))
    (process,) = rows.processes(tmp_path)
    assert (process.framework, process.measuring_s) == ("keras", 0)
    assert process.provenance == {"device": {"kind": "cpu"}, "started": "a"}
