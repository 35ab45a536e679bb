"""What a training is: the batch stream and the arms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmarks.recipe.arm import Arm
from benchmarks.recipe.batch_stream import BatchStream


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 40), data=st.data())
def test_batches_are_consecutive_pieces_of_concatenated_permutations(n, data):
    batch_size = data.draw(st.integers(1, n))
    first, count = data.draw(st.integers(0, 50)), data.draw(st.integers(1, 20))
    batches = BatchStream(n, seed=3).batches(batch_size, first=first, count=count)
    epochs = -(-(first + count) * batch_size // n)
    whole = np.concatenate([np.random.default_rng([3, e]).permutation(n) for e in range(epochs)])
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


@pytest.mark.parametrize(("scaling", "expected"), [("none", 0.0625), ("linear", 0.25), ("sqrt", 0.125)])
def test_an_arm_scales_the_rate_as_it_says(scaling, expected):
    arm = Arm(name="x", learning_rate=0.0625, momentum=0.875, scaling=scaling, reference_batch_size=64)
    assert arm.optimizer_at(256, total_steps=9).learning_rate == expected
    assert arm.optimizer_at(64, total_steps=9).learning_rate == 0.0625
    assert arm.optimizer_at(64, total_steps=9).total_steps == 9


GOOD = {"name": "x", "optimizer": "adam", "learning_rate": 0.1, "scaling": "none", "weight_decay": 0.1}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"learning_rate": 0}, "greater than 0"),
        ({"optimizer": "momentum"}, "momentum needs a momentum"),
        ({"momentum": 0.5}, "adam has no momentum"),
        ({"optimizer": "sgd", "beta_1": 0.5}, "sgd has no beta_1"),
        ({"optimizer": "adamw", "decay": "coupled"}, "adamw always decouples"),
        ({"weight_decay": 0, "decay": "decoupled"}, "decoupled decay needs a weight_decay"),
        ({"clip_norm": 0}, "greater than 0"),
        ({"schedule": {"shape": "triangle"}}, "'constant', 'step' or 'cosine'"),
        ({"schedule": {"milestones": [0.5]}}, "milestones"),
        ({"schedule": {"shape": "step"}}, "milestones"),
        ({"schedule": {"shape": "step", "milestones": [0.5, 1.5]}}, "between 0 and 1"),
        ({"augmentation": ["rotate"]}, "'shift' or 'flip'"),
        ({"augmentation": ["flip", "flip"]}, "named twice"),
    ],
)
def test_an_arm_refuses_what_it_cannot_be(wrong, said):
    with pytest.raises(ValidationError, match=said):
        Arm(**{**GOOD, **wrong})


def test_an_arm_survives_its_journey_as_json():
    arm = Arm(**GOOD, clip_norm=5, augmentation=["shift"], schedule={"shape": "cosine", "warm_up": 0.1})
    assert Arm.model_validate_json(arm.model_dump_json()) == arm
    assert Arm.model_validate_json(arm.gentle.model_dump_json()) == arm.gentle


@pytest.mark.parametrize(
    ("change", "form"),
    [
        ({}, "adam-coupled"),
        ({"decay": "decoupled", "clip_norm": 3}, "adam-decoupled-clip"),
        ({"optimizer": "adamw"}, "adamw-decoupled"),
        ({"weight_decay": 0, "augmentation": ["shift", "flip"]}, "adam-shift-flip"),
        ({"weight_decay": 0, "randomness": "framework"}, "adam-own-dropout"),
    ],
)
def test_arms_of_one_form_differ_in_nothing_that_costs_time(change, form):
    arm = Arm(**{**GOOD, **change})
    assert arm.form == form
    other = {"name": "y", "learning_rate": 0.5, "scaling": "sqrt", "schedule": {"warm_up": 0.5}}
    assert Arm(**{**GOOD, **change, **other}).gentle == arm.gentle
    assert arm.gentle.form == arm.gentle.name == form
