"""Which batch size to take, by cells and searches that are known."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import searched
import synthetic

from benchmarks.common.errors import Problem
from benchmarks.publish import advice, choice, figures, headline, report, results
from benchmarks.publish.course import Course, between

MNIST, DIGITS = ("mnist", "mlp"), ("digits", "cnn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return searched.add(synthetic.write(tmp_path_factory.mktemp("choice")))


@pytest.fixture(scope="module")
def known(folder):
    return results.read(folder)


def tuned(known, workload=MNIST, framework="keras"):
    cells = choice.candidates(known, workload, framework)
    return cells.dropna(subset=["time_to_target_s"]).set_index("batch_size")


def test_the_shortest_time_wins_with_its_rate(known):
    made, cells = choice.choose(known, MNIST, "keras"), tuned(known)
    assert made.batch_size == cells["time_to_target_s"].idxmin()
    assert made.learning_rate == 0.0625
    assert made.value == cells["time_to_target_s"].min()
    assert made.arm == "fixed-lr"
    best = cells.loc[made.batch_size]
    overlap = cells[(cells["time_to_target_s_lo"] <= best["time_to_target_s_hi"])].index
    assert set(made.as_good) == set(overlap) - {made.batch_size}


def test_other_goals_have_other_answers(known):
    cells = tuned(known)
    assert (
        choice.choose(known, MNIST, "keras", goal="examples").batch_size
        == cells["examples_to_target"].idxmin()
    )
    accurate = choice.candidates(known, MNIST, "keras").set_index("batch_size")["test_accuracy"]
    assert choice.choose(known, MNIST, "keras", goal="accuracy").batch_size == accurate.idxmax()


def test_half_and_twice_are_interpolated_between_what_was_measured_where_there_is_no_law(known):
    cells = tuned(known)
    lawless = replace(known, critical_batch=known.critical_batch.iloc[:0])
    made = choice.choose(lawless, MNIST, "keras")
    assert made.near_from is None
    assert made.double.batch_size == 2 * made.batch_size
    examples = between(cells.reset_index(), "examples_to_target", [made.batch_size, 2 * made.batch_size])
    assert made.double.examples == pytest.approx(examples[1] / examples[0])
    assert "(between the batch sizes measured)" in " ".join(advice.sentences(made))
    line = pd.DataFrame({"batch_size": [4, 16], "x": [1.0, 9.0]})
    assert between(line, "x", 8) == pytest.approx(3.0)
    assert between(line, "x", 4) == pytest.approx(1.0)
    assert np.isnan(between(line, "x", 2))


def test_what_half_and_twice_cost_agrees_with_the_range_that_is_near_the_best(known):
    made = choice.choose(known, MNIST, "keras")
    law = known.critical_batch[
        (known.critical_batch["dataset"] == "mnist") & (known.critical_batch["framework"] == "keras")
    ].iloc[0]
    examples = [law["examples_min"] * (1 + size / law["critical_batch"]) for size in (1, 2)]
    course = Course.of(known, choice.candidates(known, MNIST, "keras"), pd.Series(made.model_dump()))
    assert [course.examples(size) for size in (1, 2)] == pytest.approx(examples)
    ends = course.times(np.array([made.near_from, made.near_to])) / course.times(made.batch_size)
    assert ends.max() <= 1.1 * 1.01
    for cost in (made.half, made.double):
        within = made.near_from <= cost.batch_size <= made.near_to
        assert cost.by_law
        assert cost.time == pytest.approx(course.times(cost.batch_size) / course.times(made.batch_size))
        assert (cost.time > 1.1) is not within or cost.time == pytest.approx(1.1, rel=0.1)


def test_one_example_has_no_half(known, recwarn):
    course = Course.of(known, choice.candidates(known, MNIST, "keras"), tuned(known).iloc[0])
    assert course.change(1, 0) is None
    assert not recwarn.list


def disturbed(known, sizes):
    """The same results, the machine disturbed at these batch sizes of MNIST."""
    at = (known.summary["dataset"] == "mnist") & known.summary["batch_size"].isin(sizes)
    reasons = known.summary["disturbed"].mask(at, "others took 9 %")
    return replace(known, summary=known.summary.assign(disturbed=reasons))


def test_a_batch_size_that_was_disturbed_is_not_called_the_fastest(known):
    best = choice.choose(known, MNIST, "keras")
    made = choice.choose(disturbed(known, [best.batch_size]), MNIST, "keras")
    assert made.batch_size != best.batch_size
    assert best.batch_size not in made.as_good
    assert made.supported
    assert made.n_disturbed == 1
    assert f"B = {best.batch_size} could not be compared" in " ".join(made.doubts)
    examples = choice.choose(known, MNIST, "keras", goal="examples")
    again = choice.choose(disturbed(known, [examples.batch_size]), MNIST, "keras", goal="examples")
    assert again.batch_size == examples.batch_size, "which no other load changes"


def test_on_a_machine_that_was_disturbed_throughout_none_is_recommended_for_its_time(known):
    made = choice.choose(disturbed(known, known.summary["batch_size"]), MNIST, "keras")
    told = advice.sentences(made)
    assert not made.supported
    assert "no batch size can be recommended" in told[0]
    assert f"at {made.n_cells} of {made.n_cells} cells" in told[0]
    assert told[-1] == "Run the study again while the machine does nothing else."
    accurate = choice.choose(disturbed(known, known.summary["batch_size"]), MNIST, "keras", goal="accuracy")
    assert "take B = " in advice.sentences(accurate)[0]


def test_a_best_that_the_law_does_not_have_among_the_best_is_doubtful(known):
    sizes = sorted(tuned(known).index)
    summary = known.summary.copy()
    own = (summary["dataset"] == "mnist") & (summary["framework"] == "keras")
    summary.loc[own & (summary["batch_size"] == sizes[0]), "time_to_target_s"] = 1e-3
    lucky = replace(known, summary=summary)
    made = choice.choose(lucky, MNIST, "keras")
    assert made.batch_size == sizes[0]
    assert "shortest by chance" in " ".join(made.doubts)
    (head,) = (told for told in headline.findings(lucky)["MNIST, MLP"] if told.startswith("Keras: take"))
    assert "shortest by chance" in head
    assert "by chance" not in " ".join(choice.choose(known, MNIST, "keras").doubts)


def test_memory_leaves_batch_sizes_out(known):
    cells = choice.candidates(known, MNIST, "keras")
    limit = cells["peak_memory_mib"].sort_values().iloc[2]
    made = choice.choose(known, MNIST, "keras", goal="time", memory_mib=limit)
    assert cells.set_index("batch_size").at[made.batch_size, "peak_memory_mib"] <= limit
    assert made.largest_trained == cells["batch_size"][cells["peak_memory_mib"] <= limit].max()
    with pytest.raises(Problem, match=r"fits in 3\.00 MiB"):
        choice.choose(known, MNIST, "keras", memory_mib=3)


def test_no_batch_has_more_examples_than_there_are(known):
    n_training = known.targets.set_index(["dataset", "model"]).at[MNIST, "n_training"]
    line = {"a_mib": 100.0, "b_mib_per_example": 0.5, "largest_batch": 1.0}
    few = known.summary[known.summary["batch_size"] <= 1024]
    steep = replace(known, memory_fit=known.memory_fit.assign(**line), summary=few)
    for memory, largest in ((100 + n_training // 2 // 2, n_training // 2 // 2 * 2), (1e9, None)):
        made = choice.choose(steep, MNIST, "keras", memory_mib=memory)
        assert made.largest == largest
        told = " ".join(advice.sentences(made))
        assert ("memory would be full" in told) == (largest is not None)
        assert f"The largest batch size that was trained here is B = {made.largest_trained:,}" in told


def test_what_ran_out_of_memory_was_not_trained(known):
    too_large = known.summary["batch_size"] == 55_000
    status = known.summary["status"].mask(too_large, "out-of-memory")
    assert choice.choose(known, MNIST, "keras").largest_trained == 55_000
    lacking = replace(known, summary=known.summary.assign(status=status))
    assert choice.choose(lacking, MNIST, "keras").largest_trained < 55_000


def test_a_peak_that_nobody_measured_does_not_fit(known):
    unknown = known.summary.assign(peak_memory_mib=np.nan)
    with pytest.raises(Problem, match="measured at no batch size"):
        choice.choose(replace(known, summary=unknown), MNIST, "keras", memory_mib=1e6)
    best = choice.choose(known, MNIST, "keras").batch_size
    partly = known.summary["peak_memory_mib"].mask(known.summary["batch_size"] == best)
    some = replace(known, summary=known.summary.assign(peak_memory_mib=partly))
    assert choice.choose(some, MNIST, "keras", memory_mib=1e6).batch_size != best


def test_without_a_tuned_arm_there_is_no_answer_and_it_is_said_which_run_would_give_one(tmp_path):
    untuned = results.read(synthetic.write(tmp_path))
    with pytest.raises(Problem) as problem:
        choice.choose(untuned, MNIST, "keras")
    assert "is tuned" in problem.value.cause
    assert "learning_rate: tune" in problem.value.fix
    assert choice.all_choices(untuned) == []


def test_where_none_reaches_the_target_there_is_no_answer(known):
    missed = replace(known, summary=known.summary.assign(time_to_target_s=np.nan))
    with pytest.raises(Problem, match="no batch size reaches the target"):
        choice.choose(missed, MNIST, "keras")


def test_an_accuracy_after_more_epochs_is_not_told_without_them(known):
    longer = replace(known, targets=known.targets.assign(steps=50_000))
    even, uneven = (choice.choose(each, MNIST, "keras", goal="accuracy").doubts for each in (known, longer))
    assert not any("epochs" in doubt for doubt in even)
    assert any("trained for 4 to" in doubt for doubt in uneven)
    assert not any("epochs" in doubt for doubt in choice.choose(longer, MNIST, "keras").doubts)
    told = " ".join(headline.findings(longer)["MNIST, MLP"])
    assert "the larger ones longer" in told
    assert "the larger ones longer" not in " ".join(headline.findings(known)["MNIST, MLP"])


def test_of_one_run_nothing_is_told_apart(known):
    summary = known.summary.assign(n_runs=1, test_accuracy_sd=np.nan)
    for goal in ("time", "accuracy"):
        made = choice.choose(replace(known, summary=summary), MNIST, "keras", goal=goal)
        assert len(made.as_good) == len(tuned(known)) - 1 or goal == "accuracy"
        assert made.as_good
        assert any("trained once" in doubt for doubt in made.doubts)


def test_a_law_that_makes_no_sense_costs_only_its_sentence(known):
    laws = known.critical_batch.assign(examples_min=-96.0, critical_batch=np.inf)
    made = choice.choose(replace(known, critical_batch=laws), MNIST, "keras")
    assert made.batch_size == choice.choose(known, MNIST, "keras").batch_size
    silent = known.summary.assign(throughput_samples_per_s=np.nan)
    made = choice.choose(replace(known, summary=silent), MNIST, "keras")
    assert (made.near_from, made.near_to, made.half, made.double) == (None, None, None, None)


def test_a_rate_that_no_search_found_is_no_answer_and_one_that_reached_nothing_a_doubtful_one(known):
    best = choice.choose(known, MNIST, "keras").batch_size
    here = (known.rates["dataset"] == "mnist") & (known.rates["batch_size"] == best)
    failed = known.rates.assign(status=known.rates["status"].mask(here, "failed"))
    assert choice.choose(replace(known, rates=failed), MNIST, "keras").batch_size != best
    vain = known.rates.assign(status=known.rates["status"].mask(here, "no-rate-reached"))
    told = choice.choose(replace(known, rates=vain), MNIST, "keras").doubts
    assert any("no learning rate that was tried" in doubt for doubt in told)


def test_settings_that_were_searched_for_too_are_told(known):
    several = replace(known, rates=known.rates.assign(momentum=0.96875))
    made = choice.choose(several, MNIST, "keras")
    assert made.momentum == 0.96875
    assert "learning rate 0.0625, momentum 0.969 (fixed-lr)" in advice.sentences(made)[0]


def test_doubts_are_told(known):
    summary = known.summary.copy()
    own = (summary["dataset"] == "mnist") & (summary["arm"] == "fixed-lr") & (summary["framework"] == "keras")
    reached = summary[own].dropna(subset=["time_to_target_s"])
    summary.loc[reached.index[0], ["time_to_target_s", "disturbed"]] = [1e-3, "1 of 4: others took 9 %"]
    summary.loc[reached.index[1:], "disturbed"] = "others took 9 %"
    summary.loc[reached.index[0], "identity"] = "not certified: the batch norm"
    summary.loc[reached.index[0], "n_reached"] = 2
    made = choice.choose(replace(known, summary=summary), MNIST, "keras")
    told = " ".join(made.doubts)
    assert "disturbed" in told
    assert "not certified: the batch norm" in told
    assert "2 of 3 runs" in told
    only = summary[~own | (summary.index == reached.index[0])]
    told = choice.choose(replace(known, summary=only), MNIST, "keras").doubts
    assert any("largest batch size that was tried" in doubt for doubt in told)
    assert any("smallest batch size that was tried" in doubt for doubt in told)


def test_the_report_begins_with_what_to_take_and_leaves_it_as_json(folder, known):
    head = headline.findings(known)["MNIST, MLP"]
    assert sum("take B = " in sentence for sentence in head) == len(known.frameworks)
    figures.write(folder)
    report.write(folder)
    made = json.loads((folder / "recommendations.json").read_text())
    assert {(each["dataset"], each["framework"]) for each in made} >= {
        ("mnist", "keras"),
        ("mnist", "pytorch"),
    }
    assert choice.Choice.model_validate(made[0]) == choice.all_choices(known)[0]


def test_all_of_a_choice_is_told_in_words(known):
    made = choice.choose(known, MNIST, "keras")
    told = " ".join(advice.sentences(made))
    assert "Keras: take B = " in told
    assert "Twice of it" in told
    assert "The largest batch size that was trained here is B = 55,000. A larger batch is not" in told
    assert "%" in advice.sentences(choice.choose(known, MNIST, "keras", goal="accuracy"))[0]
