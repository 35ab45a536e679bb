"""A rehearsal finds what a close look at the first steps cannot see."""

import contextlib
import functools
import time
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import planting
import pytest
import rehearsed
import rehearsed_updates
import rehearsing

from benchmarks.identity import counted, exaggerated, rehearsal
from benchmarks.identity.difference import BOUND, FLOAT32_BOUND, by_stage, differences, float32_bound
from benchmarks.identity.quantity import Stage
from benchmarks.recipe.optimizer import Optimizer

pytestmark = pytest.mark.planted
REHEARSED = [
    Stage.EXAGGERATED,
    Stage.LARGE,
    Stage.DIVERGED,
    Stage.SMALLEST,
    Stage.SIZES,
    Stage.CALLS,
    Stage.SLOW,
    Stage.SLOW_AGAIN,
    Stage.RUN,
    Stage.RUN_AGAIN,
]
REHEARSED += [Stage.COUNTED]
TRAININGS = {
    (str(each.layers), each.optimizer.model_dump_json()): name for name, each in rehearsed.PLANTS.items()
}


def training(name):
    """The first plant with the same training, so that its reference is made once."""
    return TRAININGS[str(rehearsed.PLANTS[name].layers), rehearsed.PLANTS[name].optimizer.model_dump_json()]


@functools.cache
def reference(name):
    return rehearsed.traced(name, False, "numpy")


@functools.cache
def close_reference(name):
    return rehearsed.close_look(name, False, "numpy")


@pytest.mark.parametrize("execution", ["idiomatic", "fused"])
@pytest.mark.parametrize("name", TRAININGS.values())
def test_without_a_plant_every_stage_agrees(in_torch, name, execution):
    made = in_torch(rehearsed.traced, name, False, "pytorch", execution)
    found = by_stage(differences(made, reference(name)))
    assert list(found) == REHEARSED
    assert max(found.values()) < BOUND, found


@pytest.mark.parametrize("name", rehearsed.PLANTS)
def test_a_planted_difference_is_found_by_the_rehearsal(in_torch, name):
    made = in_torch(rehearsed.traced, name, True)
    found = by_stage(differences(made, reference(training(name))))
    print(f"\n| {name.replace('_', ' ')} | {next(s for s, size in found.items() if size > BOUND)} |")
    assert max(found.values()) > BOUND


def scaled_from(step):
    """Rates of one and a half times from a step on, in float32 alone."""

    def change(steps, rates):
        return np.where(steps >= step, 1.5 * rates, rates)

    return rehearsed_updates.with_coefficients(change)


def in_float32(name=None):
    """What PyTorch in float32 is judged by."""
    with FLOAT32[name]() if name else contextlib.nullcontext():
        of_run = rehearsed.setup("pytorch", "a_reset_keeps_the_optimizers_state", "idiomatic")
        single = replace(of_run, precision="float32")
        return rehearsal.held_in_float32(single, rehearsed.data(), rehearsed.SIZES)


FLOAT32 = {
    "rates_are_larger_from_step_11_on": lambda: scaled_from(11),
    "rates_are_larger_from_step_4_on_at_one_size": lambda: rehearsed_updates.with_coefficients(
        lambda steps, rates: np.where(steps > 3, 2 * rates, rates), of_size=33
    ),
    "a_reset_keeps_the_optimizers_state": rehearsed.a_reset_keeps_the_optimizers_state,
    "an_odd_batch_loses_its_last_example": rehearsed.an_odd_batch_loses_its_last_example,
    "the_velocity_is_cleared": rehearsed.the_velocity_is_cleared_before_each_call_from_the_fourth_on,
}


@functools.cache
def at_rest():
    """The losses of the reference where nothing moves."""
    of_run = rehearsed.setup("numpy", "a_reset_keeps_the_optimizers_state", "idiomatic")
    return rehearsal.losses_at_rest(of_run, rehearsed.data(), rehearsed.SIZES)


def worst_in_float32(single):
    """The largest difference as a multiple of its bound."""
    reference_of = reference("a_reset_keeps_the_optimizers_state") | at_rest()
    judged = {name: reference_of[name] for name in reference_of if name in single or name.is_at_rest}
    sizes = differences(single, judged, of_float32=True)
    return max(size / float32_bound(name) for name, size in sizes.items() if float32_bound(name))


def test_float32_is_near_its_reference(in_torch):
    assert worst_in_float32(in_torch(in_float32)) < 0.5


@pytest.mark.parametrize("name", FLOAT32)
def test_what_is_wrong_in_float32_alone_is_found(in_torch, name):
    assert worst_in_float32(in_torch(in_float32, name)) > 2


def capped_from_the_second_call_on():
    """Rates of a hundredth at most."""
    module = planting.parts("optimizer")
    original = module.FusedOptimizer.coefficients

    def coefficients(self, first, count):
        made = original(self, first, count)
        if first:
            made[:, 0] = made[:, 0].clamp(max=0.01)
        return made

    return patch.object(module.FusedOptimizer, "coefficients", coefficients)


def retuned_to_nothing():
    from benchmarks.frameworks.pytorch import Trainer

    return patch.object(Trainer, "retune", lambda self, optimizer: None)


def never_retuned_lower():
    from benchmarks.frameworks.pytorch import Trainer

    original = Trainer.retune

    def retune(self, optimizer):
        self.highest = max(getattr(self, "highest", 0.0), optimizer.learning_rate)
        original(self, optimizer.model_copy(update={"learning_rate": self.highest}))

    return patch.object(Trainer, "retune", retune)


RATED = {
    "a trainer is never retuned to a lower rate": never_retuned_lower,
    "a high rate is capped from the second call on": capped_from_the_second_call_on,
    "a trainer that is retuned keeps its rate": retuned_to_nothing,
}


def at_rates(training, framework, precision, plant=None, optimizer=None):
    """The losses at both rates, of the fused execution or the reference."""
    made = rehearsed.setup(framework, training, "idiomatic" if framework == "numpy" else "fused")
    with RATED[plant]() if plant else contextlib.nullcontext():
        return counted.at_rates(replace(made, precision=precision, optimizer=optimizer or made.optimizer))


def beyond_at_rates(in_torch, training, precision, plant=None, optimizer=None):
    """The largest difference at these rates, as a multiple of its bound."""
    made = in_torch(at_rates, training, "pytorch", precision, plant, optimizer)
    exact = at_rates(training, "numpy", "float64", optimizer=optimizer)
    found = differences(made, exact, of_float32=precision == "float32")
    bounds = {name: BOUND if precision == "float64" else float32_bound(name) for name in found}
    return max(size / bounds[name] for name, size in found.items())


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("name", TRAININGS.values())
def test_trainers_agree_at_low_and_at_high_rates(in_torch, name, precision):
    assert beyond_at_rates(in_torch, name, precision) < 0.5


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("settings", [{"name": "nesterov", "momentum": 0.9}, {"weight_decay": 0.125}])
def test_they_agree_at_high_rates_with_any_momentum_and_decay(in_torch, settings, precision):
    name = "a_reset_keeps_the_optimizers_state"
    optimizer = rehearsed.setup("numpy", name, "idiomatic").optimizer.model_copy(update=settings)
    assert beyond_at_rates(in_torch, name, precision, optimizer=optimizer) < 0.5


@pytest.mark.parametrize("plant", RATED)
def test_another_rate_than_a_trainer_was_retuned_to_is_found_in_float32(in_torch, plant):
    name = "a_reset_keeps_the_optimizers_state"
    assert beyond_at_rates(in_torch, name, "float32", plant) > 2


SEEN = ("training_goes_on_in_evaluation_mode", "an_evaluation_draws_random_numbers")
SEEN += ("the_best_parameters_are_not_a_copy",)
UNSEEN = [name for name in rehearsed.PLANTS if name not in SEEN]


@pytest.mark.parametrize("name", UNSEEN)
def test_the_close_look_alone_cannot_see_it(in_torch, name):
    found = by_stage(differences(in_torch(rehearsed.close_look, name, True), close_reference(training(name))))
    assert max(found.values()) <= BOUND, found


@pytest.mark.parametrize("name", ["clip_norm", "weight_decay"])
def test_what_is_left_out_of_harsh_settings_shows_beyond_the_rounding_of_float32(name):
    given = {"clip_norm": 1.0, "weight_decay": 2.0**-11}[name]
    arm = rehearsing.GENTLE.model_copy(update={name: given})
    setup = planting.case("numpy", rehearsing.SMALL, arm)
    (losses,) = exaggerated.with_harsh_settings(setup, 32).values()
    without = planting.case("numpy", rehearsing.SMALL, rehearsing.GENTLE).trainer()
    without.reset(setup.parameters(seed=0))
    others = without.train(setup.stream(seed=0).batches(32, first=0, count=len(losses))).loss
    assert abs(others - losses).max() > 5 * FLOAT32_BOUND * abs(losses).max()


def test_an_arm_without_clipping_and_decay_has_no_harsh_settings():
    assert (
        exaggerated.with_harsh_settings(planting.case("numpy", rehearsing.SMALL, rehearsing.GENTLE), 32) == {}
    )


ADAM = Optimizer(name="adam", learning_rate=2.0**-10, total_steps=100)


def by_tiny_gradients(name, precision, *, larger=False):
    """How tiny gradients move the kernel; with a `larger` ε of Adam, 1e-6 in place of 1e-7."""
    made = rehearsed.setup(
        name, "a_reset_keeps_the_optimizers_state", "fused" if name != "numpy" else "idiomatic"
    )
    epsilon = {"epsilon": 1e-6} if larger else {}
    optimizer = ADAM.model_copy(update=epsilon)
    return counted.with_tiny_gradients(replace(made, precision=precision, optimizer=optimizer))


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_what_matters_beside_tiny_gradients_alone_is_found(in_torch, precision):
    exact = by_tiny_gradients("numpy", "float64")
    found = [
        max(
            differences(
                in_torch(functools.partial(by_tiny_gradients, larger=larger), "pytorch", precision), exact
            ).values()
        )
        for larger in (False, True)
    ]
    assert found[0] < (BOUND if precision == "float64" else FLOAT32_BOUND / 2)
    assert found[1] > 100 * FLOAT32_BOUND


class Compiles:
    """A trainer that compiles for a while, and tells a share of that."""

    def __init__(self, share):
        self.share = share

    def compile(self, batch_size):
        began = time.perf_counter()
        time.sleep(0.3)
        return None if self.share is None else self.share * (time.perf_counter() - began)


@pytest.mark.parametrize("share", [0.5, 1.5])
def test_a_compilation_that_takes_other_seconds_than_it_tells_is_refused(share):
    with pytest.raises(RuntimeError, match="the seconds of a compilation"):
        rehearsal.compile_and_time(Compiles(share), 8)


@pytest.mark.parametrize("share", [1.0, None])
def test_a_compilation_that_tells_its_seconds_or_none_is_not(share):
    rehearsal.compile_and_time(Compiles(share), 8)
