"""What a training is: the batch stream and the arms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmarks.models.layers import Dense, Flatten
from benchmarks.models.parameters import initial_parameters
from benchmarks.recipe import randomness
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.optimizer import Optimizer


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 40), data=st.data())
def test_batches_are_consecutive_pieces_of_concatenated_permutations(n, data):
    batch_size = data.draw(st.integers(1, n))
    first, count = data.draw(st.integers(0, 50)), data.draw(st.integers(1, 20))
    batches = BatchStream(n, seed=3).batches(batch_size, first=first, count=count)
    epochs = -(-(first + count) * batch_size // n)
    orders = [
        randomness.generator(3, randomness.Purpose.ORDER, epoch).permutation(n) for epoch in range(epochs)
    ]
    whole = np.concatenate(orders)
    assert batches.shape == (count, batch_size)
    assert (batches.ravel() == whole[first * batch_size : (first + count) * batch_size]).all()


def test_every_epoch_holds_every_example_once_whatever_the_batch_size():
    stream = BatchStream(10, seed=0)
    seen = stream.batches(4, first=0, count=5).ravel()  # 20 examples, two epochs, no ragged batch
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))


def test_seeds_and_epochs_have_orders_of_their_own():
    stream = BatchStream(100, seed=0)
    assert not (stream.batches(100, first=0, count=1) == stream.batches(100, first=1, count=1)).all()
    other = BatchStream(100, seed=1)
    assert not (stream.batches(100, first=0, count=1) == other.batches(100, first=0, count=1)).all()


def test_no_two_purposes_or_places_share_a_stream():
    places = [(), (0,), (3,), (3, 0), (3, 0, 0), (0, 3)]
    keys = [(seed, purpose, *place) for seed in (0, 7) for purpose in randomness.Purpose for place in places]
    assert len({int(randomness.generator(*key).integers(2**62)) for key in keys}) == len(keys)


def test_a_batch_stream_has_nothing_of_what_parameters_are_drawn_from():
    drawn = initial_parameters([Flatten(), Dense(10)], (10,), seed=7)["1.kernel"]
    limit = np.sqrt(6 / 20)
    for epoch in range(3):
        order = randomness.generator(7, randomness.Purpose.ORDER, epoch)
        assert not np.allclose(order.uniform(-limit, limit, (10, 10)), drawn)


@pytest.mark.parametrize(("scaling", "expected"), [("none", 0.0625), ("linear", 0.25), ("sqrt", 0.125)])
def test_an_arm_scales_the_rate_as_it_says(scaling, expected):
    reference = {} if scaling == "none" else {"reference_batch_size": 64}
    arm = Arm(name="x", learning_rate=0.0625, momentum=0.875, scaling=scaling, **reference)
    assert arm.optimizer_at(256, total_steps=9).learning_rate == expected
    assert arm.optimizer_at(64, total_steps=9).learning_rate == 0.0625
    assert arm.optimizer_at(64, total_steps=9).total_steps == 9


@pytest.mark.parametrize(("given", "at_64"), [({}, 0.999), ({"beta_2": 0.99}, 0.99)])
def test_the_second_moment_forgets_after_the_same_number_of_examples(given, at_64):
    arm = Arm(name="x", optimizer="adam", learning_rate=0.1, scaling="none", beta_2_reference=64, **given)
    found = {size: arm.optimizer_at(size, total_steps=9).beta_2 for size in (16, 64, 256)}
    assert found == pytest.approx({16: at_64**0.25, 64: at_64, 256: at_64**4}, rel=1e-7)
    for size, beta_2 in found.items():
        half_life = size * np.log(0.5) / np.log(beta_2)
        assert half_life == pytest.approx(64 * np.log(0.5) / np.log(at_64), rel=1e-3)


GOOD = {"name": "x", "optimizer": "adam", "learning_rate": 0.1, "scaling": "none", "weight_decay": 0.1}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"learning_rate": 0}, "greater than 0"),
        ({"optimizer": "momentum"}, "momentum needs a momentum"),
        ({"momentum": 0.5}, "adam has no momentum"),
        ({"optimizer": "nesterov", "momentum": 0}, "greater than 0"),
        ({"optimizer": "sgd", "beta_1": 0.5}, "sgd has no beta_1"),
        ({"optimizer": "adamw", "decay": "coupled"}, "adamw always decouples"),
        ({"weight_decay": 0, "decay": "decoupled"}, "decoupled decay needs a weight_decay"),
        ({"clip_norm": 0}, "greater than 0"),
        ({"schedule": {"shape": "triangle"}}, "'constant', 'step' or 'cosine'"),
        ({"schedule": {"milestones": [0.5]}}, "milestones"),
        ({"schedule": {"shape": "step"}}, "milestones"),
        ({"schedule": {"shape": "step", "milestones": [0.5, 1.5]}}, "between 0 and 1"),
        ({"optimizer": "sgd", "beta_1": 0.9}, "sgd has no beta_1"),
        ({"optimizer": "sgd", "epsilon": 1e-7}, "sgd has no epsilon"),
        ({"optimizer": "sgd", "beta_2_reference": 64}, "sgd has no beta_2_reference"),
        ({"beta_2_reference": 0}, "greater than or equal to 1"),
        ({"beta_2_reference": 64, "beta_2": 0}, "needs a beta_2 above 0"),
        ({"beta_2_reference": 64, "growth": {"factor": 2, "milestones": [0.5]}}, "remove beta_2_reference"),
        ({"reference_batch_size": 64}, "reference_batch_size has no effect with scaling none"),
        ({"schedule": {"factor": 0.1}}, "factor belongs to shape step"),
        ({"schedule": {"shape": "cosine", "factor": 0.5}}, "factor belongs to shape step"),
        ({"augmentation": ["rotate"]}, "'shift' or 'flip'"),
        ({"augmentation": ["flip", "flip"]}, "named twice"),
        ({"ghost_batch": 1}, "greater than or equal to 2"),
        ({"accumulation": 3}, "2, 4 or 8"),
    ],
)
def test_an_arm_refuses_what_it_cannot_be(wrong, said):
    with pytest.raises(ValidationError, match=said):
        Arm(**{**GOOD, **wrong})


def test_an_arm_survives_its_journey_as_json():
    arm = Arm(**GOOD, clip_norm=5, augmentation=["shift"], schedule={"shape": "cosine", "warm_up": 0.1})
    assert Arm.model_validate_json(arm.model_dump_json()) == arm
    assert Arm.model_validate_json(arm.for_timing.model_dump_json()) == arm.for_timing
    for bare in ({"optimizer": "sgd"}, {"momentum": 0.9}, {"optimizer": "nesterov", "momentum": 0.9}):
        arm = Arm(name="x", learning_rate=0.1, scaling="none", **bare)
        assert Arm.model_validate_json(arm.model_dump_json()) == arm


def test_an_arm_has_the_optimizers_own_defaults():
    assert Arm(**GOOD).optimizer_at(1, total_steps=1) == Optimizer(
        name="adam", learning_rate=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=0.1
    )
    step = {"shape": "step", "milestones": [0.5]}
    assert Arm(**GOOD, schedule=step).optimizer_at(1, total_steps=2).rates(1, 1) == pytest.approx(0.01)


def test_scaling_begins_at_64_unless_told_otherwise():
    arm = Arm(name="x", learning_rate=0.0625, momentum=0.875, scaling="linear")
    assert arm.optimizer_at(64, total_steps=9).learning_rate == 0.0625


@pytest.mark.parametrize(
    ("change", "step_kind"),
    [
        ({}, "adam-coupled"),
        ({"decay": "decoupled", "clip_norm": 3}, "adam-decoupled-clip"),
        ({"optimizer": "adamw"}, "adamw-decoupled"),
        ({"weight_decay": 0, "augmentation": ["shift", "flip"]}, "adam-shift-flip"),
        ({"weight_decay": 0, "ghost_batch": 32}, "adam-ghost32"),
        ({"weight_decay": 0, "accumulation": 4}, "adam-accumulation4"),
        ({"weight_decay": 0, "randomness": "framework"}, "adam-framework-dropout"),
        ({"weight_decay": 0, "mixed_precision": "bfloat16"}, "adam-bfloat16"),
    ],
)
def test_arms_of_one_step_kind_differ_in_nothing_that_costs_time(change, step_kind):
    arm = Arm(**{**GOOD, **change})
    assert arm.step_kind == step_kind
    other = {"name": "y", "learning_rate": 0.5, "scaling": "sqrt", "schedule": {"warm_up": 0.5}}
    assert Arm(**{**GOOD, **change, **other}).for_timing == arm.for_timing
    assert arm.for_timing.step_kind == arm.for_timing.name == step_kind
