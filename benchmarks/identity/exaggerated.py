"""Trainings whose settings or parameters are so strong that what a study seldom exercises shows."""

from dataclasses import replace

import numpy as np

from benchmarks.frameworks.setup import Setup
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.models import all_layers
from benchmarks.models.layers import Attention
from benchmarks.models.parameters import trained
from benchmarks.recipe.optimizer import Optimizer, Schedule

STEPS = 61
"""A number of which the parts at which a schedule changes are no whole numbers."""
SMALL_NORM = 2**-6
"""A clipping threshold that the gradients of an untrained model exceed in every step."""
STRONG_DECAY = 2**-5
HARSH_STEPS = 4
HARSH_SHARE = 0.25
"""What decay takes off the weights in a harsh step, so that the next loss shows it in float32 too."""
LARGE = 32.0
"""How many times its initial parameters a model has whose outputs are very sure."""


def over(optimizer: Optimizer, steps: int, **settings) -> Optimizer:
    """The optimizer over a budget of that many steps, with some settings replaced; validated again."""
    return Optimizer.model_validate({**dict(optimizer), "total_steps": steps, **settings})


def exaggerated(optimizer: Optimizer) -> Optimizer:
    """The optimizer with its clipping, decay and warm-up, if it has them, so strong that each shows."""
    schedule = optimizer.schedule
    if schedule.warm_up:
        schedule = schedule.model_copy(update={"warm_up": max(schedule.warm_up, 0.25)})
    if schedule.milestones:
        schedule = schedule.model_copy(update={"milestones": [0.4, 0.7]})
    stronger = {
        "clip_norm": SMALL_NORM if optimizer.clip_norm else None,
        "weight_decay": max(optimizer.weight_decay, STRONG_DECAY) if optimizer.weight_decay else 0.0,
    }
    return over(optimizer, STEPS, **stronger, schedule=schedule)


def with_settings_exaggerated(setup: Setup, batch_size: int) -> Trace:
    """The parameters after a training with the settings of the arm exaggerated."""
    trainer = replace(setup, optimizer=exaggerated(setup.optimizer)).trainer()
    trainer.reset(setup.parameters(seed=0))
    trainer.train(setup.stream(seed=0).batches(batch_size, first=0, count=STEPS))
    return {
        Quantity(Stage.EXAGGERATED, f"parameter {name}"): value
        for name, value in trainer.parameters().items()
    }


def with_harsh_settings(setup: Setup, batch_size: int) -> Trace:
    """The losses of a few steps with clipping and decay so strong that float32 is held to them too.

    Nothing for an arm that has neither.
    """
    plain = setup.optimizer
    if not (plain.clip_norm or plain.weight_decay):
        return {}
    settings = {
        "clip_norm": SMALL_NORM if plain.clip_norm else None,
        "weight_decay": HARSH_SHARE / plain.learning_rate if plain.weight_decay else 0.0,
    }
    trainer = replace(setup, optimizer=over(plain, HARSH_STEPS, **settings, schedule=Schedule())).trainer()
    trainer.reset(setup.parameters(seed=0))
    batches = setup.stream(seed=0).batches(batch_size, first=0, count=HARSH_STEPS)
    return {Quantity(Stage.HARSH): trainer.train(batches).loss}


def with_extreme_parameters(setup: Setup, batch_size: int) -> Trace:
    """The first step where parameters are as a training leaves them that goes astray.

    All that are trained are large, so that outputs are very sure, and some of them very wrong: its loss, and
    the parameters after it. Or the last of them is no number, so that the loss is none either, by which a
    study tells that a training diverged.
    """
    parameters = setup.parameters(seed=0)
    names = trained(parameters)
    large = {name: LARGE * parameters[name] for name in names}
    no_number = {names[-1]: np.full_like(parameters[names[-1]], np.nan)}
    trainer, batches = setup.trainer(), setup.stream(seed=0).batches(batch_size, first=0, count=1)
    trainer.reset({**parameters, **large})
    of_large = {Quantity(Stage.LARGE, "loss"): trainer.train(batches).loss}
    if not any(isinstance(layer, Attention) for layer in all_layers(setup.layers)):  # its rounding would show
        of_large |= {
            Quantity(Stage.LARGE, f"parameter {name}"): value for name, value in trainer.parameters().items()
        }
    trainer.reset({**parameters, **no_number})
    return {
        **of_large,
        Quantity(Stage.DIVERGED): np.isfinite(trainer.train(batches).loss).astype(np.float64),
    }
