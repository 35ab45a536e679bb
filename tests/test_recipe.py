"""What a training is: the batch stream, the optimizer's values, the arms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmarks.recipe.arm import Arm
from benchmarks.recipe.batch_stream import BatchStream
from benchmarks.recipe.optimizer import Momentum


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


def test_learning_rates_are_rounded_to_what_float32_can_hold():
    settings = Momentum(learning_rate=0.05, momentum=0.9)
    assert settings.learning_rate == float(np.float32(0.05)) != 0.05
    assert settings.momentum == float(np.float32(0.9)) != 0.9


@pytest.mark.parametrize(("scaling", "expected"), [("none", 0.0625), ("linear", 0.25)])
def test_an_arm_scales_the_rate_as_it_says(scaling, expected):
    arm = Arm(name="x", learning_rate=0.0625, momentum=0.875, scaling=scaling, reference_batch_size=64)
    assert arm.optimizer(256).learning_rate == expected
    assert arm.optimizer(64).learning_rate == 0.0625


@pytest.mark.parametrize("wrong", [{"learning_rate": 0}, {"momentum": 1}, {"momentum": -0.1}, {"beta": 1}])
def test_an_optimizer_refuses_what_it_cannot_be(wrong):
    with pytest.raises(ValidationError):
        Momentum(**{"learning_rate": 0.1, "momentum": 0.5, **wrong})
