"""A study with a tuned arm through the whole pipeline: searched once, trained in both, recommended."""

import json

import pandas as pd
import pytest
from conftest import planned

TUNED = """
study: smoke-tuned
frameworks: [keras, pytorch]
seeds: [0, 1]
arms:
  - name: tuned
    learning_rate: tune
    momentum: 0.875
    scaling: none
    search: {learning_rate: [0.03125, 0.5]}
workloads:
  - dataset: digits
    model: mlp
    batch_sizes: [16, full]
    target: {validation_accuracy: 0.9, source: as in smoke}
    budget: {epochs: 4, steps: 60, seconds: 60}
    evaluations_per_epoch: 2
    matched_loss: 0.4
throughput: {processes: 2, seconds_per_case: 0.05}
analyses: [noise-scale, curvature]
"""


@pytest.fixture(scope="module")
def tuned(smoke):
    """The results of a study with a tuned arm, made beside the finished one."""
    done = smoke.snakemake("--configfile", smoke.study(TUNED))
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = (smoke.folder / "results" / "smoke-tuned").iterdir()
    return found


def test_a_tuned_arm_is_searched_once_and_trained_in_both_frameworks(smoke, tuned):
    summary, rates = (pd.read_csv(tuned / name) for name in ("summary.csv", "rates.csv"))
    assert len(rates) == 2
    assert rates["searched_with"].nunique() == 1
    found = rates.set_index("batch_size")["learning_rate"]
    assert (summary["learning_rate"] == summary["batch_size"].map(found)).all()
    assert set(summary["identity"]) == {"certified"}
    assert set(summary["status"]) == {"reached"}
    assert len(pd.read_csv(tuned / "trials.csv")) == rates["n_trials"].sum()
    assert planned(smoke.snakemake("--configfile", smoke.study(TUNED), "-n")) == {}
    told = smoke.run("recommend", "--dataset", "digits", "--model", "mlp")
    assert told.stdout.count(" with the learning rate ") == 2, told.stderr
    assert json.loads((tuned / "recommendations.json").read_text())


def test_the_tuned_trainings_are_measured_from_the_inside(tuned):
    found = pd.read_csv(tuned / "checkpoints.csv")
    assert set(found["status"]) == {"measured"}
    assert set(zip(found["batch_size"], found["seed"], strict=True)) == {
        (size, seed) for size in (16, 1257) for seed in (0, 1)
    }
    runs = pd.read_csv(tuned / "runs.csv").query("framework == 'pytorch'").set_index(["batch_size", "seed"])
    matched = found["roles"].str.contains("matched")
    assert matched.any() and (found["training_loss"][matched] < 0.45).all()
    for role, column in (("target", "examples_to_target"), ("end", "examples")):
        rows = found[found["roles"].str.split().map(lambda roles, role=role: role in roles)]
        seen = rows.set_index(["batch_size", "seed"])["examples"]
        assert (seen == runs.loc[seen.index, column]).all(), "it is the same training"
    assert (tuned / "figures" / "noise-scale.svg").exists()
    assert "noise" in (tuned / "tables" / "inside.md").read_text().lower()
    assert "Gradient noise scale" in (tuned / "report.html").read_text()


def test_another_range_repeats_the_search_and_no_trace_or_timing(smoke, tuned):
    wider = smoke.study(TUNED.replace("[0.03125, 0.5]", "[0.015625, 1]"))
    jobs = planned(smoke.snakemake("--configfile", wider, "-n"))
    assert jobs["tune"] == 1
    assert jobs["train"] == 4
    assert jobs["analyse"] == 2
    assert not {"trace", "trace_in_float64", "throughput", "dataset"} & jobs.keys()


def test_what_was_measured_is_made_again_from_the_store_and_left_out_with_its_key(smoke, tuned):
    path = tuned / "analysis" / "digits" / "mlp" / "1.json"
    before = path.read_bytes()
    path.write_text("damaged")
    done = smoke.snakemake("--configfile", smoke.study(TUNED))
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == before
    bare = TUNED.replace("analyses: [noise-scale, curvature]", "").replace("    matched_loss: 0.4\n", "")
    without = smoke.study(bare)
    jobs = planned(smoke.snakemake("--configfile", without, "-n"))
    assert not {"analyse", "certify", "trace", "throughput", "tune", "train"} & jobs.keys()
    assert jobs["summarise"] == 1


def test_a_search_that_is_lost_is_made_again_from_the_store(smoke, tuned):
    before = (tuned / "tuned.json").read_bytes()
    (tuned / "tuned.json").write_text("damaged")
    done = smoke.snakemake("--configfile", smoke.study(TUNED))
    assert done.returncode == 0, done.stderr
    assert (tuned / "tuned.json").read_bytes() == before
