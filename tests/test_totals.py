"""What all results of a study have in common, and a study of many cells."""

import json
import resource
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from recorded import CELL, reached, records, timing

from benchmarks.common.errors import Problem
from benchmarks.study import check, study
from benchmarks.summary import summarise
from benchmarks.summary.schema import THROUGHPUT
from benchmarks.throughput.rows import Process
from benchmarks.training import view
from benchmarks.training.record import Evaluation


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


def test_a_run_that_two_arms_share_is_counted_once():
    (record,) = records(reached(0, 100, test=0.9), provenance=origin("cpu"), job_s=3.0, conditions="c0de")
    totals = summarise.Totals()
    for each in (record, record, *[record.model_copy(update={"conditions": ""})] * 2):
        totals.add_record(each)
    assert totals.job_s == 9.0


def test_the_pace_of_the_machine_is_told_for_timings_and_for_trainings():
    totals = summarise.Totals()
    assert summarise.pace(totals) == {"timed": None, "trained": None}
    totals.add_process(Process("keras", 1.0, 1.0, [1.0, 4.0], {}))
    for conditions, probe_ms in (("a", 2.0), ("a", 2.0), ("b", 8.0)):  # two arms share a run
        disturbance = {"others_cpu_share": 0.0, "probe_ms": probe_ms, "probe_drift": 1.0, "gap_share": 0.0}
        made = {"provenance": origin("cpu"), "conditions": conditions, "disturbance": disturbance}
        totals.add_record(*records(reached(0, 100, test=0.9), **made))
    assert summarise.pace(totals) == pytest.approx({"timed": 2.0, "trained": 4.0})


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
    (tmp_path / "digits.json").write_text('{"dataset": "digits"}')
    files = summarise.summarise(found, tmp_path, cards=[tmp_path / "digits.json"], slug="m")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.perf_counter() - start:.1f} s, {peak:.0f} MiB")
    assert files["summary.csv"].count("\n") == 10_001
    assert files["curves.csv"].count("\n") == 10_000 * 20 + 1
    assert json.loads(files["provenance.json"])["cards"] == [{"dataset": "digits"}]


def test_a_damaged_card_is_named(tmp_path):
    (tmp_path / "digits.json").write_text('{"dataset": ')
    with pytest.raises(Problem, match=r"digits\.json is damaged"):
        summarise.described([tmp_path / "digits.json"])
