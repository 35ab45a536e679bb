"""One row per cell, against arithmetic."""

import json
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from benchmarks.common import provenance
from benchmarks.common.errors import Problem
from benchmarks.common.quiet import Disturbance
from benchmarks.recipe.plan import Cell
from benchmarks.study import check, study
from benchmarks.summary import cells, summarise
from benchmarks.summary.schema import SUMMARY, THROUGHPUT
from benchmarks.training import view
from benchmarks.training.record import Evaluation, Record, Run, Status

CELL = Cell(dataset="digits", model="mlp", framework="keras", arm="fixed-lr", batch_size=50)

NAMES = {**CELL.model_dump(), "step_kind": "momentum"}


def reached(seed, examples, *, test):
    return Run(
        seed=seed,
        status=Status.REACHED,
        examples_to_target=examples,
        steps_to_target=examples // 50,
        time_to_target_s=examples / 100,
        test_accuracy=test,
        train_accuracy=test,
    )


def records(*runs, cell=CELL, **changes):
    """The record of each run of a cell."""
    measured = {"peak_memory_mib": 12.0, "energy_j": 5.0}
    values = {"settings": {}, "job_s": 2.0, "measuring_s": 1.5, "provenance": {}, "measurements": measured}
    return [Record(cell=cell, run=run, **{**values, **changes}) for run in runs]


def test_a_row_holds_medians_to_target_and_mean_accuracies():
    runs = [reached(0, 100, test=0.9), reached(1, 300, test=0.8), reached(2, 200, test=0.7)]
    row = cells.trained_columns(records(*runs), n_training=1000)
    assert (row["examples_to_target"], row["epochs_to_target"], row["steps_to_target"]) == (200, 0.2, 4)
    assert (row["epochs_to_target_lo"], row["epochs_to_target_hi"]) == (0.1, 0.3)
    assert row["time_to_target_s"] == 2.0
    assert row["test_accuracy"] == pytest.approx(0.8)
    assert row["test_accuracy_sd"] == pytest.approx(0.1)
    assert (row["n_runs"], row["n_reached"], row["status"], row["peak_memory_mib"]) == (3, 3, "reached", 12.0)


def test_epochs_trained_are_those_of_the_run_that_ended_first():
    runs = [reached(seed, 100, test=0.9).model_copy(update={"examples": 6000}) for seed in range(3)]
    cut = runs[1].model_copy(update={"examples": 2500})
    row = cells.trained_columns(records(runs[0], cut, runs[2]), n_training=1000)
    assert (row["status"], row["epochs_trained"]) == ("reached", 2.5)
    names = list(SUMMARY.columns)
    assert names[names.index("epochs_trained") + 1] == "test_accuracy"


def test_a_measurement_is_the_median_over_the_runs_that_have_it():
    made = records(*(reached(seed, 100, test=0.9) for seed in range(4)))
    peaks = [10.0, 30.0, 14.0, None]
    made = [
        each.model_copy(update={"measurements": {"peak_memory_mib": peak, "energy_j": None}})
        for each, peak in zip(made, peaks, strict=True)
    ]
    row = cells.trained_columns(made, n_training=1000)
    assert row["peak_memory_mib"] == 14.0
    assert (row["peak_memory_mib_lo"], row["peak_memory_mib_hi"]) == (10.0, 30.0)
    assert np.isnan(row["energy_j"])


def test_a_run_that_missed_is_censored_and_not_dropped():
    runs = [
        reached(0, 100, test=0.9),
        reached(1, 300, test=0.8),
        Run(seed=2, status=Status.MISSED, test_accuracy=0.1),
    ]
    row = cells.trained_columns(records(*runs), n_training=1000)
    assert (row["examples_to_target"], row["n_reached"], row["status"]) == (300, 2, "reached")
    assert row["epochs_to_target_hi"] == np.inf
    assert row["test_accuracy"] == pytest.approx(0.6)


def test_a_cell_that_mostly_failed_says_how_and_has_no_number():
    runs = [
        reached(0, 100, test=0.9),
        Run(seed=1, status=Status.DIVERGED),
        Run(seed=2, status=Status.DIVERGED),
    ]
    row = cells.trained_columns(records(*runs), n_training=1000)
    assert (row["status"], row["n_reached"]) == ("diverged", 1)
    assert np.isnan(row["epochs_to_target"])
    assert np.isnan(row["time_to_target_s"])


def timing(execution, rate, process, **changes):
    values = {
        "dataset": "digits",
        "model": "mlp",
        "framework": "keras",
        "step_kind": "momentum",
        "batch_size": 50,
        "status": "measured",
    }
    values |= {"execution": execution, "samples_per_s": rate, "process": process, "step_ms": 5e4 / rate}
    values |= {"disturbed": "", "compile_s": 0.5, "first_step_s": 0.1, "input_share": 0.2}
    return {**values, **changes}


def test_throughput_is_the_geometric_mean_over_processes_and_predicts_the_time_to_target():
    throughput = pd.DataFrame(
        [
            timing("fused", 100.0, 0),
            timing("fused", 400.0, 1),
            timing("idiomatic", 50.0, 0),
            timing("idiomatic", 50.0, 1),
        ]
    )
    row = {**NAMES, **cells.trained_columns(records(reached(0, 1000, test=0.9)), n_training=1000)}
    row["identity"] = "certified"
    table = cells.summary([row], throughput, study="s", machine="m", threads=2)
    (found,) = table.to_dict("records")
    assert found["throughput_samples_per_s"] == pytest.approx(200.0)
    assert found["throughput_idiomatic_samples_per_s"] == pytest.approx(50.0)
    assert found["throughput_samples_per_s_lo"] < 100
    assert found["time_to_target_predicted_s"] == pytest.approx(5.0)
    assert found["time_ratio"] == pytest.approx(0.5)
    assert found["identity"] == "certified"
    assert (found["peak_memory_mib"], found["energy_j"]) == (12.0, 5.0)
    assert list(table.columns)[-1] == "energy_j"


def test_a_cell_that_was_only_timed_has_its_row_and_says_so():
    table = cells.summary(
        [NAMES], pd.DataFrame([timing("fused", 100.0, 0)]), study="s", machine="m", threads=2
    )
    (found,) = table.to_dict("records")
    assert (found["status"], found["n_runs"]) == ("untrained", 0)
    assert found["throughput_samples_per_s"] == pytest.approx(100.0)
    assert found["identity"].startswith("not certified")


def test_a_cell_has_the_timing_of_its_arms_form():
    rows = [timing("fused", 100.0, 0), timing("fused", 300.0, 0, step_kind="adam")]
    names = [NAMES, {**NAMES, "arm": "other", "step_kind": "adam"}]
    table = cells.summary(names, pd.DataFrame(rows), study="s", machine="m", threads=2)
    assert table["throughput_samples_per_s"].tolist() == pytest.approx([100.0, 300.0])


def test_a_timing_that_failed_leaves_the_row_without_a_number():
    failed = timing("fused", np.nan, 0, status="out-of-memory")
    table = cells.summary([NAMES], pd.DataFrame([failed]), study="s", machine="m", threads=2)
    assert table["throughput_samples_per_s"].isna().all()


def origin(kind):
    """The provenance of a record from a device of this kind."""
    made = {"device": {"kind": kind, "name": ""}, "versions": {}, "switches": {}, "data_sha256": ""}
    made |= {"threads": 2, "git_commit": "c", "git_dirty": False, "started": "1", "finished": "2"}
    return {**made, "machine": {"memory_mib": 7000, "gpus": [{"memory_mib": 800.0}]}}


def test_records_from_different_devices_are_not_compared():
    totals = summarise.Totals()
    for framework, kind in (("keras", "cpu"), ("pytorch", "gpu")):
        cell = CELL.model_copy(update={"framework": framework})
        totals.add_record(*records(reached(0, 100, test=0.9), cell=cell, provenance=origin(kind)))
    with pytest.raises(Problem, match="different devices"):
        totals.check_alike()


@pytest.mark.parametrize(("kind", "memory_mib"), [("cpu", 7000), ("gpu", 800)])
def test_the_machine_is_the_one_that_measured_and_not_the_one_that_summarises(kind, memory_mib):
    """On a cluster, the jobs that measure have a GPU and the one that summarises may have none."""
    totals = summarise.Totals()
    totals.add_record(*records(reached(0, 100, test=0.9), provenance=origin(kind)))
    assert summarise.capacity_mib(totals) == memory_mib
    assert summarise.measured_on(totals) == origin(kind)["machine"]
    assert summarise.measured_on(summarise.Totals())["cpu"]  # nothing was measured: this machine


def test_results_of_several_numbers_of_threads_are_not_compared():
    totals = summarise.Totals()
    totals.threads |= {1, 2}
    with pytest.raises(Problem, match="computed with 1 and 2 threads"):
        totals.check_alike()


VERDICT = cells.Verdict("certified", "c0de")


def test_a_cell_is_certified_by_a_certificate_of_what_trained_it_or_not_at_all():
    def trained(*certified_conditions):
        made = records(*(reached(seed, 100, test=0.9) for seed in range(len(certified_conditions))))
        return [
            each.model_copy(update={"certified_conditions": of})
            for each, of in zip(made, certified_conditions, strict=True)
        ]

    assert cells.identity(VERDICT, trained("c0de", "c0de")) == "certified"
    assert cells.identity(VERDICT, trained("c0de", "other")) == cells.OTHER
    assert cells.identity(VERDICT, trained("")) == cells.OTHER
    assert cells.identity(None, trained("c0de")) == cells.UNKNOWN
    assert cells.identity(VERDICT, []) == "certified", "a cell that was only timed"
    killed = records(Run(seed=0, status=Status.FAILED), Run(seed=1, status=Status.OUT_OF_MEMORY))
    assert cells.identity(VERDICT, killed) == "certified", "runs that were killed"


def test_the_start_of_a_run_is_the_sum_of_its_parts():
    made = [
        each.model_copy(
            update={"conditions": "c", "start": {"import_s": seconds, "compile_s": None, "first_step_s": 0.0}}
        )
        for each, seconds in zip(
            records(*(reached(s, 100, test=0.9) for s in range(3))), (1, 2, 6), strict=True
        )
    ]
    assert cells.trained_columns(made, n_training=1000)["start_s"] == 2


def test_code_digests_follow_imports_and_see_statements_only():
    base = provenance.code_digest("benchmarks.training.measure", "benchmarks.frameworks.keras")
    assert base == provenance.code_digest("benchmarks.training.measure", "benchmarks.frameworks.keras")
    assert base != provenance.code_digest("benchmarks.training.measure", "benchmarks.frameworks.pytorch")
    statements = provenance._statements
    assert statements('"""A."""\nx = 1  # one\n') == statements("x = 1")
    assert statements("x = 1") != statements("x = 2")


IDENTITY = {
    "bound": 1e-10,
    "steps": 200,
    "float32_bound": 1e-3,
    "first_float32_bound": 2e-5,
    "certificates": [],
    "equivalence": [],
}


def write_timings(folder: Path, *rows: dict):
    """The throughput.csv of these rows."""
    table = pd.DataFrame(rows, columns=list(THROUGHPUT.columns))
    table.to_csv(folder / "throughput.csv", index=False)


def ten_thousand(folder: Path) -> study.Study:
    """A study of 10,000 cells with a record for each, as JSON files."""
    config = yaml.safe_load(Path("config/studies/smoke.yaml").read_text())
    config["workloads"][0]["batch_sizes"] = list(range(1, 1251))
    config["arms"] = [{**config["arms"][0], "name": f"arm-{k}"} for k in range(4)]
    config["seeds"] = [0]
    found = check.read(config)
    point = Evaluation(examples=1, training_s=1, train_loss=1, validation_loss=1, validation_accuracy=1)
    for replicate in study.replicates(found):
        made = [
            records(
                reached(plan.seed, 100, test=0.9).model_copy(update={"curve": [point] * 20}),
                cell=plan.cell,
                settings=plan.settings,
            )[0]
            for plan in replicate.plans
        ]
        view.write(made, view.record_path(folder, replicate.name))
    (folder / "identity.json").write_text(json.dumps(IDENTITY))
    write_timings(folder, timing("fused", 100.0, 0))
    return found


def test_ten_thousand_records_are_summarised_with_a_row_each(tmp_path):
    found = ten_thousand(tmp_path)
    start = time.perf_counter()
    files = summarise.summarise(found, tmp_path, slug="m")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.perf_counter() - start:.1f} s, {peak:.0f} MiB")
    assert files["summary.csv"].count("\n") == 10_001
    assert files["curves.csv"].count("\n") == 10_000 * 20 + 1


def test_the_speed_of_trainings_is_all_their_examples_over_their_seconds():
    runs = [
        reached(seed, 100, test=0.9).model_copy(update={"examples": 800, "training_s": s})
        for seed, s in enumerate((2.0, 8.0))
    ]
    row = cells.trained_columns(records(*runs), n_training=1000)
    assert row["training_samples_per_s"] == pytest.approx(200.0)  # of 400 and 100, the geometric mean
    timed = {"throughput_samples_per_s": 250.0, "examples_to_target": 100, "time_to_target_s": 1.0}
    assert cells.predicted_columns({**row, **timed})["training_over_throughput"] == pytest.approx(0.8)


def test_the_speed_of_a_run_is_held_to_that_of_its_calls_just_before_and_after():
    run = reached(0, 100, test=0.9).model_copy(
        update={"examples": 800, "steps": 100, "training_s": 0.5}
    )  # 5 ms a step
    made = [
        each.model_copy(update={"step_ms": step_ms})
        for each, step_ms in zip(
            records(run, run.model_copy(update={"seed": 1}), run.model_copy(update={"seed": 2})),
            ({"before": 2.0, "after": 8.0}, {"before": 9.0}, {}),
            strict=True,
        )
    ]
    assert list(cells.training_over_calls(made)) == pytest.approx([4 / 5, 9 / 5])
    row = cells.trained_columns(made, n_training=1000)
    assert row["training_over_calls"] == pytest.approx(1.2)  # the geometric mean
    assert np.isnan(cells.trained_columns(made[2:], n_training=1000)["training_over_calls"])


def test_a_cell_tells_how_many_of_its_measurements_were_disturbed_and_the_gravest():
    calm, busy = (
        Disturbance(others_cpu_share=share, probe_ms=1.0, probe_drift=1.0, gap_share=0.0)
        for share in (0.0, 0.5)
    )
    assert cells.disturbed([calm, calm], ["", ""]) == ""
    assert cells.disturbed([calm, busy], ["", "a stop"]) == "2 of 4: others took 50% of the processor"
