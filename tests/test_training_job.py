"""A job trains what the store lacks; what goes wrong in one run is its result and stops no other."""

import os
import types

import numpy as np
import pytest

from benchmarks.common.quiet import Disturbance
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import Device, Steps
from benchmarks.recipe.plan import Budget, Evaluations, Plan, Replicate
from benchmarks.training import dependencies, job, view
from benchmarks.training.record import Status

SIZES = (1, 2, 5)


def replicate(arm="a", **changes) -> Replicate:
    cell = {"dataset": "digits", "model": "mlp", "framework": "keras", "arm": arm}
    settings = {
        "seed": 0,
        "device": "cpu",
        "precision": "float32",
        "optimizer": {"name": "momentum", "learning_rate": 0.5, "momentum": 0.5, "total_steps": 5},
        "augmentation": [],
        "randomness": "shared",
        "target": 0.9,
        "budget": Budget(epochs=1, seconds=60),
        "evaluations": Evaluations(examples=10),
        **changes,
    }
    return Replicate(plans=[Plan(cell={**cell, "batch_size": size}, **settings) for size in SIZES])


def data(shade=0.0):
    x, y = np.full((10, 2, 2, 1), shade, np.float32), np.zeros(10, np.int32)
    names = ("train", "validation", "test")
    examples, labels = {f"{name}_x": x for name in names}, {f"{name}_y": y for name in names}
    return Dataset(name="digits", n_classes=2, sha256="s", **examples, **labels)


class Trainer:
    """Works, except that training in batches of 2 examples does what `at_size_2` does."""

    def __init__(self, at_size_2, examples):
        self.at_size_2 = at_size_2 if len(examples) == 10 else lambda: None  # not the tiny model

    def reset(self, parameters):
        pass

    def compile(self, batch_size):
        return None

    def train(self, batches):
        if batches.shape[1] == 2:
            self.at_size_2()
        return Steps(np.ones(len(batches)), None)

    def logits(self, examples):
        return np.eye(2)[np.zeros(len(examples), int)]

    def parameters(self):
        return {}


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Train a replicate; gives its records and how often the framework was imported."""
    imports = []

    def run(wanted=None, *, at_size_2=lambda: None, threads=2, of=None):
        wanted = wanted or replicate()
        framework = types.SimpleNamespace(
            Trainer=lambda *, examples, **settings: Trainer(at_size_2, examples),
            configure=lambda **settings: None,
            device=lambda: Device("cpu", "CPU"),
            switches=dict,
            reset_peak_memory=lambda: None,
            synchronise=lambda: None,
            is_out_of_memory=lambda error: isinstance(error, MemoryError),
        )
        monkeypatch.setattr(job.frameworks, "load", lambda name: imports.append(name) or framework)
        monkeypatch.setattr(job.datasets, "read", lambda path: of or data())
        path = view.record_path(tmp_path, wanted.name)
        job.run(wanted, tmp_path, threads=threads, store=tmp_path / "store", path=path)
        return view.of_replicate(tmp_path, wanted), imports

    return run


def statuses(records):
    return [each.run.status for each in records]


def test_every_batch_size_has_a_record_and_a_process_of_its_own(train):
    records, _ = train()
    assert statuses(records) == [Status.REACHED] * 3
    assert all(each.measurements["peak_memory_mib"] >= 0 for each in records)
    assert all(each.start.keys() >= {"import_s", "compile_s", "first_step_s"} for each in records)
    assert all(each.step_ms["before"] > 0 and each.step_ms["after"] > 0 for each in records)
    assert {each.provenance["threads"] for each in records} == {2}
    assert sum(each.job_s for each in records) > sum(each.measuring_s for each in records)


def test_arms_of_one_job_that_are_the_same_training_are_trained_once(train):
    plans = [plan for arm in ("a", "b") for plan in replicate(arm).plans]
    records, imports = train(Replicate(plans=plans))
    assert imports == ["keras"]
    assert [each.cell.arm for each in records] == ["a"] * 3 + ["b"] * 3
    assert [each.run for each in records[:3]] == [each.run for each in records[3:]]
    assert len({each.measuring_s for each in records}) == 3


def test_what_the_store_has_is_not_trained_again_whatever_the_arm_is_called(train):
    before, _ = train()
    after, imports = train(replicate(arm="another-name"))
    assert imports == ["keras"], "the framework is not even imported"
    assert [each.cell.arm for each in after] == ["another-name"] * 3
    assert [each.run for each in after] == [each.run for each in before]
    assert [each.conditions for each in after] == [each.conditions for each in before]


OTHERS = {
    "threads": lambda train: train(threads=1),
    "data": lambda train: train(of=data(shade=1.0)),
    "seed": lambda train: train(replicate(seed=1)),
    "target": lambda train: train(replicate(target=0.8)),
    "precision": lambda train: train(replicate(precision="float64")),
}


@pytest.mark.parametrize("changed", OTHERS)
def test_another_condition_is_another_measurement(train, changed):
    before, _ = train()
    after, imports = OTHERS[changed](train)
    assert len(imports) == 2
    assert not {each.conditions for each in before} & {each.conditions for each in after}


def test_the_code_of_the_model_and_the_framework_and_their_versions_count(train, monkeypatch):
    conditions = dependencies.conditions_of(replicate().plans[0], data=data(), threads=2)
    assert {"benchmarks.models.mlp", "benchmarks.frameworks.keras", "benchmarks.training.run"} <= set(
        conditions["code"]
    )
    assert "benchmarks.models.cnn" not in conditions["code"]
    assert {"keras", "numpy"} <= set(conditions["versions"])
    assert any(name.startswith("tensorflow") for name in conditions["versions"])
    assert conditions["machine"]["cpu"]


def out_of_memory():
    raise MemoryError("no room")


def fail():
    raise RuntimeError("odd")


def die():
    os.kill(os.getpid(), 9)


@pytest.mark.parametrize(
    ("death", "status"), [(out_of_memory, Status.OUT_OF_MEMORY), (fail, Status.FAILED), (die, Status.FAILED)]
)
def test_what_ends_one_batch_size_costs_that_one_alone(train, death, status):
    records, _ = train(at_size_2=death)
    assert statuses(records) == [Status.REACHED, status, Status.REACHED]
    assert records[1].run.message


def test_a_memory_that_the_framework_found_too_small_is_a_result_and_stays_one(train):
    before, _ = train(at_size_2=out_of_memory)
    assert all(each.conditions for each in before)
    after, imports = train()
    assert imports == ["keras"]
    assert [each.run for each in after] == [each.run for each in before]


def test_of_two_jobs_that_trained_the_same_both_have_what_the_store_has(train, monkeypatch):
    first, _ = train()
    monkeypatch.setattr(job, "stored", lambda _: {})
    second, imports = train(replicate(arm="another-name"))
    assert len(imports) == 2
    assert [each.run for each in second] == [each.run for each in first]
    assert [each.cell.arm for each in second] == ["another-name"] * 3


@pytest.mark.parametrize("death", [fail, die])
def test_a_run_that_nobody_can_explain_is_tried_again(train, death):
    train(at_size_2=death)
    records, imports = train()
    assert statuses(records) == [Status.REACHED] * 3
    assert len(imports) == 2


def test_a_replicate_trained_anew_after_one_entry_was_lost_trains_that_one_alone(train, tmp_path):
    before, _ = train()
    (tmp_path / "store" / "run" / f"{before[1].conditions}.json").unlink()
    after, imports = train()
    assert len(imports) == 2
    assert [a.run == b.run for a, b in zip(after, before, strict=True)][::2] == [True, True]
    assert after[1].provenance["started"] >= before[1].provenance["started"]


def test_a_run_is_certified_for_the_data_that_it_was_given_and_no_others(train, monkeypatch):
    one_run, plan = job.one_run, replicate().plans[0]

    def on_others(framework, plan, _, **options):
        return one_run(framework, plan, data(shade=0.5), **options)

    monkeypatch.setattr(job, "one_run", on_others)
    records, _ = train()
    of_file, of_others = (
        job.digest(dependencies.certified_conditions(plan, data=each, threads=2))
        for each in (data(), data(shade=0.5))
    )
    assert of_file != of_others
    assert {each.certified_conditions for each in records} == {of_others}


def test_data_that_change_after_their_digest_was_taken_are_not_certified(train, monkeypatch):
    one_run, given = job.one_run, data()
    before = job.digest(dependencies.certified_conditions(replicate().plans[0], data=given, threads=2))

    def on_altered(framework, plan, used, **options):
        used.train_x[:] = 0.5
        return one_run(framework, plan, used, **options)

    monkeypatch.setattr(job, "one_run", on_altered)
    records, _ = train(of=given)
    assert before not in {each.certified_conditions for each in records}


BUSY = {"others_cpu_share": 0.5, "probe_ms": 1.0, "probe_drift": 1.0, "gap_share": 0.0}


@pytest.mark.parametrize(("shares", "kept"), [([0.5, 0.0] * 3, [0.0] * 3), ([0.5, 0.9, 0.5, 0.5], [0.5] * 3)])
def test_a_disturbed_run_is_done_once_more_and_the_calmer_counts(train, monkeypatch, shares, kept):
    to_come, one_run = list(shares), job.one_run

    def disturbed(*arguments, **options):
        share = {**BUSY, "others_cpu_share": to_come.pop(0)}
        return one_run(*arguments, **options).model_copy(update={"disturbance": Disturbance(**share)})

    monkeypatch.setattr(job, "one_run", disturbed)
    records, _ = train()
    assert [each.disturbance.others_cpu_share for each in records] == kept
    assert to_come == []  # on a busy machine, once is enough
