"""Throughput against arithmetic, and what its files keep."""

import contextlib
import hashlib
import math
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from timings import INFO, benchmark_of

from benchmarks.study import check
from benchmarks.study import study as studies
from benchmarks.study.study import Workload
from benchmarks.throughput import job, rows
from benchmarks.throughput.launch import Died
from benchmarks.throughput.rows import Case, cases_of, shuffled


def workload(*sizes):
    target, budget = {"validation_accuracy": 0.9, "source": "x"}, {"epochs": 1, "seconds": 1}
    return Workload(dataset="digits", model="mlp", batch_sizes=sizes, target=target, budget=budget)


def test_ten_steps_of_a_hundredth_of_a_second_at_batch_2_are_200_samples_per_s():
    row = rows.row(benchmark_of([0.1, 0.1, 0.1]), product_gflops={}, calm=math.inf)
    assert row["samples_per_s"] == pytest.approx(200.0)
    assert row["step_ms"] == pytest.approx(10.0)


def test_throughput_is_that_of_the_median_round():
    row = rows.row(benchmark_of([0.1, 0.1, 0.1, 0.1, 1.1]), product_gflops={}, calm=math.inf)
    assert row["samples_per_s"] == pytest.approx(200.0)


def test_the_start_of_a_call_is_no_part_of_the_throughput():
    row = rows.row(benchmark_of([0.1, 0.1, 0.1], start_s=0.5), product_gflops={}, calm=math.inf)
    assert row["samples_per_s"] == pytest.approx(200.0)
    assert row["step_ms"] == pytest.approx(10.0)


def test_a_million_operations_for_each_of_200_examples_a_second_are_a_tenth_of_two_gigaflops():
    row = rows.row(benchmark_of([0.1, 0.1, 0.1]), product_gflops={"float32": 2.0}, calm=math.inf)
    assert row["peak_share"] == pytest.approx(0.1)
    assert rows.row(benchmark_of([0.1]), product_gflops={}, calm=math.inf)["peak_share"] is None


@pytest.mark.parametrize(
    ("limits", "share"),
    [({"product_gflops": {"float32": 0.4}}, 0.5), ({"product_gflops": {}}, None), (None, None)],
)
def test_the_peak_is_that_of_the_same_process_in_the_precision_of_the_products(limits, share):
    content = content_of([benchmark_of([0.1])])
    content["provenance"]["limits"] = limits
    (found,) = job.tidy([content])["peak_share"]
    assert found == pytest.approx(share) if share else pd.isna(found)


def content_of(benchmarks, failures=(), *, started="a", job_s=4.0):
    """What a process leaves: pytest-benchmark's content, and what is added to it."""
    return {
        "version": "5",
        "benchmarks": benchmarks,
        "failures": list(failures),
        "job_s": job_s,
        "provenance": {"others_cpu_share": 0.25, "started": started},
    }


def test_a_failed_case_keeps_its_row():
    failed = {**INFO, "batch_size": 1257, "status": "out-of-memory"}
    table = job.tidy([content_of([benchmark_of([0.1])], [failed])])
    assert list(table["status"]) == ["measured", "out-of-memory"]
    assert np.isnan(table["samples_per_s"].iloc[1])


def test_a_process_is_kept_case_by_case_and_put_together_again():
    failed = {**INFO, "batch_size": 4, "status": "out-of-memory"}
    first = content_of(
        [benchmark_of([0.1]), benchmark_of([0.2], batch_size=8)], [failed], started="b", job_s=6.0
    )
    second = content_of([benchmark_of([0.3], batch_size=16)], started="a")
    kept = [*job.entries(first), *job.entries(second)]
    assert [case.batch_size for case, _ in kept] == [2, 8, 4, 16]
    assert [part["job_s"] for _, part in kept] == [2.0, 2.0, 2.0, 4.0]
    assert job.together([part for _, part in kept]) == [second, first]


def test_the_files_of_processes_replace_the_earlier_ones(tmp_path):
    (tmp_path / "keras-0-7.json").write_text("of an earlier timing")
    case = Case(**{key: INFO[key] for key in Case.model_fields})
    of_fit = benchmark_of([0.1], execution="idiomatic", disturbance={"probe_ms": 9.0})
    found = {(0, "keras", case): content_of([benchmark_of([0.1]), of_fit])}
    job.write_processes(found, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["keras-0-0.json"]
    (process,) = rows.processes(tmp_path)
    assert (process.framework, process.job_s, process.measuring_s) == ("keras", 4.0, 3.0)
    assert process.probe_ms == [1.0]
    assert process.provenance == {"others_cpu_share": 0.25, "started": "a"}


CONFIG = {
    "study": "s",
    "frameworks": ["keras", "pytorch"],
    "seeds": [],
    "arms": [
        {"name": "a", "optimizer": "momentum", "momentum": 0.5, "learning_rate": 0.5, "scaling": "none"}
    ],
    "workloads": [workload(2, 4).model_dump()],
    "throughput": {"processes": 2, "seconds_per_case": 0.1},
}


@contextlib.contextmanager
def pretended_servers(frameworks):
    yield {name: f"server of {name}" for name in frameworks}


@pytest.fixture
def timed(tmp_path, monkeypatch):
    """Time a study with processes that are only pretended; gives the table, and what each had to time."""
    launched = []

    def launch(request, folder, server):
        assert server == f"server of {request.framework}"
        launched.append(
            (request.framework, request.process, sorted(case.batch_size for case in request.cases))
        )
        common = {"framework": request.framework, "process": request.process}
        infos = [{**common, **case.model_dump()} for case in request.cases]
        failing = [info for info in infos if info["batch_size"] in run.failing]
        good = [benchmark_of([0.1], **info) for info in infos if info not in failing]
        return content_of(
            good, [{**info, "status": run.status} for info in failing], started=f"{len(launched)}"
        )

    def run(config=CONFIG, *, threads=2, of=b"1"):
        monkeypatch.setattr(job, "launch", run.changed(launch))
        monkeypatch.setattr(job, "servers", pretended_servers)
        data = types.SimpleNamespace(name="digits", digest=hashlib.sha256(of).hexdigest())
        monkeypatch.setattr(job, "dataset", lambda path: data)
        study = studies.for_timing(check.read(config))
        output = tmp_path / "results" / "throughput.csv"
        launched.clear()
        job.write(study, [Path("digits.npz")], threads=threads, store=tmp_path / "store", output=output)
        return pd.read_csv(output, dtype={"disturbed": str}), list(launched)

    run.failing, run.status, run.changed = [], "out-of-memory", lambda launch: launch
    return run


BOTH = [2, 2, 4, 4]
"""Both batch sizes in both executions."""


def test_frameworks_take_turns_and_every_process_times_every_case(timed):
    table, launched = timed()
    order = [(0, "keras"), (0, "pytorch"), (1, "pytorch"), (1, "keras")]
    assert launched == [(framework, number, BOTH) for number, framework in order]
    assert len(table) == 2 * 2 * 2 * 2
    assert set(table["status"]) == {"measured"}


def test_what_the_store_has_is_not_timed_again_and_comes_back_the_same(timed):
    before, _ = timed()
    after, launched = timed()
    assert launched == []
    pd.testing.assert_frame_equal(before, after)


def test_a_new_batch_size_times_that_size_alone(timed):
    timed()
    table, launched = timed({**CONFIG, "workloads": [workload(2, 4, 8).model_dump()]})
    assert {tuple(sizes) for _, _, sizes in launched} == {(8, 8)}
    assert list(dict.fromkeys(table["batch_size"])) == [2, 4, 8]


OTHERS = {
    "threads": lambda timed: timed(threads=1),
    "data": lambda timed: timed(of=b"2"),
    "seconds": lambda timed: timed({**CONFIG, "throughput": {"processes": 2, "seconds_per_case": 0.2}}),
    "precision": lambda timed: timed({**CONFIG, "precision": "float64"}),
}


@pytest.mark.parametrize("changed", OTHERS)
def test_another_condition_times_everything_again(timed, changed):
    timed()
    _, launched = OTHERS[changed](timed)
    assert [sizes for _, _, sizes in launched] == [BOTH] * 4


def test_one_case_that_fails_costs_that_case_alone_and_is_tried_again(timed):
    timed.failing, timed.status = [4], "failed"
    table, _ = timed()
    assert set(table[table["batch_size"] == 2]["status"]) == {"measured"}
    assert set(table[table["batch_size"] == 4]["status"]) == {"failed"}
    timed.failing = []
    table, launched = timed()
    assert {tuple(sizes) for _, _, sizes in launched} == {(4, 4)}
    assert set(table["status"]) == {"measured"}


def test_a_case_that_ran_out_of_memory_is_a_result_and_stays_one(timed):
    timed.failing = [4]
    before, _ = timed()
    after, launched = timed()
    assert launched == []
    pd.testing.assert_frame_equal(before, after)


def test_a_process_that_dies_costs_the_case_alone_that_it_died_of(timed):
    def changed(launch):
        def dying(request, folder, server):
            if len(request.cases) > 1 and any(case.batch_size == 4 for case in request.cases):
                launch(request, folder, server)
                raise Died
            return launch(request, folder, server)

        return dying

    timed.changed, timed.failing = changed, [4]
    table, launched = timed()
    sizes = [sizes for _, _, sizes in launched[:5]]
    assert sizes[0] == BOTH and sorted(sizes[1:]) == [[2], [2], [4], [4]]
    assert set(table[table["batch_size"] == 2]["status"]) == {"measured"}
    assert set(table[table["batch_size"] == 4]["status"]) == {"out-of-memory"}


def test_cases_are_shuffled_by_seed_and_none_is_lost():
    cases = cases_of(workload(1, 2, 4, 8), ["momentum", "adam"])
    orders = [shuffled(cases, seed=seed) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(map(Case.model_dump_json, orders[2])) == sorted(map(Case.model_dump_json, cases))


def test_what_cannot_be_taken_back_comes_last():
    order = [case.execution for case in shuffled(cases_of(workload(1, 2, 4, 8), ["momentum"]), seed=0)]
    assert order == ["idiomatic"] * 4 + ["fused"] * 4


def test_a_call_is_as_long_as_in_a_training():
    (call_steps,) = {case.call_steps for case in cases_of(workload(100), ["momentum"])}
    assert call_steps == 4  # 1,257 examples, evaluated four times an epoch: every 314 examples
    (call_steps,) = {case.call_steps for case in cases_of(workload(1), ["momentum"])}
    assert call_steps == 314


BUSY = {"others_cpu_share": 0.5, "probe_ms": 1.0, "probe_drift": 1.0, "gap_share": 0.0}


@pytest.mark.parametrize(("again", "kept"), [(0.0, ""), (0.8, "others took 50% of the processor")])
def test_a_disturbed_case_is_timed_once_more_and_the_calmer_counts(timed, again, kept):
    def changed(launch):
        def disturbed(request, folder, server):
            content = launch(request, folder, server)
            sizes = {case.batch_size for case in request.cases}
            for each in content["benchmarks"]:
                share = again if sizes == {4} else 0.5
                if each["extra_info"]["batch_size"] == 4:
                    each["extra_info"]["disturbance"] = {**BUSY, "others_cpu_share": share}
            return content

        return disturbed

    timed.changed = changed
    table, launched = timed()
    of_first = [sizes for framework, number, sizes in launched if (framework, number) == ("keras", 0)]
    assert of_first == [BOTH, [4, 4]]
    assert len(launched) == (4 + 1 if kept else 4 + 4)  # on a busy machine, once is enough
    assert set(table.fillna({"disturbed": ""}).query("batch_size == 4")["disturbed"]) == {kept}
    assert set(table.fillna({"disturbed": ""}).query("batch_size == 2")["disturbed"]) == {""}


def test_a_case_that_was_slow_throughout_is_told_beside_the_others():
    cases = [
        benchmark_of([0.1], batch_size=size, disturbance={**BUSY, "others_cpu_share": 0.0, "probe_ms": ms})
        for size, ms in ((2, 1.0), (4, 1.0), (8, 1.5))
    ]
    told = job.tidy([content_of(cases)])["disturbed"].tolist()
    assert told[:2] == ["", ""]
    assert told[2].startswith("fixed work took 1.5 times as long as in the calm")
