"""Branches of a training: their sizes, rates and losses by hand, and the critical batch size from them."""

import math
import types

import numpy as np
import pytest
from test_checkpoints import plans_of, run_job

from benchmarks import datasets
from benchmarks.analysis import branching
from benchmarks.analysis.branching import Branches, critical, sizes_from
from benchmarks.analysis.checkpoints import Checkpoint, Role
from benchmarks.recipe.optimizer import Schedule


def test_branches_are_doublings_that_have_steps():
    assert sizes_from(8, 55_000) == [8, 16, 32, 64, 128, 256, 512, 1024]
    assert sizes_from(32, 1257) == [32]
    assert sizes_from(4096, 55_000) == [4096]


SIZES = [8, 16, 32, 64]


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ([1.0, 1.0, 1.05, 1.3], (32, 32, 64)),
        ([1.0, 1.0, 1.0, 1.0], (64, 64, None)),
        ([1.0, 1.2, 1.0, 1.0], (8, 8, 16)),
        ([1.0, 1.0, math.inf, 1.0], (16, 16, 32)),
        ([1.0, 0.5, 0.4, 1.11], (32, 32, 64)),
    ],
)
def test_the_critical_batch_size_is_the_largest_up_to_which_all_follow(ratios, expected):
    losses = 0.3 * np.exp(1e-6 * np.arange(4)[:, None]) * np.array(ratios)
    assert tuple(critical(losses, SIZES).values()) == expected


def test_the_interval_has_sizes_of_which_nobody_is_sure():
    noise = np.array([[0.0, 0.0, 0.0, 0.0], [0.0, 0.001, 0.06, 0.06], [0.0, 0.0, -0.06, -0.06]])
    losses = 0.3 * np.exp(noise) * np.array([1.0, 1.0, 1.05, 1.15])
    found = critical(losses, SIZES)
    assert tuple(found.values()) == (32, 16, None)
    surely = critical(0.3 * np.exp(noise) * np.array([1.0, 1.0, 1.05, 2.0]), SIZES)
    assert surely["branched_batch_hi"] == 64


def test_a_training_that_diverges_itself_has_none():
    losses = np.full((4, 4), 0.3)
    losses[1, 0] = np.inf
    assert set(critical(losses, SIZES).values()) == {None}


def test_one_of_the_orders_that_diverges_is_enough():
    losses = np.full((4, 4), 0.3)
    losses[2, 2] = np.inf
    assert tuple(critical(losses, SIZES).values()) == (16, 16, 32)


class Descent:
    """A trainer of one parameter θ whose loss is θ² / 2: each step multiplies θ by 1 − η."""

    def __init__(self):
        self.taken = []

    def retune(self, optimizer):
        self.rate = optimizer.learning_rate

    def reset(self, parameters):
        self.theta = float(parameters["theta"])

    def compile(self, batch_size):
        return None

    def train(self, batches):
        self.taken.append(batches.shape)
        self.theta *= (1 - self.rate) ** len(batches)


@pytest.fixture
def descents(monkeypatch):
    """Branches of such a training; the model and its data are made up."""
    (plan, *_) = plans_of()[0].plans
    trainer, n = Descent(), 1257
    setup = types.SimpleNamespace(
        optimizer=plan.optimizer,
        labels=np.zeros(n),
        trainer=lambda: trainer,
        stream=lambda *, seed: types.SimpleNamespace(
            batches=lambda size, *, first, count: np.zeros((count, size))
        ),
    )
    monkeypatch.setattr(branching, "set_up", lambda framework, plan, data: setup)
    monkeypatch.setattr(branching, "training_loss", lambda trainer, setup: trainer.theta**2 / 2)
    monkeypatch.setattr(branching, "sizes_from", lambda size, n: [size, 2 * size, 8 * size])
    return Branches(None, plan, None), plan, trainer


def at(theta, steps=0):
    return Checkpoint(steps, steps, [Role.PATH], {"theta": np.array(theta)})


def test_a_branch_takes_the_steps_of_half_an_epoch_at_a_rate_by_the_rule(descents):
    branches, plan, trainer = descents
    eta, n = plan.optimizer.learning_rate, 1257
    for times in (1, 2, 8):
        size = 32 * times
        steps = (n // 2) // size
        expected = ((1 - eta * times) ** steps * 3.0) ** 2 / 2
        assert branches.loss_after(at(3.0), size, seed=0) == pytest.approx(expected)
        assert trainer.taken[-1] == (steps, size)
    # (1 − 8η)² is 0 for η = 1/8, which is below what the training's own branch reaches.
    assert branches.numbers(at(3.0), seed=0)["branched_batch"] == 256


def test_the_rate_of_a_branch_is_that_of_its_step_and_grows_by_the_rule_of_its_optimizer(descents):
    branches, plan, _ = descents
    schedule = Schedule(shape="step", milestones=[0.5], factor=0.5)
    stepped = plan.optimizer.model_copy(update={"schedule": schedule, "total_steps": 100})
    branches.plan = plan.model_copy(update={"optimizer": stepped})
    eta = plan.optimizer.learning_rate
    assert branches.rate(at(1.0, 10), 128) == pytest.approx(4 * eta)
    assert branches.rate(at(1.0, 60), 128) == pytest.approx(2 * eta)
    adam = stepped.model_copy(update={"name": "adam"})
    branches.plan = plan.model_copy(update={"optimizer": adam})
    assert branches.rate(at(1.0, 10), 128) == pytest.approx(2 * eta)


def test_a_branch_that_overflows_does_not_follow(descents):
    branches, _, _ = descents
    assert branches.loss_after(at(np.inf), 32, seed=0) == math.inf


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    datasets.store("digits", path)
    return path


def test_the_training_with_the_smallest_batch_is_what_branches_leave(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(branching, "FEWEST_STEPS", 2)
    made = run_job(plans_of()[0], digits, tmp_path / "store", tmp_path / "0.json", ("branching",))
    assert [list(run.analyses) for run in made[:2]] == [["branching"], []]
    points = made[0].analyses["branching"]
    assert points[0].roles == [Role.START] and "end" in points[-1].roles
    for point in points:
        found = point.numbers["branched_batch"]
        assert found in sizes_from(32, 1257)
        assert point.numbers["branched_batch_lo"] <= found <= (point.numbers["branched_batch_hi"] or math.inf)
