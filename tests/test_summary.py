"""One row per cell, against arithmetic."""

import math

import numpy as np
import pandas as pd
import pytest
from recorded import NAMES, SETTINGS, reached, records, timing

from benchmarks.common.errors import Problem
from benchmarks.common.quiet import Disturbance
from benchmarks.summary import cells, statistics
from benchmarks.summary.schema import SUMMARY
from benchmarks.training.record import Run, Status


def test_a_row_holds_medians_to_target_and_mean_accuracies():
    runs = [reached(0, 100, test=0.9), reached(1, 300, test=0.8), reached(2, 200, test=0.7)]
    row = cells.trained_columns(records(*runs), n_training=1000, calm=math.inf)
    assert (row["examples_to_target"], row["epochs_to_target"], row["steps_to_target"]) == (200, 0.2, 4)
    assert (row["epochs_to_target_lo"], row["epochs_to_target_hi"]) == (0.1, 0.3)
    assert row["time_to_target_s"] == 2.0
    assert row["test_accuracy"] == pytest.approx(0.8)
    assert row["test_accuracy_sd"] == pytest.approx(0.1)
    assert (row["n_runs"], row["n_reached"], row["status"], row["peak_memory_mib"]) == (3, 3, "reached", 12.0)


def test_a_batch_that_grows_has_no_speed_of_one_batch_size():
    runs = [
        reached(seed, 100, test=0.9).model_copy(update={"steps": 4, "examples": 200, "training_s": 2.0})
        for seed in range(2)
    ]
    phase = {"first_step": 1, "examples": 50, "batch_size": 200}
    grown = records(*runs, settings={**SETTINGS, "growth": [phase]}, step_ms={"before": 1.0})
    plain = records(*runs, step_ms={"before": 1.0})
    timed = pd.DataFrame([timing("fused", 1000.0, process) for process in range(2)])
    shown = [
        cells.summary(
            [{**NAMES, **cells.trained_columns(made, n_training=1000, calm=math.inf)}],
            timed,
            study="s",
            machine="m",
            threads=2,
        ).iloc[0]
        for made in (plain, grown)
    ]
    empty = ["training_samples_per_s", "training_over_calls", "training_over_throughput"]
    empty += ["time_to_target_predicted_s", "time_ratio"]
    assert shown[0][["time_ratio", "time_to_target_predicted_s"]].notna().all()
    assert shown[1][empty].isna().all()
    assert shown[1]["throughput_samples_per_s"] == pytest.approx(1000.0)
    assert "grows" not in shown[1].index
    assert cells.run_row(grown[0], calm=math.inf)["training_samples_per_s"] is None


def test_epochs_trained_are_those_of_the_run_that_ended_first():
    runs = [reached(seed, 100, test=0.9).model_copy(update={"examples": 6000}) for seed in range(3)]
    cut = runs[1].model_copy(update={"examples": 2500})
    row = cells.trained_columns(records(runs[0], cut, runs[2]), n_training=1000, calm=math.inf)
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
    row = cells.trained_columns(made, n_training=1000, calm=math.inf)
    assert row["peak_memory_mib"] == 14.0
    assert (row["peak_memory_mib_lo"], row["peak_memory_mib_hi"]) == (10.0, 30.0)
    assert np.isnan(row["energy_j"])


def test_a_run_that_missed_is_censored_and_not_dropped():
    runs = [
        reached(0, 100, test=0.9),
        reached(1, 300, test=0.8),
        Run(seed=2, status=Status.MISSED, test_accuracy=0.1),
    ]
    row = cells.trained_columns(records(*runs), n_training=1000, calm=math.inf)
    assert (row["examples_to_target"], row["n_reached"], row["status"]) == (300, 2, "reached")
    assert row["epochs_to_target_hi"] == np.inf
    assert row["test_accuracy"] == pytest.approx(0.6)


def test_a_cell_that_mostly_failed_says_how_and_has_no_number():
    runs = [
        reached(0, 100, test=0.9),
        Run(seed=1, status=Status.DIVERGED),
        Run(seed=2, status=Status.DIVERGED),
    ]
    row = cells.trained_columns(records(*runs), n_training=1000, calm=math.inf)
    assert (row["status"], row["n_reached"]) == ("diverged", 1)
    assert np.isnan(row["epochs_to_target"])
    assert np.isnan(row["time_to_target_s"])


def test_throughput_is_the_geometric_mean_over_processes_and_predicts_the_time_to_target():
    throughput = pd.DataFrame(
        [
            timing("fused", 100.0, 0),
            timing("fused", 400.0, 1),
            timing("idiomatic", 50.0, 0),
            timing("idiomatic", 50.0, 1),
        ]
    )
    row = {
        **NAMES,
        **cells.trained_columns(records(reached(0, 1000, test=0.9)), n_training=1000, calm=math.inf),
    }
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
    of_two = cells.Verdict("certified", "beta c0de")
    assert cells.identity(of_two, trained("c0de", "beta")) == "certified"
    assert cells.identity(of_two, trained("c0de", "beta c0de")) == cells.OTHER
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
    assert cells.trained_columns(made, n_training=1000, calm=math.inf)["start_s"] == 2


def test_the_speed_of_trainings_is_all_their_examples_over_their_seconds():
    runs = [
        reached(seed, 100, test=0.9).model_copy(update={"examples": 800, "training_s": s})
        for seed, s in enumerate((2.0, 8.0))
    ]
    row = cells.trained_columns(records(*runs), n_training=1000, calm=math.inf)
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
    row = cells.trained_columns(made, n_training=1000, calm=math.inf)
    assert row["training_over_calls"] == pytest.approx(1.2)  # the geometric mean
    assert np.isnan(cells.trained_columns(made[2:], n_training=1000, calm=math.inf)["training_over_calls"])


def test_a_measurement_that_is_named_like_a_column_is_refused():
    named = {"peak_memory_mib": 1.0, "test_accuracy": 0.5}
    made = [
        record.model_copy(update={"measurements": named}) for record in records(reached(0, 100, test=0.9))
    ]
    with pytest.raises(Problem, match="a measurement is named like the column test_accuracy"):
        cells.measurements(made)


def test_a_cell_tells_how_many_of_its_measurements_were_disturbed_and_the_gravest():
    calm, busy = (
        Disturbance(others_cpu_share=share, probe_ms=1.0, probe_drift=1.0, gap_share=0.0)
        for share in (0.0, 0.5)
    )
    made = [
        each.model_copy(update={"disturbance": seen})
        for each, seen in zip(
            records(reached(0, 1, test=1.0), reached(1, 1, test=1.0)), (calm, busy), strict=True
        )
    ]
    reasons = cells.reasons(made, math.inf)
    assert cells.disturbed(["", ""]) == ""
    assert cells.disturbed([*reasons, "", "a stop"]) == "2 of 4: others took 50% of the processor"


def test_a_run_that_was_slow_throughout_is_told_beside_the_calm_ones():
    slow = Disturbance(others_cpu_share=0.0, probe_ms=1.5, probe_drift=1.0, gap_share=0.0)
    (made,) = (each.model_copy(update={"disturbance": slow}) for each in records(reached(0, 1, test=1.0)))
    said = "fixed work took 1.5 times as long as in the calm measurements of the study"
    assert cells.reasons([made], 1.0) == [said]
    assert cells.run_row(made, calm=1.0)["disturbed"] == said
    assert cells.run_row(made, calm=1.3)["disturbed"] == ""


def timings(disturbed, execution="fused"):
    """Timings of a cell that are twice as fast where nothing disturbed them."""
    return [
        timing(execution, 500.0 if reason else 1000.0, place, disturbed=reason)
        for place, reason in enumerate(disturbed)
    ]


@pytest.mark.parametrize(
    ("disturbed", "speed", "told"),
    [
        (["", "", "", "", "", "a stop"], 1000.0, ""),
        (["", "", "", "", "a stop", "a stop"], 1000.0 * 0.5 ** (1 / 3), "2 of 6: a stop"),
        (["", "", "", "", ""], 1000.0, ""),
    ],
)
def test_disturbed_timings_are_left_out_if_enough_are_quiet(disturbed, speed, told):
    rows = statistics.counted(pd.DataFrame(timings(disturbed))).to_dict("records")
    assert cells.timed_columns(rows)["throughput_samples_per_s"] == pytest.approx(speed)
    assert cells.disturbed(cells.of_fused(rows)) == told


def test_timings_that_failed_are_not_left_out():
    rows = pd.DataFrame([*timings([""] * 6), timing("fused", 1.0, 6, status="failed")])
    assert len(statistics.counted(rows)) == 7
    assert statistics.counted(rows.iloc[:0]).empty


def test_what_disturbed_another_execution_says_nothing_of_a_cells_speed():
    rows = timings([""] * 5) + timings(["a stop"] * 5, "idiomatic")
    assert cells.disturbed(cells.of_fused(rows)) == ""
