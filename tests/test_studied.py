"""What the study's own code does otherwise than the arm says shows in the run that it makes."""

import contextlib
from dataclasses import replace
from unittest.mock import patch

import pytest
import tracing

from benchmarks.identity import studied
from benchmarks.identity.difference import BOUND, differences
from benchmarks.identity.trace import set_up
from benchmarks.recipe.arm import Arm
from benchmarks.study import check, study

SIZE = 4
ARM = Arm(
    name="shifted",
    optimizer="nesterov",
    learning_rate=0.03125,
    momentum=0.875,
    weight_decay=0.03125,
    clip_norm=1.0,
    scaling="sqrt",
    augmentation=["shift"],
)


def planned():
    """The study's plan of a run of PyTorch on this arm."""
    given = {**tracing.STUDY, "arms": [ARM.model_dump(exclude_none=True, exclude_defaults=True)]}
    (replicate,) = study.replicates(check.read({**given, "seeds": [0]}))
    return replicate.plans[0]


def altered_set_up(**changes):
    """The study's set-up of a training, with some of it replaced."""
    from benchmarks.training import measure

    original = measure.set_up
    return patch.object(measure, "set_up", lambda *given: replace(original(*given), **changes))


def plan_without(**changes):
    """The study's set-up of another plan."""
    from benchmarks.training import measure

    original = measure.set_up

    def of_another(framework, plan, data):
        return original(framework, plan.model_copy(update=changes), data)

    return patch.object(measure, "set_up", of_another)


def without_decay():
    plain = planned().optimizer.model_copy(update={"weight_decay": 0.0, "total_steps": studied.STEPS})
    return altered_set_up(optimizer=plain)


def at_the_rate_of_another_size():
    rate = ARM.optimizer_at(2 * SIZE, total_steps=studied.STEPS)
    return altered_set_up(optimizer=rate)


def of_one_seed():
    from benchmarks.frameworks.setup import Setup

    original = Setup.stream
    return patch.object(Setup, "stream", lambda self, *, seed: original(self, seed=0))


def from_the_parameters_of_one_seed():
    from benchmarks.frameworks.setup import Setup

    original = Setup.parameters
    return patch.object(Setup, "parameters", lambda self, *, seed: original(self, seed=0))


def begun_where_the_pace_was_measured():
    from benchmarks.training import measure

    def paced(trainer, stream, plan):
        trainer.reset = lambda parameters: None
        return 1.0

    return patch.object(measure.pace, "step_ms", paced)


PLANTS = {
    "without augmentation": lambda: plan_without(augmentation=[]),
    "in another precision": lambda: altered_set_up(precision="float32"),
    "without decay": without_decay,
    "at the rate of another size": at_the_rate_of_another_size,
    "of one seed": of_one_seed,
    "from the parameters of one seed": from_the_parameters_of_one_seed,
    "begun where the pace was measured": begun_where_the_pace_was_measured,
}


def by_the_study(name=None):
    """A run by the study's own code in PyTorch, with the plant of this name or without one."""
    from benchmarks.frameworks import pytorch

    pytorch.configure(threads=1, device="cpu", precision="float64")
    with PLANTS[name]() if name else contextlib.nullcontext():
        return studied.by_the_study(pytorch, planned(), tracing.blobs(), precision="float64")


@pytest.fixture(scope="module")
def by_the_arm():
    data = tracing.blobs()
    common = {"model": "cnn", "execution": "idiomatic", "precision": "float64"}
    setup = set_up(tracing.numpy_in_float64(), data, ARM, first=None, **common)
    of_size = replace(setup, optimizer=ARM.optimizer_at(SIZE, total_steps=studied.STEPS))
    return studied.by_the_arm(of_size, data, SIZE)


def test_a_run_by_the_study_is_the_one_that_the_arm_says(in_torch, by_the_arm):
    found = differences(in_torch(by_the_study), by_the_arm)
    assert max(found.values()) < BOUND, found
    assert [len(value) for value in by_the_arm.values()] == [3, 3, 3, 3, 2]


@pytest.mark.parametrize("name", PLANTS)
def test_a_study_that_does_something_else_is_found(in_torch, by_the_arm, name):
    found = differences(in_torch(by_the_study, name), by_the_arm)
    assert max(found.values()) > BOUND


def out_of_memory():
    """The error of a run for which there is no memory."""
    from benchmarks.frameworks import pytorch
    from benchmarks.training import measure

    def none_left(*given):
        raise MemoryError("no memory left")

    with patch.object(measure, "warm_up", none_left), pytest.raises(RuntimeError) as raised:
        studied.by_the_study(pytorch, planned(), tracing.blobs(), precision="float64")
    return str(raised.value)


def test_a_run_that_fails_is_an_error_and_no_agreement(in_torch):
    assert "no memory left" in in_torch(out_of_memory)
