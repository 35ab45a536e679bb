"""`recommend`: from all results to an answer, a rate elsewhere, a prediction, or why there is none."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest
import searched
import synthetic

from benchmarks.common.errors import Problem
from benchmarks.publish import results
from benchmarks.recommend import answer, predicted, rate

MNIST = ("mnist", "mlp")


def place(folder, machine, *, trained=True):
    """Results of a machine of this name in a results folder, with the file names of a study."""
    path = synthetic.write(folder / "synthetic" / machine, trained=trained)
    summary = pd.read_csv(path / "summary.csv").assign(machine=machine)
    summary.to_csv(path / "summary.csv", index=False)
    provenance = json.loads((path / "provenance.json").read_text())
    arms = [{"name": name, "optimizer": "momentum", "momentum": 0.875} for name in summary["arm"].unique()]
    workload = {"target": {"validation_accuracy": 0.9}, "evaluations_per_epoch": 4}
    names = summary[["dataset", "model"]].drop_duplicates().to_dict("records")
    study = {"arms": arms, "precision": "float32", "workloads": [workload | each for each in names]}
    provenance["study"] |= study
    (path / "provenance.json").write_text(json.dumps(provenance))
    return path


@pytest.fixture
def folder(tmp_path):
    searched.add(place(tmp_path, "lab"))
    return tmp_path


def ask(folder, **changes):
    given = {
        "machine": None,
        "here": "lab",
        "framework": None,
        "goal": "time",
        "memory": None,
        "change": None,
    }
    workload = changes.pop("workload", MNIST)
    return "\n".join(answer.answer(folder, workload, **(given | changes)))


def test_both_frameworks_are_answered_for_or_the_one_that_is_named(folder):
    told = ask(folder)
    assert "Keras: take B = " in told
    assert "PyTorch: take B = " in told
    assert "From the study synthetic on lab: 3 runs of each cell." in told
    assert "PyTorch" not in ask(folder, framework="keras")


def test_what_is_not_there_is_named_with_what_is(folder):
    for changes, told in (
        ({"workload": ("mnits", "mlp")}, "there are of digits × cnn, mnist × mlp"),
        ({"machine": "other"}, "there are some of lab"),
        ({"framework": "jax"}, "there are in keras, pytorch"),
        ({"memory": 3.0}, "fits in 3.00 MiB"),
    ):
        with pytest.raises(Problem) as problem:
            ask(folder, **changes)
        assert told in problem.value.cause


def test_without_a_tuned_arm_it_says_which_run_would_answer(tmp_path):
    place(tmp_path, "lab")
    for change in (None, answer.Change(16, 0.1, 64)):
        with pytest.raises(Problem) as problem:
            ask(tmp_path, change=change)
        assert "learning_rate: tune" in problem.value.fix


def test_no_results_at_all_are_told(tmp_path):
    with pytest.raises(Problem, match="no results"):
        ask(tmp_path)


def test_a_machine_without_trainings_has_a_prediction_and_its_error(folder):
    place(folder, "other", trained=False)
    told = ask(folder, machine="other", framework="keras")
    assert "Keras, predicted: take B = " in told
    assert "on lab over the speed of this machine" in told
    # Of the cells of the synthetic study, each prediction is 1 / 1.05 of what was measured.
    assert "0.952 to 0.952 times the measured time" in told
    assert "its timings alone" in told


def test_a_prediction_is_the_examples_over_the_own_speed(folder):
    there = results.read(folder / "synthetic" / "lab")
    half = there.summary.assign(throughput_samples_per_s=there.summary["throughput_samples_per_s"] / 2)
    slower = type(there)(**{**vars(there), "summary": half})
    found = predicted.predicted(slower, there, MNIST, "keras")
    own = there.summary[(there.summary["arm"] == "fixed-lr") & (there.summary["framework"] == "keras")]
    own = own[own["dataset"] == "mnist"]
    times = 2 * own["examples_to_target"] / own["throughput_samples_per_s"]
    assert found.time_s == pytest.approx(times.min())
    assert found.batch_size == own.loc[times.idxmin(), "batch_size"]


def test_another_machine_is_asked_for_if_this_one_has_no_results(folder):
    assert "on lab" in ask(folder, here="elsewhere")
    shutil.copytree(folder / "synthetic" / "lab", folder / "synthetic" / "second")
    summary = pd.read_csv(folder / "synthetic" / "second" / "summary.csv").assign(machine="second")
    summary.to_csv(folder / "synthetic" / "second" / "summary.csv", index=False)
    with pytest.raises(Problem) as problem:
        ask(folder, here="elsewhere")
    assert "--machine" in problem.value.fix


def test_the_rate_at_another_batch_size_is_the_same_multiple_of_the_best(folder):
    known = results.read(folder / "synthetic" / "lab")
    made = {each.how: each for each in rate.transferred(known, MNIST, rate=0.03125, before=16, after=256)}
    # The best rates are 2^-6 and 2^-2, and the one at 16 is twice the best.
    assert made["by evidence"].learning_rate == pytest.approx(2 * 2**-2)
    assert made["linear"].learning_rate == pytest.approx(0.03125 * 16)
    assert made["square root"].learning_rate == pytest.approx(0.03125 * 4)
    assert made["by evidence"].ended == "beaten"
    assert made["by evidence"].steps_ratio is None
    assert made["square root"].steps_ratio == pytest.approx(1.7, rel=0.01)
    assert "1.70 times the fewest steps" in rate.sentence(made["square root"])
    assert "at B = 256 take 0.250 with momentum 0.875, the best rate found" in rate.best(known, MNIST, 256)


def test_the_rate_to_take_comes_first_and_what_the_rules_give_after_it(folder):
    told = ask(folder, change=answer.Change(16, 2**-5, 256)).splitlines()
    assert "at B = 256 take 0.250 with momentum 0.875" in told[0]
    assert told[1].startswith("Your rate 0.0312 is 2.00 times the best at B = 16.")
    assert told[2].startswith("  the same multiple of the best rate: 0.500 (")
    assert told[3].startswith("  the linear rule: 0.500 (")
    assert told[4].startswith("  the square-root rule: 0.125 (")


def test_times_are_told_from_the_latest_results_that_were_timed_undisturbed(folder):
    later = folder / "later" / "lab"
    shutil.copytree(folder / "synthetic" / "lab", later)
    summary = pd.read_csv(later / "summary.csv").assign(study="later", disturbed="others took 9 %")
    summary.to_csv(later / "summary.csv", index=False)
    provenance = json.loads((later / "provenance.json").read_text())
    provenance["finished"] = "2099-01-01T00:00:00+00:00"
    (later / "provenance.json").write_text(json.dumps(provenance))
    assert "From the study synthetic" in ask(folder)
    assert "From the study later" in ask(folder, goal="accuracy")
    shutil.rmtree(folder / "synthetic")
    assert "no batch size can be recommended" in ask(folder)


def test_a_rule_that_lands_between_two_candidates_is_judged_by_one_of_them(folder):
    known = results.read(folder / "synthetic" / "lab")
    halfway = 2.0**-2.5  # between the best, 2^-2, and the one below it
    (made,) = [
        each
        for each in rate.transferred(known, MNIST, rate=halfway / 16, before=16, after=256)
        if each.how == "linear"
    ]
    assert made.steps_ratio in (pytest.approx(1.0), pytest.approx(1.7, rel=0.01))


def test_where_no_rate_reached_or_more_was_searched_for_a_rate_is_refused(folder):
    known = results.read(folder / "synthetic" / "lab")
    vain = replace(known, rates=known.rates.assign(status="no-rate-reached"))
    several = replace(known, rates=known.rates.assign(momentum=0.9))
    for given, told in ((vain, "reaches the target"), (several, "more than the learning rate")):
        with pytest.raises(Problem, match=told):
            rate.transferred(given, MNIST, rate=0.1, before=16, after=64)


def test_a_framework_without_an_answer_costs_the_others_nothing(folder):
    path = folder / "synthetic" / "lab" / "summary.csv"
    summary = pd.read_csv(path)
    summary.loc[summary["framework"] == "keras", "time_to_target_s"] = None
    summary.to_csv(path, index=False)
    told = ask(folder)
    assert "PyTorch: take B = " in told
    assert "MNIST, MLP in Keras: no batch size reaches the target." in told


def test_a_prediction_has_no_other_goal(folder):
    place(folder, "other", trained=False)
    for changes in ({"goal": "accuracy"}, {"memory": 100.0}):
        with pytest.raises(Problem, match="trained nothing"):
            ask(folder, machine="other", **changes)


def test_a_rate_between_batch_sizes_that_were_searched_is_interpolated_and_beyond_them_refused(folder):
    known = results.read(folder / "synthetic" / "lab")
    sizes = sorted(known.rates[known.rates["dataset"] == "mnist"]["batch_size"])
    told = ask(folder, change=answer.Change(sizes[1], 0.01, sizes[1] + 1))
    assert "no such rate was tried there" in told
    with pytest.raises(Problem, match="searched from B = "):
        ask(folder, change=answer.Change(sizes[1], 0.01, 10**7))


@pytest.mark.parametrize("parts", [(64, None, None), (64, 0.1, None), (64, 0.1, -3), (0, 0.1, 64)])
def test_half_a_question_is_refused(parts):
    with pytest.raises(Problem, match="three numbers above 0"):
        answer.wanted_change(*parts)


def test_amounts_of_memory():
    assert answer.memory_mib("8GiB") == 8192
    assert answer.memory_mib("512 MiB") == 512
    assert answer.memory_mib("1.5GB") == pytest.approx(1.5e9 / 2**20)
    for wrong in ("8", "GiB", "0GiB", "8 gigs", "-1GiB", "nan GiB"):
        with pytest.raises(Problem, match="no amount of memory"):
            answer.memory_mib(wrong)
