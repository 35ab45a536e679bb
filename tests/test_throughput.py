"""Throughput against arithmetic, and what its files keep."""

import itertools
import json
import types

import numpy as np
import pytest

from benchmarks.recipe.batches import BatchStream
from benchmarks.study.study import Workload
from benchmarks.throughput import rows
from benchmarks.throughput.job import missing, remove_stale, serial, store
from benchmarks.throughput.rows import Case, Request, cases_of, shuffled

INFO = {
    "dataset": "digits",
    "model": "mlp",
    "framework": "keras",
    "step_kind": "momentum",
    "execution": "fused",
    "batch_size": 2,
    "process": 0,
    "code": "c",
    "status": "measured",
    "compile_s": None,
    "first_step_s": 0.5,
    "input_share": 0.25,
    "steps_per_round": 10,
    "measuring_s": 1.5,
}


def workload(*sizes):
    target, budget = {"validation_accuracy": 0.9, "source": "x"}, {"epochs": 1, "seconds": 1}
    return Workload(dataset="digits", model="mlp", batch_sizes=sizes, target=target, budget=budget)


def benchmark_of(rounds_s, **changes):
    return {"extra_info": {**INFO, **changes}, "stats": {"data": rounds_s}}


def test_ten_steps_of_a_hundredth_of_a_second_at_batch_2_are_200_samples_per_s():
    row = rows.row(benchmark_of([0.1, 0.1, 0.1]))
    assert row["samples_per_s"] == pytest.approx(200.0)
    assert row["step_p50_ms"] == pytest.approx(10.0)


def test_throughput_is_that_of_the_median_round_and_p95_that_of_the_slow_ones():
    row = rows.row(benchmark_of([0.1, 0.1, 0.1, 0.1, 1.1]))
    assert row["samples_per_s"] == pytest.approx(200.0)
    assert row["step_p95_ms"] == pytest.approx(np.quantile([10, 10, 10, 10, 110], 0.95))


def write_files(folder, *contents):
    for number, (benchmarks, failures) in enumerate(contents):
        content = {
            "benchmarks": benchmarks,
            "failures": failures,
            "job_s": 4.0,
            "provenance": {"others_cpu_share": 0.25},
        }
        (folder / f"keras-0-{number}.json").write_text(json.dumps(content))


def test_a_failed_case_keeps_its_row(tmp_path):
    failed = {**INFO, "batch_size": 1257, "status": "out-of-memory"}
    write_files(tmp_path, ([benchmark_of([0.1])], [failed]))
    table = rows.read_timings(tmp_path, code="c")
    assert list(table["status"]) == ["measured", "out-of-memory"]
    assert np.isnan(table["samples_per_s"].iloc[1])


def test_only_what_was_not_timed_by_this_code_is_timed(tmp_path):
    cases = cases_of(workload(2, 4), ["momentum"])
    write_files(tmp_path, ([benchmark_of([0.1]), benchmark_of([0.1], execution="idiomatic")], []))
    measured = rows.read_timings(tmp_path, code="c")
    todo = missing(cases, measured, framework="keras", number=0)
    assert {case.batch_size for case in todo} == {4}
    assert missing(cases, measured, framework="keras", number=1) == cases
    assert missing(cases, measured, framework="pytorch", number=0) == cases
    other_form = cases_of(workload(2, 4), ["adam"])
    assert missing(other_form, measured, framework="keras", number=0) == other_form
    assert missing(cases, rows.read_timings(tmp_path, code="new"), framework="keras", number=0) == cases


def test_what_other_code_has_timed_is_removed(tmp_path):
    write_files(tmp_path, ([benchmark_of([0.1])], []), ([benchmark_of([0.1], code="old")], []))
    remove_stale(tmp_path, code="c")
    assert [path.name for path in tmp_path.iterdir()] == ["keras-0-0.json"]


def test_a_new_file_never_takes_the_name_of_one_that_is_there(tmp_path):
    assert serial(tmp_path, "keras-0") == 0
    write_files(tmp_path, ([], []), ([], []))
    assert serial(tmp_path, "keras-0") == 2
    (tmp_path / "keras-0-0.json").unlink()
    assert serial(tmp_path, "keras-0") == 2
    assert serial(tmp_path, "keras-1") == 0


def test_a_process_has_the_seconds_of_all_its_cases(tmp_path):
    write_files(tmp_path, ([benchmark_of([0.1])], []), ([benchmark_of([0.1]), benchmark_of([0.2])], []))
    found = list(rows.processes(tmp_path))
    assert [(each.framework, each.job_s, each.measuring_s) for each in found] == [
        ("keras", 4.0, 1.5),
        ("keras", 4.0, 3.0),
    ]
    assert found[0].provenance == {"others_cpu_share": 0.25}


def request_of(**changes):
    return Request(
        **{
            **{"framework": "keras", "process": 0, "code": "c", "device": "cpu", "precision": "float32"},
            **{"threads": 1, "seconds_per_case": 1.0, "data": {}, "arms": [], "cases": []},
            **changes,
        }
    )


def kept(folder, benchmarks, failures):
    """What is stored of a process whose pytest-benchmark left these; None for an empty file."""
    draft = folder / ".keras-0.draft"
    draft.write_text("" if benchmarks is None else json.dumps({"benchmarks": benchmarks}))
    draft.with_suffix(".failures").write_text("".join(json.dumps(each) + "\n" for each in failures))
    draft.with_suffix(".provenance").write_text(json.dumps({"device": {"kind": "cpu"}}))
    store(draft, request_of(), job_s=2.0, circumstances={"started": "a"}, path=folder / "keras-0-0.json")
    assert [path.name for path in folder.iterdir()] == ["keras-0-0.json"]
    return rows.read_timings(folder, code="c")


CASE = {key: INFO[key] for key in ("dataset", "model", "step_kind", "execution", "batch_size")}


def test_a_case_that_failed_after_its_rounds_is_a_failure_alone(tmp_path):
    broken = {**benchmark_of([0.1]), "extra_info": {"code": "c", "status": "out-of-memory"}}
    good = benchmark_of([0.1], batch_size=4)
    table = kept(tmp_path, [broken, good], [{**CASE, "status": "out-of-memory"}])
    assert table["status"].tolist() == ["measured", "out-of-memory"]
    assert table["batch_size"].tolist() == [4, INFO["batch_size"]]


def test_a_process_in_which_every_case_failed_leaves_its_failures(tmp_path):
    table = kept(tmp_path, None, [{**CASE, "status": "failed"}])
    assert table["status"].tolist() == ["failed"]
    (process,) = rows.processes(tmp_path)
    assert (process.framework, process.measuring_s) == ("keras", 0)
    assert process.provenance == {"device": {"kind": "cpu"}, "started": "a"}


def test_cases_are_shuffled_by_seed_and_none_is_lost():
    cases = cases_of(workload(1, 2, 4, 8), ["momentum", "adam"])
    orders = [shuffled(cases, seed=seed) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(map(Case.model_dump_json, orders[2])) == sorted(map(Case.model_dump_json, cases))


def test_rounds_and_steps_fill_the_time_given(tmp_path, monkeypatch):
    request = request_of().model_dump()
    (tmp_path / "request").write_text(json.dumps(request))
    monkeypatch.setenv("BATCH_ATLAS_REQUEST", str(tmp_path / "request"))
    from benchmarks.throughput import measure

    assert measure.steps_per_round(0.01, round_s=0.1) == 10
    assert measure.steps_per_round(5.0, round_s=0.1) == 1
    assert measure.rounds_for(0.1, most=10, total_s=1.0) == 10
    assert measure.rounds_for(5.0, most=10, total_s=1.0) == 3

    # A call costs 0.5 s and a step 0.25 s: the call's own cost is no part of the step.
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock.now)

    def train(batches):
        clock.now += 0.5 + 0.25 * len(batches)

    stepper, stream = types.SimpleNamespace(train=train), BatchStream(10, seed=0)
    assert measure.estimated_step_s(stepper, stream, 2, budget_s=4.0) == pytest.approx(0.25)
    assert measure.estimated_step_s(stepper, stream, 2, budget_s=0.1) == pytest.approx(0.75)

    ticks = itertools.accumulate(itertools.cycle([0.0, 0.02]))
    monkeypatch.setattr(measure.time, "perf_counter", lambda: next(ticks))
    subject = types.SimpleNamespace(load_batches=lambda batches: None)
    assert measure.input_share(subject, np.zeros((1, 1)), round_s=0.1) == pytest.approx(0.2)
    assert measure.input_share(subject, np.zeros((1, 1)), round_s=0.01) == 1.0
