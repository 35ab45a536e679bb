"""Optimizers and schedules against arithmetic done by hand."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from benchmarks.recipe.optimizer import Optimizer, Schedule, first_step

RATE, GRADIENTS = 0.5, [1.0, -2.0, 0.5]


def trained(gradients=GRADIENTS, start=2.0, **settings):
    """The parameter after each step on these gradients."""
    optimizer = Optimizer(**{"learning_rate": RATE, "total_steps": 100, **settings})
    theta, slots, seen = np.array([start]), tuple(np.zeros(1) for _ in optimizer.slots), []
    for step, gradient in enumerate(gradients):
        row = optimizer.coefficients(step, 1)[0]
        theta, slots = optimizer.step(theta, np.array([gradient]), slots, row)
        seen.append(theta[0])
    return seen


def test_sgd():
    assert trained(name="sgd") == [1.5, 2.5, 2.25]


def test_momentum_keeps_the_rate_out_of_the_velocity():
    # v = 1, -1.5, -0.25
    assert trained(name="momentum", momentum=0.5) == [1.5, 2.25, 2.375]
    halved = Schedule(shape="step", milestones=[0.01], factor=0.5)
    # The rate halves after the first step: a velocity that held it would still carry 0.5.
    assert trained(name="momentum", momentum=0.5, schedule=halved) == [1.5, 1.875, 1.9375]


def test_nesterov_looks_ahead():
    # v = 1, -1.5, -0.25; g + v / 2 = 1.5, -2.75, 0.375
    assert trained(name="nesterov", momentum=0.5) == [1.25, 2.625, 2.4375]


def test_adam_is_algorithm_1_of_its_paper():
    theta, m, s, expected = 2.0, 0.0, 0.0, []
    for t, g in enumerate(GRADIENTS, start=1):
        m, s = 0.5 * m + 0.5 * g, 0.75 * s + 0.25 * g * g
        corrected = (m / (1 - 0.5**t)) / (math.sqrt(s / (1 - 0.75**t)) + 0.125)
        theta -= RATE * corrected
        expected.append(theta)
    found = trained(name="adam", beta_1=0.5, beta_2=0.75, epsilon=0.125)
    assert found == pytest.approx(expected, rel=1e-15)


def test_coupled_decay_goes_through_the_gradient_and_decoupled_decay_past_it():
    assert trained([0.0], name="momentum", momentum=0.5, weight_decay=0.25) == [1.75]
    coupled = trained([0.0, 0.0], name="momentum", momentum=0.5, weight_decay=0.25)
    decoupled = trained([0.0, 0.0], name="momentum", momentum=0.5, weight_decay=0.25, decay="decoupled")
    assert coupled == [1.75, 1.75 - 0.5 * (0.5 * 0.5 + 0.25 * 1.75)]
    assert decoupled == [1.75, 1.75 * (1 - 0.5 * 0.25)]


def test_adamw_decays_apart_from_its_moments():
    assert trained([0.0], name="adamw", weight_decay=0.25) == [1.75]
    first = trained([0.0], name="adam", weight_decay=0.25)[0]  # the decay is all of the gradient
    assert first == pytest.approx(2 - RATE, abs=1e-6)
    assert trained([0.0], name="adam", weight_decay=0.25, decay="decoupled") == [1.75]


def test_settings_are_rounded_to_what_float32_can_hold():
    settings = Optimizer(name="momentum", learning_rate=0.05, momentum=0.9)
    assert settings.learning_rate == float(np.float32(0.05)) != 0.05
    assert settings.momentum == float(np.float32(0.9)) != 0.9
    assert settings.beta_1 == float(np.float32(0.9)) != 0.9, "defaults too"
    warm = Optimizer(name="sgd", learning_rate=0.1, schedule=Schedule(warm_up=0.5), total_steps=10)
    rates = warm.rates(0, 10)
    assert (rates == rates.astype(np.float32)).all()


@pytest.mark.parametrize("wrong", [{"learning_rate": 0}, {"momentum": 1}, {"momentum": -0.1}, {"beta": 1}])
def test_an_optimizer_refuses_what_it_cannot_be(wrong):
    with pytest.raises(ValidationError):
        Optimizer(**{"name": "momentum", "learning_rate": 0.1, "momentum": 0.5, **wrong})


def test_momentum_is_more_than_nothing_where_the_optimizer_has_it():
    for name in ("momentum", "nesterov"):
        with pytest.raises(ValidationError, match="momentum above 0; use sgd"):
            Optimizer(name=name, learning_rate=0.1)
    assert Optimizer(name="sgd", learning_rate=0.1).momentum == 0


def test_a_trainer_takes_another_rate_and_nothing_else():
    """A beta_2 that follows the batch size was once left as it was, without a word."""
    made = Optimizer(name="adam", learning_rate=0.5, total_steps=4)
    other = Optimizer(name="adam", learning_rate=0.25, total_steps=8, schedule={"shape": "cosine"})
    assert made.retuned(other) == other
    with pytest.raises(ValueError, match="cannot be retuned"):
        made.retuned(other.model_copy(update={"beta_2": 0.5}))


def test_a_range_is_held_to_after_rounding():
    good = {"name": "adam", "learning_rate": 0.1}
    for wrong, said in (
        ({"learning_rate": 1e-50}, "greater than 0"),
        ({"beta_1": 0.999999999}, "less than 1"),
        ({"learning_rate": 1e39}, "too large for float32"),
        ({"clip_norm": math.inf}, "finite"),
        ({"weight_decay": math.nan}, "finite"),
    ):
        with pytest.raises(ValidationError, match=said):
            Optimizer(**{**good, **wrong})


@pytest.mark.parametrize("part", [0.07, 0.14, 0.28, 0.55, 0.56, 0.57])
def test_parts_of_a_budget_end_at_the_step_that_they_name(part):
    """In binary 0.07 · 100 is 7.000000000000001, and 0.55 · 100 is 55.00000000000001."""
    step = round(part * 100)
    warm = Schedule(warm_up=part).factors(0, 100, total=100)
    assert (warm < 1).sum() == step - 1 and warm[step - 1] == 1
    falling = Schedule(shape="step", milestones=[part]).factors(0, 100, total=100)
    assert (falling == 1).sum() == step


def test_a_budget_ends_with_the_step_that_completes_it():
    assert [first_step(0.07, 100), first_step(0.07, 100, per=7), first_step(0.07, 100, per=8)] == [7, 1, 1]
    assert [first_step(10, 1257, per=16), first_step(2.5, 10, per=5), first_step(1e-9, 10)] == [786, 5, 1]


def test_a_constant_rate_stays():
    assert (Schedule().factors(3, 4, total=10) == 1).all()


def test_warm_up_rises_to_the_peak_and_not_from_zero():
    factors = Schedule(warm_up=0.4).factors(0, 10, total=10)
    assert factors.tolist() == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1]


def test_steps_fall_at_their_milestones():
    factors = Schedule(shape="step", milestones=[0.2, 0.5], factor=0.5).factors(0, 6, total=10)
    assert factors.tolist() == [1, 1, 0.5, 0.5, 0.5, 0.25]


def test_a_cosine_falls_from_the_end_of_the_warm_up_to_nothing():
    factors = Schedule(shape="cosine", warm_up=0.2).factors(0, 10, total=10)
    assert factors[:2].tolist() == [0.5, 1.0]
    expected = [0.5 * (1 + math.cos(math.pi * k / 8)) for k in range(8)]
    assert factors[2:] == pytest.approx(expected)


def test_a_step_beyond_the_budget_has_the_rate_of_the_last():
    cosine = Schedule(shape="cosine")
    assert (cosine.factors(9, 3, total=10) == cosine.factors(9, 1, total=10)).all()


def test_a_schedule_may_be_asked_for_any_piece():
    schedule = Schedule(shape="cosine", warm_up=0.3)
    whole = schedule.factors(0, 20, total=20)
    assert (schedule.factors(7, 5, total=20) == whole[7:12]).all()
