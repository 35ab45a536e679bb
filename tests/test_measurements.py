"""Every measurement against arithmetic."""

import ast
import itertools
import json
import subprocess
import sys
import types
from collections import namedtuple

import numpy as np
import pandas as pd
import pytest

from benchmarks.analysis import intervals
from benchmarks.analysis.memory_fit import fit, memory_fits
from benchmarks.frameworks.trainer import scores
from benchmarks.measurements import other_load, throughput
from benchmarks.measurements.cases import Case, Request, cases_of, shuffled
from benchmarks.recipe.batch_stream import BatchStream
from benchmarks.study import Workload
from benchmarks.throughput import keep, missing, remove_stale, serial

INFO = {
    "dataset": "digits",
    "model": "mlp",
    "framework": "keras",
    "form": "momentum",
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
    goal, budget = {"validation_accuracy": 0.9, "source": "x"}, {"epochs": 1, "seconds": 1}
    return Workload(dataset="digits", model="mlp", batch_sizes=sizes, goal=goal, budget=budget)


def benchmark_of(rounds_s, **changes):
    return {"extra_info": {**INFO, **changes}, "stats": {"data": rounds_s}}


def test_ten_steps_of_a_hundredth_of_a_second_at_batch_2_are_200_samples_per_s():
    row = throughput.row(benchmark_of([0.1, 0.1, 0.1]))
    assert row["samples_per_s"] == pytest.approx(200.0)
    assert row["step_p50_ms"] == pytest.approx(10.0)


def test_throughput_is_that_of_the_median_round_and_p95_that_of_the_slow_ones():
    row = throughput.row(benchmark_of([0.1, 0.1, 0.1, 0.1, 1.1]))
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
    table = throughput.read(tmp_path, code="c")
    assert list(table["status"]) == ["measured", "out-of-memory"]
    assert np.isnan(table["samples_per_s"].iloc[1])


def test_only_what_was_not_timed_by_this_code_is_timed(tmp_path):
    cases = cases_of(workload(2, 4), ["momentum"])
    write_files(tmp_path, ([benchmark_of([0.1]), benchmark_of([0.1], execution="idiomatic")], []))
    measured = throughput.read(tmp_path, code="c")
    todo = missing(cases, measured, framework="keras", number=0)
    assert {case.batch_size for case in todo} == {4}
    assert missing(cases, measured, framework="keras", number=1) == cases
    assert missing(cases, measured, framework="pytorch", number=0) == cases
    other_form = cases_of(workload(2, 4), ["adam"])
    assert missing(other_form, measured, framework="keras", number=0) == other_form
    assert missing(cases, throughput.read(tmp_path, code="new"), framework="keras", number=0) == cases


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
    found = list(throughput.processes(tmp_path))
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
    keep(draft, request_of(), job_s=2.0, circumstances={"started": "a"}, path=folder / "keras-0-0.json")
    assert [path.name for path in folder.iterdir()] == ["keras-0-0.json"]
    return throughput.read(folder, code="c")


CASE = {key: INFO[key] for key in ("dataset", "model", "form", "execution", "batch_size")}


def test_a_case_that_failed_after_its_rounds_is_a_failure_alone(tmp_path):
    broken = {**benchmark_of([0.1]), "extra_info": {"code": "c", "status": "out-of-memory"}}
    good = benchmark_of([0.1], batch_size=4)
    table = kept(tmp_path, [broken, good], [{**CASE, "status": "out-of-memory"}])
    assert table["status"].tolist() == ["measured", "out-of-memory"]
    assert table["batch_size"].tolist() == [4, INFO["batch_size"]]


def test_a_process_in_which_every_case_failed_leaves_its_failures(tmp_path):
    table = kept(tmp_path, None, [{**CASE, "status": "failed"}])
    assert table["status"].tolist() == ["failed"]
    (process,) = throughput.processes(tmp_path)
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
    from benchmarks.measurements import throughput_cases

    assert throughput_cases.steps_per_round(0.01, round_s=0.1) == 10
    assert throughput_cases.steps_per_round(5.0, round_s=0.1) == 1
    assert throughput_cases.rounds_for(0.1, wanted=10, total_s=1.0) == 10
    assert throughput_cases.rounds_for(5.0, wanted=10, total_s=1.0) == 3

    # A call costs 0.5 s and a step 0.25 s: the call's own cost is no part of the step.
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(throughput_cases.time, "perf_counter", lambda: clock.now)

    def train(batches):
        clock.now += 0.5 + 0.25 * len(batches)

    stepper, stream = types.SimpleNamespace(train=train), BatchStream(10, seed=0)
    assert throughput_cases.estimated_step_s(stepper, stream, 2, budget_s=4.0) == pytest.approx(0.25)
    assert throughput_cases.estimated_step_s(stepper, stream, 2, budget_s=0.1) == pytest.approx(0.75)

    ticks = itertools.accumulate(itertools.cycle([0.0, 0.02]))
    monkeypatch.setattr(throughput_cases.time, "perf_counter", lambda: next(ticks))
    subject = types.SimpleNamespace(read=lambda batches: None)
    assert throughput_cases.input_share(subject, np.zeros((1, 1)), round_s=0.1) == pytest.approx(0.2)
    assert throughput_cases.input_share(subject, np.zeros((1, 1)), round_s=0.01) == 1.0


PEAK = """
import numpy, types
from benchmarks.measurements.cell import Subject, measure_all
from benchmarks.measurements.cell.peak_memory import resident_mib
framework = types.SimpleNamespace(
    device=lambda: types.SimpleNamespace(kind="cpu"), reset_peak_memory=lambda: None,
    synchronise=lambda: None, peak_memory_mib=lambda: None)
before = numpy.ones((200, 2**17)); del before            # 200 MiB, freed before the measurement
baseline = resident_mib("VmRSS")
held = numpy.ones((16, 2**17))                           # 16 MiB, held by the trainer throughout
def train(batches):
    numpy.ones((64, 2**17))                              # 64 MiB, freed within the step
print(measure_all(Subject(framework, types.SimpleNamespace(train=train), None, baseline)))
"""


def test_peak_memory_counts_what_is_held_and_what_was_freed_in_a_step_and_not_what_was_before():
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    measured = ast.literal_eval(done.stdout)
    assert 79 < measured["peak_memory_mib"] < 86
    assert measured["device_memory_mib"] is None


def test_the_load_of_others_is_what_neither_this_process_nor_idleness_took(monkeypatch):
    times = namedtuple("times", "user system idle iowait steal guest")
    own = namedtuple("own", "user system children_user children_system")
    shown = iter([times(10, 5, 100, 1, 0, 0), times(14, 6, 110, 1, 1, 0)])
    mine = iter([own(2, 1, 0, 0), own(4, 1, 1, 0)])
    clock = iter([0.0, 4.0])
    monkeypatch.setattr(other_load.psutil, "cpu_times", lambda: next(shown))
    monkeypatch.setattr(other_load.psutil, "cpu_count", lambda: 4)
    monkeypatch.setattr(
        other_load.psutil, "Process", lambda: types.SimpleNamespace(cpu_times=lambda: next(mine))
    )
    monkeypatch.setattr(other_load.time, "perf_counter", lambda: next(clock))
    load = other_load.OtherLoad()
    # The machine was busy for 6 s more, 3 of them ours, in 4 s on 4 cores.
    assert load.share() == pytest.approx(3 / 16)


def test_the_memory_fit_finds_the_line_it_was_made_from():
    sizes = np.array([1, 64, 1024, 4096])
    found = fit(sizes, 50 + 0.25 * sizes, capacity_mib=1050)
    assert found["a_mib"] == pytest.approx(50)
    assert found["b_mib_per_example"] == pytest.approx(0.25)
    assert found["residual_share"] == pytest.approx(0, abs=1e-12)
    assert found["largest_batch"] == 4000


def test_the_memory_fit_reports_its_worst_residual_and_no_batch_for_flat_memory():
    found = fit(np.array([0, 1, 2]), np.array([10.0, 13.0, 10.0]), capacity_mib=100)
    assert found["residual_share"] == pytest.approx(2 / 11)
    assert found["largest_batch"] is None


def test_memory_is_fitted_only_where_there_are_points_enough():
    names = {"dataset": "d", "model": "m", "framework": "f", "form": "sgd"}
    summary = pd.DataFrame({**names, "batch_size": [1, 2], "peak_memory_mib": 1.0})
    assert len(memory_fits(summary, capacity_mib=1.0)) == 0


def test_scores_are_cross_entropy_in_nats_and_share_of_right_answers():
    found = scores(np.array([[0.0, 0.0], [0.0, np.log(3.0)]]), np.array([0, 1]))
    assert found.loss == pytest.approx((np.log(2) + np.log(4 / 3)) / 2)
    assert found.accuracy == 1.0


def test_scores_do_not_overflow():
    assert scores(np.array([[1e4, 0.0]]), np.array([1])).loss == pytest.approx(1e4)


def test_geometric_mean_has_students_interval_of_the_logs():
    found = intervals.geometric_mean([1.0, 4.0])
    assert found.value == pytest.approx(2.0)
    half = 12.706204736 * np.log(4) / np.sqrt(2) / np.sqrt(2)  # t(0.975, 1) · s / √n
    assert found.hi == pytest.approx(2.0 * np.exp(half), rel=1e-6)
    assert found.lo == pytest.approx(2.0 / np.exp(half), rel=1e-6)


def test_one_value_has_no_interval():
    found = intervals.geometric_mean([3.0])
    assert found.value == pytest.approx(3.0)
    assert np.isnan(found.lo)
    assert np.isnan(found.hi)


def test_a_ratio_is_taken_pair_by_pair():
    found = intervals.paired_ratio([2.0, 20.0, 200.0], [1.0, 10.0, 100.0])
    assert found == pytest.approx((2.0, 2.0, 2.0))


def test_a_censored_run_counts_as_infinite_and_is_never_dropped():
    found = intervals.median_of_censored([1.0, 2.0, np.inf])
    assert (found.value, found.lo, found.hi) == (2.0, 1.0, np.inf)
    assert intervals.median_of_censored([1.0, np.inf, np.inf]).value == np.inf
    assert intervals.median_of_censored([1.0, np.inf]).value == np.inf
