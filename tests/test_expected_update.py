"""A rule of an optimizer that the frameworks and the reference share is found if it is wrong."""

import itertools
from unittest.mock import PropertyMock, patch

import numpy as np
import pytest
import tracing

from benchmarks.identity import expected_update
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import Optimizer

COSINE = {"shape": "cosine", "warm_up": 0.2}
NAMES = ("sgd", "momentum", "nesterov", "adam", "adamw")


def arm(name, decay=None, clip_norm=None, **settings):
    has_momentum = name in ("momentum", "nesterov")
    return Arm(
        **{"name": name, "optimizer": name, "learning_rate": 0.05, "scaling": "none", "schedule": COSINE},
        **{"momentum": 0.9 if has_momentum else None, "clip_norm": clip_norm, **settings},
        **({"weight_decay": 0.01, "decay": decay} if decay else {}),
    )


ARMS = [
    arm(name, decay, clip_norm)
    for name, decay, clip_norm in itertools.product(NAMES, (None, "coupled", "decoupled"), (None, 1.0))
    if not (name == "adamw" and decay == "coupled")
]
ARMS += [arm("adam", beta_1=0.8, beta_2=0.95, epsilon=0.01), arm("nesterov", momentum=0.5)]
ARMS += [arm("adam", beta_2=0.9, beta_2_reference=128), arm("adamw", beta_2_reference=4)]
ARMS += [arm("momentum", clip_norm=1.0, accumulation=4), arm("adamw", accumulation=8)]


@pytest.fixture(autouse=True)
def in_float64():
    tracing.numpy_in_float64()


@pytest.mark.parametrize("each", ARMS, ids=lambda each: f"{each.name} {each.decay} {each.clip_norm}")
def test_the_reference_trains_as_the_arm_says(each):
    assert expected_update.fault(each) == ""


def step(change):
    """The step that Keras and the reference share, changed."""
    original = Optimizer.step
    return patch.object(Optimizer, "step", lambda self, *given: change(original, self, *given))


def dampened(original, self, parameter, gradient, slots, coefficients):
    return original(self, parameter, (1 - self.momentum) * gradient, slots, coefficients)


def without_decay_where_it_clips(original, self, *given):
    decay = 0.0 if self.clip_norm else self.weight_decay
    return original(self.model_copy(update={"weight_decay": decay}), *given)


def always_decoupled(original, self, *given):
    return original(self.model_copy(update={"decay": "decoupled"}), *given)


def root_of_the_mean(original, self, parameter, gradient, slots, coefficients):
    rate, mean_rate, _ = coefficients
    return original(self, parameter, gradient, slots, [rate, mean_rate, 1.0])


def clipped_at(times):
    from benchmarks.frameworks.numpy_parts.network import Update

    original = Update._clip
    return patch.object(Update, "_clip", lambda self, largest: original(self, times * largest))


PLANTS = {
    "dampened": (arm("momentum"), lambda: step(dampened)),
    "no decay where it clips": (arm("sgd", "coupled", 1.0), lambda: step(without_decay_where_it_clips)),
    "decoupled": (arm("momentum", "coupled"), lambda: step(always_decoupled)),
    "coupled": (
        arm("adamw", "decoupled"),
        lambda: patch.object(Optimizer, "decoupled_decay", PropertyMock(return_value=0.0)),
    ),
    "no correction": (arm("adam"), lambda: step(root_of_the_mean)),
    "twice the norm": (arm("sgd", clip_norm=1.0), lambda: clipped_at(2.0)),
    "never clipped": (arm("sgd", clip_norm=4096.0), lambda: clipped_at(np.inf)),
    "plain momentum": (arm("nesterov"), lambda: step(lambda o, self, *g: o(as_plain(self), *g))),
}


def further_in_long_trainings(original, self, *given):
    longer = self.model_copy(update={"momentum": 0.95}) if self.total_steps > 100 else self
    return original(longer, *given)


def test_a_rule_that_is_another_in_long_trainings_or_late_in_them_is_told():
    of = arm("momentum")
    assert expected_update.fault(of, [700, 5000]) == ""
    with step(further_in_long_trainings):
        assert expected_update.fault(of) == ""
        assert expected_update.fault(of, [700]) != ""
    of_adam, original = arm("adam"), Optimizer.coefficients

    def uncorrected(self, first, count):
        made = original(self, first, count)
        made[first + np.arange(count) > 1000, 1] *= 2
        return made

    with patch.object(Optimizer, "coefficients", uncorrected):
        assert expected_update.fault(of_adam, [700]) == ""
        assert expected_update.fault(of_adam, [700, 5000]) != ""


def as_plain(optimizer):
    return optimizer.model_copy(update={"name": "momentum"})


@pytest.mark.parametrize("name", PLANTS)
def test_a_wrong_rule_is_told(name):
    of, plant = PLANTS[name]
    assert expected_update.fault(of) == ""
    with plant():
        assert expected_update.fault(of).startswith("the reference's steps are not those of")
