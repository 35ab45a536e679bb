"""Certificates find one difference planted at a time, and name the place where it was planted."""

import functools

import numpy as np
import planted
import pytest

from benchmarks.identity.certificate import certificate
from benchmarks.identity.quantity import Stage
from benchmarks.identity.trace import record_trace, with_changing_rate

pytestmark = pytest.mark.planted
NAMES = dict.fromkeys(("dataset", "model", "arm", "framework", "execution"), "planted")


@functools.cache
def reference(name):
    return record_trace(
        planted.case("numpy", planted.PLANTS[name].layers, planted.PLANTS[name].optimizer),
        steps=planted.STEPS,
    )


def certified(in_torch, name, *, plant):
    made = in_torch(planted.traced, name, plant)
    return certificate(
        NAMES,
        made,
        reference(name),
        {quantity: value.astype(np.float32) for quantity, value in reference(name).items()},
        rates=with_changing_rate(planted.PLANTS[name].optimizer).rates(0, planted.STEPS),
        statistical=False,
        conditions="c0de",
    )


TRAININGS = {(str(p.layers), p.optimizer.model_dump_json()): name for name, p in planted.PLANTS.items()}


@pytest.mark.parametrize("name", TRAININGS.values())
def test_without_a_plant_the_same_training_is_certified(in_torch, name):
    made = certified(in_torch, name, plant=False)
    assert made.verdict == "certified", made.differences


@pytest.mark.parametrize("name", planted.PLANTS)
def test_a_planted_difference_fails_and_is_found_where_it_was_planted(in_torch, name):
    made = certified(in_torch, name, plant=True)
    told, first = made.differs_by.removesuffix("]").split(" [")
    evaluation = made.differences[str(Stage.EVALUATION)]
    print(f"\n| {name.replace('_', ' ')} | {told} | {first} | {evaluation:.0e} |")  # docs/identity.md
    assert not made.certified
    assert made.differs_by.startswith(planted.PLANTS[name].place)
    if planted.PLANTS[name].first:
        assert made.first_difference == planted.PLANTS[name].first
