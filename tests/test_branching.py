"""Branches of a training: their sizes, rates and losses by hand, and the critical batch size from them."""

import math
import types

import numpy as np
import pytest
from test_checkpoints import CONFIG, plans_of, run_job

from benchmarks import datasets
from benchmarks.analysis import branching
from benchmarks.analysis.branching import Branches, critical, sizes_from
from benchmarks.analysis.checkpoints import Checkpoint, Role
from benchmarks.recipe.optimizer import Schedule


def optimizer(**settings):
    (plan, *_) = plans_of()[0].plans
    return plan.optimizer.model_copy(update=settings)


def test_branches_are_doublings_that_have_steps():
    assert sizes_from(8, 55_000, optimizer()) == [8, 16, 32, 64, 128, 256, 512, 1024]
    with_momentum = optimizer(name="momentum", momentum=0.875)
    assert sizes_from(8, 55_000, with_momentum) == [8, 16, 32, 64, 128, 256], "64 steps"
    assert sizes_from(32, 1257, optimizer()) == [32]
    assert sizes_from(4096, 55_000, optimizer()) == [4096]


SIZES = [8, 16, 32, 64]


def told(found):
    return tuple(found[name] for name in branching.COLUMNS)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([1.0, 0.9, 0.6, 0.3], (32, 32, 64)),
        ([1.0, 1.0, 1.0, 0.6], (None, 64, None)),
        ([1.0, 0.4, 1.0, 1.0], (8, 8, 16)),
        ([1.0, 1.0, -math.inf, 1.0], (16, 16, 32)),
        ([1.0, 1.5, 0.51, 0.0], (32, 32, 64)),
    ],
)
def test_the_critical_batch_size_is_the_largest_up_to_which_all_make_half_the_progress(shares, expected):
    gains = 0.3 * (1 + 1e-6 * np.arange(4)[:, None]) * np.array(shares)
    assert told(critical(gains, SIZES)) == expected


def test_the_interval_has_sizes_of_which_nobody_is_sure():
    noise = np.array([[0.0, 0.0, 0.0, 0.0], [0.0, 0.01, 0.09, 0.09], [0.0, 0.0, -0.09, -0.09]])
    assert told(critical(0.3 * (np.array([1.0, 0.9, 0.55, 0.45]) + noise), SIZES)) == (32, 16, None)
    assert told(critical(0.3 * (np.array([1.0, 0.9, 0.55, 0.1]) + noise), SIZES)) == (32, 16, 64)


def test_one_of_the_orders_that_diverges_is_enough():
    gains = np.full((4, 4), 0.3)
    gains[2, 2] = -np.inf
    assert told(critical(gains, SIZES)) == (16, 16, 32)


NOTHING = (None, None, None)


def test_where_the_training_itself_makes_no_progress_there_is_none():
    diverged = np.full((4, 4), 0.3)
    diverged[1, 0] = -np.inf
    assert told(critical(diverged, SIZES)) == NOTHING
    noise = np.array([-0.1, 0.2, 0.1, -0.1])[:, None] * np.ones(4)
    assert told(critical(noise, SIZES)) == NOTHING
    assert told(critical(-np.full((4, 4), 0.3), SIZES)) == NOTHING
    assert told(critical(np.full((4, 1), 0.3), [8])) == NOTHING


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
    monkeypatch.setattr(branching, "sizes_from", lambda size, n, optimizer: [size, 2 * size, 8 * size])
    return Branches(None, plan, None), plan, trainer


def at(theta, steps=0):
    return Checkpoint(steps, steps, [Role.PATH], {"theta": np.array(theta)})


def test_branches_take_the_same_examples_at_rates_by_both_rules(descents):
    branches, plan, trainer = descents
    eta = plan.optimizer.learning_rate
    assert branches.examples == 1257 // 2 // 256 * 256 == 512
    for times in (1, 2, 8):
        steps = 512 // (32 * times)
        trainer.taken.clear()
        (gain,) = {*branches._furthest(at(3.0), 32 * times, eta, 4.5, [0, 1])}
        by_rule = [4.5 - ((1 - eta * times**power) ** steps * 3.0) ** 2 / 2 for power in (1.0, 0.5)]
        assert gain == pytest.approx(max(by_rule))
        assert {*trainer.taken} == {(steps, 32 * times)}
    # The first step of (1 − 8 η) with η = 1/8 reaches the minimum.
    assert told(branches.numbers(at(3.0), seed=0)) == (None, 256, None)


def test_a_scheduled_rate_that_is_near_0_tells_nothing(descents):
    branches, plan, _ = descents
    for schedule, lowest, highest in (
        (Schedule(shape="cosine"), 99, 0),
        (Schedule(warm_up=0.5), 0, 60),
    ):
        scheduled = plan.optimizer.model_copy(update={"schedule": schedule, "total_steps": 100})
        branches.plan = plan.model_copy(update={"optimizer": scheduled})
        assert told(branches.numbers(at(3.0, lowest), seed=0)) == NOTHING
        assert told(branches.numbers(at(3.0, highest), seed=0)) != NOTHING


def test_a_branch_starts_with_the_rate_of_its_step(descents):
    branches, plan, trainer = descents
    stepped = Schedule(shape="step", milestones=[0.5], factor=0.5)
    optimizer = plan.optimizer.model_copy(update={"schedule": stepped, "total_steps": 100})
    branches.plan = plan.model_copy(update={"optimizer": optimizer})
    branches.numbers(at(3.0, 60), seed=0)
    assert trainer.rate == pytest.approx(plan.optimizer.learning_rate / 2 * 8**0.5)


def test_a_branch_that_overflows_does_not_follow(descents):
    branches, *_ = descents
    assert branches.loss_after(at(np.inf), 32, 0.1, seed=0) == math.inf


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    datasets.store("digits", path)
    return path


def test_the_training_with_the_smallest_batch_is_what_branches_leave(digits, tmp_path, monkeypatch):
    monkeypatch.setattr(branching, "FEWEST_STEPS", 2)
    monkeypatch.setattr(branching, "SETTLED", 2.0)
    made = run_job(plans_of()[0], digits, tmp_path / "store", tmp_path / "0.json", ("branching",))
    assert [list(run.analyses) for run in made[:2]] == [["branching"], []]
    points = made[0].analyses["branching"]
    assert points[0].roles == [Role.START] and "end" in points[-1].roles
    assert points[0].distance == 0 < points[-1].distance
    sizes = sizes_from(32, 1257, plans_of()[0].plans[0].optimizer)
    assert len(sizes) > 1
    for point in points:
        value, least, most = told(point.numbers)
        assert least is None or (least in sizes and least <= (value or math.inf) <= (most or math.inf))
    assert told(points[0].numbers) != NOTHING


@pytest.mark.parametrize(
    "settings", [{"optimizer": "adam"}, {"growth": {"factor": 2, "milestones": [0.5]}, "optimizer": "sgd"}]
)
def test_adam_and_batches_that_grow_have_no_branches(digits, tmp_path, settings):
    arm = {"name": "one", "learning_rate": 0.125, "scaling": "none"} | settings
    config = CONFIG | {"arms": [arm], "frameworks": ["pytorch"], "analyses": ["branching"], "seeds": [0]}
    (replicate,) = plans_of(config)
    made = run_job(replicate, digits, tmp_path / "store", tmp_path / "0.json", ("branching",))
    assert [run.analyses for run in made] == [{}, {}]
