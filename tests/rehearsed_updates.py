"""Differences to plant into clipping, decay and rates that a trace never exercises, and into late steps."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import planting
from rehearsing import DROPPED, HARDLY_DECAYED, HARDLY_WARMED, NEVER_CLIPPED, SMALL, rehearsed

from benchmarks.recipe.optimizer import Optimizer, Schedule


@rehearsed(SMALL, NEVER_CLIPPED)
def gradients_are_never_clipped():
    module = planting.parts("optimizer")
    clip = module.clip
    return patch.object(module, "clip", lambda gradients, threshold: clip(gradients, threshold and 1e30))


@rehearsed(SMALL, HARDLY_DECAYED)
def weights_never_decay():
    return without_setting(weight_decay=0.0)


@rehearsed(SMALL, HARDLY_WARMED)
def rates_never_warm_up():
    return without_setting(schedule=Schedule())


def with_coefficients(change: Callable, *, of_size: int | None = None):
    """The rate of each step changed by `change(steps, rates)`, at every batch size or at one."""
    trainer = importlib.import_module("benchmarks.frameworks.pytorch").Trainer
    original = trainer.train

    def train(self, batches):
        if of_size in (None, batches.shape[1]):
            self.settings = Changed(self.settings, change)
        taken = original(self, batches)
        self.settings = getattr(self.settings, "plain", self.settings)
        return taken

    return patch.object(trainer, "train", train)


@dataclass(frozen=True)
class Changed:
    """Settings of an optimizer whose rates are changed by `change(steps, rates)`; steps count from 1."""

    plain: Optimizer
    change: Callable

    def __getattr__(self, name: str):
        return getattr(self.plain, name)

    def rates(self, first: int, count: int) -> np.ndarray:
        """The changed rates."""
        return self.change(1 + np.arange(first, first + count), self.plain.rates(first, count))


@rehearsed(SMALL)
def rates_are_doubled_from_step_1101_on():
    return with_coefficients(lambda steps, rates: np.where(steps > 1100, 2 * rates, rates))


@rehearsed(SMALL)
def every_1500th_step_has_the_rate_0():
    return with_coefficients(lambda steps, rates: np.where(steps % 1500 == 0, 0.0, rates))


@rehearsed(SMALL)
def rates_are_doubled_from_step_4_on_at_one_batch_size():
    return with_coefficients(lambda steps, rates: np.where(steps > 3, 2 * rates, rates), of_size=33)


@rehearsed(DROPPED)
def draws_repeat_from_the_1101st_on():
    layer = planting.parts("layers").RandomModule
    original = layer.draw

    def draw(self, *shape):
        self.generator[1].clamp_(max=1100)
        return original(self, *shape)

    return patch.object(layer, "draw", draw)


def without_setting(**settings):
    """The trainer is given an optimizer without a setting."""
    trainer = importlib.import_module("benchmarks.frameworks.pytorch").Trainer
    original = trainer.__init__

    def init(self, *, optimizer, **given):
        original(self, optimizer=optimizer.model_copy(update=settings), **given)

    return patch.object(trainer, "__init__", init)
