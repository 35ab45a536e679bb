"""Checkpoints: which parameters of a training are kept, that they are its own, that none is trained twice."""

import itertools
import os
import signal
import types

import numpy as np
import pytest

from benchmarks import datasets
from benchmarks.analysis import checkpoints, job, points, record
from benchmarks.analysis.checkpoints import Kept
from benchmarks.common import stored_arrays
from benchmarks.common.errors import Problem
from benchmarks.common.store import Store
from benchmarks.frameworks.trainer import scores
from benchmarks.recipe.plan import Replicate
from benchmarks.study import check, study
from benchmarks.summary import analyses, columns, schema
from benchmarks.training.run import RunState

CONFIG = {
    "study": "inside",
    "frameworks": ["keras", "pytorch"],
    "seeds": [0, 1],
    "arms": [
        {"name": "sgd", "optimizer": "sgd", "learning_rate": 0.125, "scaling": "none"},
        {"name": "the-same", "optimizer": "sgd", "learning_rate": 0.125, "scaling": "none"},
    ],
    "workloads": [
        {
            "dataset": "digits",
            "model": "mlp",
            "batch_sizes": [32, 500],
            "target": {"validation_accuracy": 0.8, "source": "chosen for the test"},
            "budget": {"epochs": 3, "steps": 12, "seconds": 1e-6},
            "evaluations_per_epoch": 3,
        }
    ],
    "analyses": ["noise-scale"],
}


(WORKLOAD,) = CONFIG["workloads"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    datasets.store("digits", path)
    return path


def kept_of(accuracies, *, target, losses=(), matched=None):
    """The roles by steps, of a training with these accuracies at its evaluations, ten steps apart."""
    state, kept = RunState(), Kept(target, matched)
    kept.add(state, {"steps": np.array(0.0)}, "start")
    for accuracy, loss in itertools.zip_longest(accuracies, losses, fillvalue=np.inf):
        state.steps += 10
        state.examples += 320
        kept.evaluated(state, {"steps": np.array(float(state.steps))}, accuracy, loss)
    for each in kept.checkpoints:
        assert each.parameters["steps"] == each.steps
        assert each.examples == 32 * each.steps
    return {each.steps // 10: each.roles for each in kept.checkpoints}


def test_start_path_target_best_and_end_are_kept():
    found = kept_of([0.1, 0.2, 0.6, 0.5, 0.9, 0.7, 0.9, 0.8, 0.7], target=0.6)
    assert found == {
        0: ["start"],
        1: ["path"],
        2: ["path"],
        3: ["target"],
        4: ["path"],
        5: ["best"],
        8: ["path"],
        9: ["end"],
    }


def test_one_checkpoint_may_have_several_roles():
    assert kept_of([0.1, 0.9], target=0.6) == {
        0: ["start"],
        1: ["path"],
        2: ["path", "target", "best", "end"],
    }


def test_the_first_evaluation_whose_loss_is_down_to_what_is_compared_at_is_kept():
    accuracies, losses = [0.5, 0.5, 0.6, 0.6, 0.6], [0.9, 0.8, 0.2, 0.1, 0.05]
    found = kept_of(accuracies, target=0.9, losses=losses, matched=0.2)
    assert found[3] == ["matched", "best"]
    assert sum("matched" in roles for roles in found.values()) == 1
    assert not any("matched" in roles for roles in kept_of(accuracies, target=0.9, losses=losses).values())
    never = kept_of(accuracies, target=0.9, losses=losses, matched=0.01)
    assert not any("matched" in roles for roles in never.values())


def test_the_spread_of_the_loss_is_around_a_straight_line():
    noise = np.random.default_rng(0).normal(size=4000)
    found = [checkpoints.spread([*(5 - 0.1 * np.arange(32) + 0.01 * noise[n : n + 32])]) for n in range(2000)]
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(0.01, rel=0.03)
    steep = [1e9] * 50 + [3.0 - 0.25 * step for step in range(32)]
    assert checkpoints.spread(steep) == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(checkpoints.spread(steep[:31]))


class Asked:
    """A trainer that takes down which examples it is asked about, and is sure of class 0."""

    def __init__(self):
        self.examples = []

    def logits(self, examples):
        self.examples.append(examples)
        return np.tile([5.0, 0.0], (len(examples), 1))


def test_the_loss_that_is_compared_at_is_of_the_same_sample_in_every_training():
    labels = (np.arange(9000) % 3 == 0).astype(np.int64)
    trainer = Asked()
    setup = types.SimpleNamespace(examples=np.arange(9000), labels=labels)
    found = [checkpoints.training_loss(trainer, setup) for _ in range(2)]
    one, other = trainer.examples
    np.testing.assert_array_equal(one, other)
    assert len({*one.tolist()}) == checkpoints.SAMPLE and one.max() > 8900
    wrong = labels[one].mean()
    assert found == pytest.approx([np.log1p(np.exp(-5)) + 5 * wrong] * 2)


def test_a_target_that_is_never_reached_has_no_checkpoint():
    assert kept_of([0.5, 0.4, 0.3], target=0.6) == {
        0: ["start"],
        1: ["path", "best"],
        2: ["path"],
        3: ["end"],
    }


def plans_of(config=CONFIG):
    wanted = check.read(config)
    return [each for each in study.replicates(wanted) if each.name in wanted.analysed]


MATCHED = 2.0


def trained_here(plan, path):
    """The checkpoints of a plan as written and read again, and the same training by hand to each of them."""
    from benchmarks.frameworks import pytorch
    from benchmarks.training.measure import set_up

    pytorch.configure(threads=1, device="cpu", precision="float64")
    data = datasets.read(path)
    made = checkpoints.trained(pytorch, plan, data, matched_loss=MATCHED)
    setup = set_up(pytorch, plan, data)
    by_hand = []
    for each in made:
        trainer = setup.trainer()
        trainer.reset(setup.parameters(seed=plan.seed))
        if each.steps:
            trainer.train(
                setup.stream(seed=plan.seed).batches(plan.cell.batch_size, first=0, count=each.steps)
            )
        accuracy = scores(trainer.logits(data.validation_x), data.validation_y).accuracy
        chosen = np.random.default_rng(0).permutation(len(setup.labels))
        loss = scores(trainer.logits(setup.examples[chosen]), setup.labels[chosen]).loss
        assert ("matched" not in each.roles) or loss <= MATCHED
        by_hand.append((trainer.parameters(), accuracy))
    assert any("matched" in each.roles for each in made)
    return made, by_hand


@pytest.mark.parametrize("place", [0, 1])
def test_the_parameters_are_those_of_the_training(in_torch, digits, tmp_path, place):
    plan = plans_of()[0].plans[place].model_copy(update={"precision": "float64"})
    made, by_hand = in_torch(trained_here, plan, digits)
    (tmp_path / "made").write_bytes(checkpoints.serialised(made))
    again = list(checkpoints.read(tmp_path / "made"))
    assert [each[:3] for each in again] == [each[:3] for each in made]
    best = max(accuracy for _, accuracy in by_hand)
    for each, (parameters, accuracy) in zip(again, by_hand, strict=True):
        assert each.examples == each.steps * plan.cell.batch_size
        assert ("best" not in each.roles) or accuracy == best
        for name, value in parameters.items():
            np.testing.assert_allclose(each.parameters[name], value, rtol=1e-11, atol=1e-13)
    assert again[-1].steps == plan.optimizer.total_steps and "end" in again[-1].roles
    assert again[0].roles == ["start"]


def run_job(replicate, digits, store, output, names=("noise-scale",), **given):
    """The job, which trains and measures in processes that it forks."""
    job.run(replicate, list(names), digits, tuned=None, threads=1, store=store, path=output, **given)
    return record.read(output)


def checkpoint_files(store):
    """The files of checkpoints; one that was written again is another."""
    return {path.stat().st_ino for path in (store / "checkpoints").glob("*.safetensors")}


def test_a_training_is_done_once_and_its_limit_of_seconds_is_none(digits, tmp_path):
    replicate, store, output = plans_of()[0], tmp_path / "store", tmp_path / "0.json"
    made = run_job(replicate, digits, store, output)
    assert len(files := checkpoint_files(store)) == 2, "two arms are the same training"
    assert [(run.cell.arm, run.cell.batch_size) for run in made] == [
        ("sgd", 32),
        ("sgd", 500),
        ("the-same", 32),
        ("the-same", 500),
    ]
    assert made[0].analyses == made[2].analyses
    first, *_, last = made[0].analyses["noise-scale"]
    assert first.steps == 0 and last.steps == replicate.plans[0].optimizer.total_steps
    output.unlink()
    for path in (store / "noise-scale").iterdir():
        path.unlink()
    assert run_job(replicate, digits, store, output) == made
    assert checkpoint_files(store) == files, "the checkpoints are in the store"


def test_damaged_checkpoints_are_made_again(digits, tmp_path):
    replicate, store, output = plans_of()[0], tmp_path / "store", tmp_path / "0.json"
    made = run_job(replicate, digits, store, output)
    for path in (store / "noise-scale").iterdir():
        path.unlink()
    damaged = next((store / "checkpoints").glob("*.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    before = checkpoint_files(store)
    damaged.rename(tmp_path / "kept")  # so that its place on the disk is not taken again
    damaged.write_bytes((tmp_path / "kept").read_bytes())
    again = run_job(replicate, digits, store, output)
    assert len(checkpoint_files(store) - before) == 1
    for one, other in zip(made, again, strict=True):
        for a, b in zip(one.analyses["noise-scale"], other.analyses["noise-scale"], strict=True):
            assert a.numbers == pytest.approx(b.numbers, rel=1e-3)


def test_a_training_that_diverges_keeps_what_came_before_and_has_no_end(digits, tmp_path):
    (replicate, *_), output = plans_of(), tmp_path / "0.json"
    wild = {"learning_rate": 2.0**120}
    plans = [
        plan.model_copy(update={"optimizer": plan.optimizer.model_copy(update=wild)})
        for plan in replicate.plans
    ]
    made = run_job(Replicate(plans=plans), digits, tmp_path / "store", output)
    assert any("end" not in run.analyses["noise-scale"][-1].roles for run in made)
    for plan, run in zip(plans, made, strict=True):
        points = run.analyses["noise-scale"]
        assert run.status == "measured"
        assert points[0].roles == ["start"]
        assert ("end" in points[-1].roles) == (points[-1].steps == plan.optimizer.total_steps)


def test_a_training_that_cannot_be_measured_stops_no_other(digits, tmp_path, monkeypatch):
    replicate, output = plans_of()[0], tmp_path / "0.json"
    of = points.of

    def fails_at_500(framework, plan, *given):
        if plan.cell.batch_size == 500:
            raise MemoryError("no room")
        return of(framework, plan, *given)

    monkeypatch.setattr(points, "of", fails_at_500)
    made = run_job(replicate, digits, tmp_path / "store", output)
    assert [run.status for run in made] == ["measured", "out-of-memory", "measured", "out-of-memory"]
    rows = analyses._rows(made[1], 1257)
    assert [(row["steps"], row["status"]) for row in rows] == [(0, "out-of-memory")]
    monkeypatch.setattr(points, "of", of)
    assert {run.status for run in run_job(replicate, digits, tmp_path / "store", output)} == {"measured"}


def test_an_analysis_that_fails_costs_no_other(digits, tmp_path, monkeypatch):
    from benchmarks.analysis import landscape

    def fails(*given):
        raise MemoryError("no room")

    monkeypatch.setattr(landscape, "of", fails)
    names = ("landscape", "noise-scale")
    made = run_job(plans_of()[0], digits, tmp_path / "store", tmp_path / "0.json", names)
    assert {run.status for run in made} == {"out-of-memory"}
    assert all(run.analyses["noise-scale"] and not run.landscape for run in made)


def test_what_an_interval_lacks_is_infinite_where_it_has_a_lower_end():
    found = analyses._unbounded({"a": None, "a_lo": 8.0, "a_hi": None, "b": 1.0, "b_lo": 1.0, "b_hi": None})
    assert found == {"a": np.inf, "a_lo": 8.0, "a_hi": np.inf, "b": 1.0, "b_lo": 1.0, "b_hi": np.inf}
    nothing = {"a": None, "a_lo": None, "a_hi": None}
    assert analyses._unbounded(nothing) == nothing


def test_a_process_that_dies_is_told(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(points, "of", lambda *given: os.kill(os.getpid(), signal.SIGKILL))
    made = run_job(plans_of()[0], digits, tmp_path / "store", tmp_path / "0.json")
    assert {run.status for run in made} == {"failed"}
    assert {run.message for run in made} == {"the process was killed by SIGKILL"}


def test_another_framework_than_that_which_measures_is_refused(digits, tmp_path):
    other = next(each for each in study.replicates(check.read(CONFIG)) if "keras" in each.name)
    with pytest.raises(Problem, match="another framework than pytorch"):
        run_job(other, digits, tmp_path / "store", tmp_path / "0.json")


def test_an_analysis_that_there_is_not_is_told(digits, tmp_path):
    with pytest.raises(Problem, match="there is no analysis 'noise'"):
        run_job(plans_of()[0], digits, tmp_path / "store", tmp_path / "0.json", ("noise",))


def test_what_a_job_wrote_becomes_rows(digits, tmp_path):
    wanted, folder = check.read(CONFIG), tmp_path / "results"
    for replicate in plans_of():
        place = record.path(folder, replicate.name)
        run_job(replicate, digits, tmp_path / "store", place, job.NAMES, matched_loss=1.2)
    rows = analyses.checkpoints(wanted, folder, {("digits", "mlp"): 1257})
    table = columns.frame(rows, schema.CHECKPOINTS)
    schema.CHECKPOINTS.validate(table)
    assert set(table["seed"]) == {0, 1}
    assert (table["noise_scale_lo"] <= table["noise_scale"]).all()
    late = table["roles"].str.contains("target|matched|best|end")
    assert (table["largest_eigenvalue"].notna() == late).all()
    at_loss = table["roles"].str.contains("matched|end")
    assert (table["sharpness"].notna() == at_loss).all() and (table["width"].notna() == at_loss).all()
    weighed = table["curved_noise_scale"].notna()
    assert weighed.any() and not (weighed & ~table["roles"].str.contains("start|target|end")).any()
    assert (table["distance"][table["steps"] == 0] == 0).all() and table["distance"].max() > 0.1
    assert (table["training_loss"][table["roles"].str.contains("matched")] < 1.25).all()
    assert table["loss_spread"].isna()[table["steps"] < 32].all()
    assert (table["sharpness"].dropna() > table["sharpness_half"].dropna()).all()
    end = table[table["roles"].str.contains("end") & (table["batch_size"] == 500)].iloc[0]
    swapped = record.path(folder, plans_of()[0].name)
    swapped.write_bytes(record.path(folder, plans_of()[1].name).read_bytes())
    with pytest.raises(Problem, match="holds other runs"):
        analyses.checkpoints(wanted, folder, {("digits", "mlp"): 1257})
    assert end["epochs"] == pytest.approx(500 * 12 / 1257)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"frameworks": ["keras"]}, "analyses are made with pytorch"),
        ({"seeds": []}, "without seeds trains nothing"),
        ({"analyses": ["noise"]}, "analyses.0"),
        ({"analyses": [], "workloads": [WORKLOAD | {"matched_loss": 0.1}]}, "analyses compare at it"),
        ({"workloads": [WORKLOAD | {"matched_loss": 0}]}, "matched_loss"),
        ({"analyses": "noise-scale"}, "analyses"),
        ({"analyses": ["noise-scale", "noise-scale"]}, "analyses: noise-scale given twice"),
    ],
)
def test_analyses_that_make_no_sense_are_refused(changes, told):
    with pytest.raises(Problem) as problem:
        check.read(CONFIG | changes)
    assert told in problem.value.cause


def test_timings_traces_and_searches_do_not_depend_on_analyses():
    matched = {**CONFIG, "workloads": [WORKLOAD | {"matched_loss": 0.1}]}
    with_them, without = check.read(matched), check.read({**CONFIG, "analyses": []})
    assert study.without_analyses(with_them).model_dump() == without.model_dump()
    for part in (study.for_timing, study.for_tracing, study.for_tuning):
        assert part(with_them).model_dump() == part(without).model_dump()
    assert without.analysed == []


def test_a_file_of_another_version_is_told(tmp_path):
    from benchmarks.common.files import write_sealed

    write_sealed({"schema_version": 99, "runs": []}, tmp_path / "0.json")
    with pytest.raises(Problem, match="not of this version"):
        record.read(tmp_path / "0.json")


def test_arrays_of_the_store_are_kept_once(tmp_path):
    store, conditions = Store(tmp_path), {"measurement": "checkpoints", "x": 1}
    path = stored_arrays.keep(store, conditions, b"first")
    assert stored_arrays.keep(store, conditions, b"second") == path
    assert path.read_bytes() == b"first"
    assert stored_arrays.find(store, conditions | {"x": 2}) is None
