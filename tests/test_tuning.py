"""Tuned arms from the file of a study to its records: settings, trials, the store, the rates."""

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest

from benchmarks import datasets, frameworks
from benchmarks.common import process
from benchmarks.common.errors import Problem
from benchmarks.common.store import Store
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.search import Candidate
from benchmarks.study import check, preview, rates, study
from benchmarks.study.rates import Ended, Found, Trial, Tuned
from benchmarks.summary import columns, schema, searches
from benchmarks.summary.schema.names import NO_RATE
from benchmarks.training.measure import set_up
from benchmarks.tuning import forked, job
from benchmarks.tuning.trial import Trials

ARM = {"name": "tuned", "learning_rate": "tune", "momentum": 0.875, "scaling": "none"}
ARM |= {"search": {"learning_rate": [2**-7, 2], "seeds": [11, 12]}}
CONFIG = {
    "study": "tuning",
    "frameworks": ["keras", "pytorch"],
    "seeds": [0],
    "arms": [ARM, {"name": "fixed-lr", "learning_rate": 0.0625, "momentum": 0.875, "scaling": "none"}],
    "workloads": [
        {
            "dataset": "digits",
            "model": "mlp",
            "batch_sizes": [16, 64, "full"],
            "target": {"validation_accuracy": 0.93, "source": "chosen for the test"},
            "budget": {"epochs": 4, "steps": 60, "seconds": 30},
        }
    ],
}


def changed(**settings):
    return CONFIG | {"arms": [ARM | settings]}


def read(config=CONFIG):
    return check.read(config)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    datasets.store("digits", path)
    return path


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"search": None}, "learning_rate: tune needs a search"),
        ({"learning_rate": 0.1}, "no other learning_rate has one"),
        ({"scaling": "linear"}, "set scaling: none"),
        ({"search": {"learning_rate": [2, 1]}}, "the smaller one first"),
        ({"search": {"learning_rate": []}}, "arms.0.search.learning_rate"),
        ({"search": {"learning_rate": [0.6, 0.9]}}, "no candidate"),
        ({"search": {"learning_rate": [0.1, 1], "seeds": [5]}}, "at least two seeds"),
        ({"search": {"learning_rate": [0.1, 1], "seeds": [0, 5]}}, "seed 0 of its search"),
        ({"optimizer": "sgd", "momentum": None, "search": {"learning_rate": [0.1, 1], "momentum": [0.5, 0.9],
          "candidates": 4}}, "sgd has no momentum"),
        ({"search": {"learning_rate": [0.1, 1], "weight_decay": [0.1, 0.2], "candidates": 4}}, "above 0 in"),
        ({"learning_rate": "tuned"}, "arms.0.learning_rate: "),
        ({"search": {"learning_rates": [0.1, 1]}}, "did you mean learning_rate"),
    ],
)  # fmt: skip
def test_a_tuned_arm_that_makes_no_sense_is_refused(settings, told):
    with pytest.raises(Problem) as problem:
        read(changed(**settings))
    assert told in problem.value.cause
    assert "tag" not in problem.value.cause


def test_until_it_is_tuned_an_arm_has_the_rate_of_its_start():
    given = study.replicates(read())[0]
    assert given.to_be_tuned == ["tuned"]
    of_tuned = [plan for plan in given.plans if plan.cell.arm == "tuned"]
    assert {plan.optimizer.learning_rate for plan in of_tuned} == {2**-3}


def test_without_seeds_nothing_is_searched():
    assert read().tunes
    assert not read(CONFIG | {"seeds": []}).tunes
    assert not read(CONFIG | {"arms": CONFIG["arms"][1:]}).tunes
    assert preview.effort(read(CONFIG | {"seeds": []})).searches == 0


def test_traces_and_timings_know_nothing_of_a_search():
    wider = read(changed(search=ARM["search"] | {"learning_rate": [2**-8, 4]}))
    narrow = read(changed())
    for part in (study.for_timing, study.for_tracing):
        assert part(wider) == part(narrow)
        assert "search" not in part(narrow).model_dump_json(exclude_none=True)
    assert all(arm.learning_rate == 2**-3 for arm in study.at_start(narrow).arms)
    assert study.for_tuning(wider) != study.for_tuning(narrow)
    assert study.for_tuning(read()) == study.for_tuning(read(CONFIG | {"seeds": [0, 3]}))


def found(rate, *, steps=40):
    trial = Trial(
        candidate=Candidate(learning_rate=rate),
        seed=11,
        ended=Ended.REACHED if steps else Ended.MISSED,
        steps=steps or 60,
        validation_accuracy=0.9,
        training_s=0.5,
    )
    best = Candidate(learning_rate=rate)
    return Found(best=best, steps=steps, lowest=rate, highest=rate, at_edge=False, trials=[trial, trial])


def tuned(size, rate, **changes):
    names = {"dataset": "digits", "model": "mlp", "arm": "tuned", "batch_size": size, "framework": "keras"}
    start = Candidate(learning_rate=0.125)
    return Tuned(**(names | {"start": start, "found": found(rate)} | changes))


def test_a_replicate_takes_the_rates_that_were_found(tmp_path):
    path = tmp_path / rates.NAME
    rates.write([tuned(16, 0.25), tuned(64, 0.5), tuned(1257, 1.0, found=None, failure="killed")], path)
    given = study.replicates(read())[0]
    applied = rates.applied(given, path)
    assert [plan.optimizer.learning_rate for plan in applied.plans[:3]] == [0.25, 0.5, 0.125]
    assert applied.plans[3:] == given.plans[3:], "an arm with a rate of its own keeps it"
    assert not applied.to_be_tuned
    fixed = given.model_copy(update={"plans": given.plans[3:], "to_be_tuned": []})
    assert rates.applied(fixed, None) == fixed
    assert [plan.settings["optimizer"]["momentum"] for plan in applied.plans[:3]] == [0.875] * 3


def test_a_replicate_is_never_trained_at_the_rate_of_its_start_for_want_of_a_search(tmp_path):
    given = study.replicates(read())[0]
    with pytest.raises(Problem, match="no file with them is given"):
        rates.applied(given, None)
    rates.write([tuned(16, 0.25)], tmp_path / rates.NAME)
    with pytest.raises(Problem, match="lacks the search of digits mlp keras tuned B=64"):
        rates.applied(given, tmp_path / rates.NAME)
    (tmp_path / rates.NAME).write_text("{}")
    with pytest.raises(Problem):
        rates.applied(given, tmp_path / rates.NAME)


def test_a_search_is_told_in_two_tables():
    made = [tuned(16, 0.25), tuned(64, 0.5, found=found(0.5, steps=None)), tuned(99, 1.0, found=None)]
    table = columns.frame(searches.rates(made), schema.RATES)
    assert table["status"].tolist() == ["reached", NO_RATE, "failed"]
    assert table["learning_rate"].tolist() == [0.25, 0.5, 0.125]
    assert table["examples"].tolist() == [16 * 80, 64 * 120, 0]
    schema.RATES.validate(table)
    lucky = made[0].found.trials[0].model_copy(update={"candidate": Candidate(learning_rate=0.1)})
    beaten = made[1].found.model_copy(update={"trials": [*made[1].found.trials, lucky]})
    other = columns.frame(searches.rates([tuned(64, 0.5, found=beaten)]), schema.RATES)
    assert other["status"].tolist() == ["reached"], "another candidate than the best reached the target"
    trials = columns.frame(searches.trials(made), schema.TRIALS)
    assert trials["ended"].tolist() == ["reached"] * 2 + ["missed"] * 2


def test_the_search_is_done_by_the_fastest_framework_that_is_certified(tmp_path):
    workload, arm = read().workloads[0], read().arms[0]
    speeds = {("keras", "fused"): 100.0, ("pytorch", "fused"): 60.0, ("pytorch", "idiomatic"): 900.0}
    rows = [
        {"dataset": "digits", "model": "mlp", "framework": framework, "step_kind": "momentum"}
        | {"execution": execution, "batch_size": size, "process": 0, "samples_per_s": speed * size}
        | {"status": "measured", "disturbed": ""}
        for (framework, execution), speed in speeds.items()
        for size in (16, 64)
    ]
    table = pd.DataFrame(rows, columns=list(schema.THROUGHPUT.columns))
    table.to_csv(tmp_path / "throughput.csv", index=False)

    def fastest(**certified):
        certificates = [
            {"dataset": "digits", "model": "mlp", "arm": "tuned", "framework": name, "certified": good}
            for name, good in certified.items()
        ]
        (tmp_path / "traces").mkdir(exist_ok=True)
        content = json.dumps({"certificates": certificates})
        (tmp_path / "traces" / "certificates.json").write_text(content)
        return job.fastest(tmp_path, read(), workload, arm)

    assert fastest(keras=True, pytorch=True) == "keras"
    assert fastest(keras=False, pytorch=True) == "pytorch"
    assert fastest(keras=False, pytorch=False) == "keras"


def test_a_search_starts_within_its_range_on_a_candidate():
    search = read().arms[0].search
    assert job.near(search, Candidate(learning_rate=0.25), 1 / 4).learning_rate == 2**-4
    assert job.near(search, Candidate(learning_rate=0.25), 4).learning_rate == 0.25
    assert job.near(search, Candidate(learning_rate=2**-6), 1 / 1024).learning_rate == 2**-7
    assert job.near(search, Candidate(learning_rate=16.0), 4).learning_rate == 2
    assert job.near(search, Candidate(learning_rate=0.25), 1 / 5).learning_rate == 2**-4


def test_each_batch_size_starts_where_its_neighbour_ended():
    assert list(job.from_the_middle([1, 2, 4, 8, 16])) == [(4, None), (8, 4), (16, 8), (2, 4), (1, 2)]
    assert list(job.from_the_middle([3])) == [(3, None)]


def curve(name, data, *, seconds=30.0, target=0.93):
    """Every trial of a few rates from two seeds, none of which ends before its target."""
    made = read(CONFIG | {"frameworks": [name]})
    plan = study.replicates(made)[0].plans[1]
    plan = plan.model_copy(
        update={"budget": plan.budget.model_copy(update={"seconds": seconds}), "target": target}
    )
    framework = frameworks.load(name)
    framework.configure(threads=1, device="cpu", precision="float32")
    trials = Trials(framework, plan, datasets.read(data))
    settings = itertools.product([2.0**-5, 2.0**-2, 64.0], [11, 12])
    return [trials.run(Candidate(learning_rate=rate), seed, math.inf) for rate, seed in settings]


def whole_budgets(name, data):
    """Trials that stop at an early target, go on to their ends, and never see their target."""
    plan = study.replicates(read(CONFIG | {"frameworks": [name]}))[0].plans[1]
    framework = frameworks.load(name)
    framework.configure(threads=1, device="cpu", precision="float32")
    found = []
    for to_the_end, target in ((False, 0.5), (True, 0.5), (True, 1.0)):
        trials = Trials(
            framework, plan.model_copy(update={"target": target}), datasets.read(data), to_the_end=to_the_end
        )
        found.append(trials.run(Candidate(learning_rate=0.25), 11, math.inf))
    return plan.optimizer.total_steps, found


def test_a_trial_for_accuracy_goes_on_to_the_end_of_its_budget(digits):
    (total, (stopped, whole, missed)), exit_code = process.forked(whole_budgets, "pytorch", digits)
    assert exit_code == 0
    assert stopped.ended == whole.ended == Ended.REACHED and missed.ended == Ended.MISSED
    assert stopped.steps < whole.steps == missed.steps and whole.steps >= total
    assert whole.validation_accuracy == missed.validation_accuracy > stopped.validation_accuracy


@pytest.fixture(scope="module")
def curves(digits):
    made = {}
    for name in ("keras", "pytorch", "keras-jax", "numpy"):
        made[name], exit_code = process.forked(curve, name, digits)
        assert exit_code == 0
    return made


@pytest.mark.parametrize("name", ["keras", "keras-jax", "numpy"])
def test_trials_are_the_same_in_every_framework(curves, name):
    ours, theirs = curves[name], curves["pytorch"]
    assert [(each.candidate, each.seed) for each in ours] == [(each.candidate, each.seed) for each in theirs]
    stable = [place for place, each in enumerate(theirs) if each.candidate.learning_rate < 64]
    for place in stable:
        assert ours[place].ended == theirs[place].ended == Ended.REACHED
        assert ours[place].steps == theirs[place].steps
        assert ours[place].validation_accuracy == pytest.approx(theirs[place].validation_accuracy, abs=0.006)


def test_the_rate_of_a_trial_is_that_of_its_candidate(curves):
    slow, fast, far = ([each.steps for each in curves["pytorch"]][place] for place in (0, 2, 4))
    assert fast < slow
    assert curves["pytorch"][4].ended in (Ended.DIVERGED, Ended.MISSED)
    assert far > 0


def losses(name, data):
    plan = study.replicates(read(CONFIG | {"frameworks": [name]}))[0].plans[1]
    other = Candidate(learning_rate=0.5).applied(plan.optimizer)
    framework = frameworks.load(name)
    framework.configure(threads=1, device="cpu", precision="float32")
    found = []
    for first, then in ((plan.optimizer, other), (other, None), (plan.optimizer, None)):
        setup = set_up(framework, plan.model_copy(update={"optimizer": first}), datasets.read(data))
        trainer = setup.trainer()
        trainer.reset(setup.parameters(seed=0))
        batches = setup.stream(seed=0).batches(16, first=0, count=8)
        if then:
            trainer.train(batches)
            trainer.retune(then)
            trainer.reset(setup.parameters(seed=0))
        found.append(np.array(trainer.train(batches).loss))
    return found


@pytest.mark.parametrize("name", ["keras", "pytorch", "keras-jax", "keras-torch", "numpy"])
def test_a_trainer_that_is_given_another_rate_computes_as_if_built_for_it(digits, name):
    (given, built, before), exit_code = process.forked(losses, name, digits)
    assert exit_code == 0
    assert (given == built).all()
    assert not np.allclose(given, before)


def late(data):
    return curve("numpy", data, seconds=1e-9), curve("numpy", data, target=1.0)


def test_a_trial_ends_with_its_seconds_or_its_steps(digits):
    (without_time, without_target), _ = process.forked(late, digits)
    assert {each.ended for each in without_time} == {Ended.TIME_LIMIT}
    assert {each.ended for each in without_target} <= {Ended.MISSED, Ended.DIVERGED}
    assert max(each.steps for each in without_target) == 79


def tasks(data, framework="numpy"):
    made = study.for_tuning(read(CONFIG | {"frameworks": [framework]}))
    return [job.Task(made.workloads[0], made.arms[0], framework, datasets.read(data))], made


def all_searched(data, store):
    given, made = tasks(data)
    return job.searched(given, made, Store(store), threads=1)


def compiles(data):
    """Whether a trainer compiles while a trial's clock runs."""
    framework = frameworks.load("keras")
    framework.configure(threads=1, device="cpu", precision="float32")
    plan = study.replicates(read())[0].plans[1]
    trials = Trials(framework, plan, datasets.read(data))
    original, compiled = framework.Trainer._compile_fused, []

    def noting(self, batch_size):
        if batch_size not in self._compiled:
            compiled.append(batch_size)
        original(self, batch_size)

    framework.Trainer._compile_fused = noting
    trainer = trials._trainer(plan.optimizer)
    before = len(compiled)
    trials.run(Candidate(learning_rate=0.25), 11, 20)
    return before, len(compiled), trainer is trials._trainer(plan.optimizer)


def test_a_trainer_compiles_before_the_clock_of_its_first_trial_and_once(digits):
    made, exit_code = process.forked(compiles, digits)
    assert exit_code == 0
    assert made == (1, 1, True)


def test_searches_are_kept_in_the_store(digits, tmp_path, monkeypatch):
    made, exit_code = process.forked(all_searched, digits, tmp_path)
    assert exit_code == 0
    assert [each.batch_size for each in made] == [16, 64, 1257]
    small, middle, large = made
    assert large.start == middle.found.best
    assert all(2**-7 <= each.start.learning_rate <= 2 for each in made)
    assert small.start.learning_rate == middle.found.best.learning_rate / 4
    assert all(each.found.steps for each in made)
    by_size = {each.batch_size: each.found for each in made}
    assert by_size[16].best.learning_rate <= by_size[1257].best.learning_rate
    monkeypatch.setattr(job, "found", lambda *_, **__: pytest.fail("searched again"))
    assert all_searched(digits, tmp_path) == made


def test_a_search_whose_process_dies_is_told_and_kept_nowhere(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(forked, "search", lambda *_: (_ for _ in ()).throw(MemoryError("too large")))
    made, _ = process.forked(all_searched, digits, tmp_path)
    assert {each.failure for each in made} == {"MemoryError: too large"}
    assert all(each.found is None for each in made)
    assert not list(tmp_path.rglob("*.json"))


def test_an_arm_keeps_its_own_settings_but_those_that_are_searched_for():
    arm = Arm.model_validate(ARM | {"weight_decay": 0.001})
    optimizer = arm.optimizer_at(16, total_steps=10)
    chosen = Candidate(learning_rate=0.25, momentum=0.5).applied(optimizer)
    assert (chosen.learning_rate, chosen.momentum) == (0.25, 0.5)
    assert chosen.weight_decay == optimizer.weight_decay
