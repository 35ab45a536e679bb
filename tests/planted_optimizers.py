"""Differences to plant into optimizers and their schedules."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from unittest.mock import patch

import numpy as np
from planting import ADAM, CLIPPED, CONSTANT, DECAYED, IMAGES, LATE, STEPPED, optimizer, parts, planted

from benchmarks.recipe.optimizer import Optimizer

# Optimizer: `native` makes the one that the eager loop steps


def stepped_by(rule: Callable, slots: tuple[str, ...]) -> contextlib.AbstractContextManager:
    """Another optimizer: `rule(settings, rate, t, θ, g, *state)` changes parameter and state in place."""
    import torch

    module = parts("optimizer")

    class Own(torch.optim.SGD):
        def __init__(self, settings: Optimizer, parameters: list) -> None:
            super().__init__(parameters, lr=settings.learning_rate)
            self.settings = settings

        @torch.no_grad()
        def step(self) -> None:
            for p in self.param_groups[0]["params"]:
                state = self.state[p]
                if not state:
                    state.update({"t": 0, **{name: torch.zeros_like(p) for name in slots}})
                state["t"] += 1
                held = [state[name] for name in slots]
                rule(self.settings, self.param_groups[0]["lr"], state["t"], p, p.grad, *held)

    return patch.object(module, "native", Own)


@planted("optimizer: formulation of its velocity (the state times 0.015625)", IMAGES)
def learning_rate_inside_the_velocity():
    def rule(settings, rate, t, p, g, v):
        v.mul_(settings.momentum).add_(g, alpha=rate)
        p.sub_(v)

    with stepped_by(rule, ("momentum_buffer",)):
        yield


@planted("optimizer: update rule (its first step times 0.533333)", IMAGES, optimizer("nesterov"))
def heavy_ball_for_nesterov():
    def rule(settings, rate, t, p, g, v):
        v.mul_(settings.momentum).add_(g)
        p.sub_(v, alpha=rate)

    with stepped_by(rule, ("momentum_buffer",)):
        yield


@planted("training: from step", IMAGES)
def dampened_momentum():
    def rule(settings, rate, t, p, g, v):
        v.mul_(settings.momentum).add_(g, alpha=1.0 if t == 1 else 1 - settings.momentum)
        p.sub_(v, alpha=rate)

    with stepped_by(rule, ("momentum_buffer",)):
        yield


def adam(root: Callable, *, corrected: bool = True, beta_2: float | None = None):
    """Adam with another denominator: `root(square, correction, ε)`."""

    def rule(settings, rate, t, p, g, m, s):
        second = beta_2 or settings.beta_2
        m.mul_(settings.beta_1).add_(g, alpha=1 - settings.beta_1)
        s.mul_(second).add_(g * g, alpha=1 - second)
        first = 1 - settings.beta_1**t if corrected else 1.0
        p.sub_(m / first / root(s, 1 - second**t if corrected else 1.0, settings.epsilon), alpha=rate)

    return stepped_by(rule, ("exp_avg", "exp_avg_sq"))


@planted("optimizer: update rule", IMAGES, ADAM)
def adam_epsilon_inside_the_root():
    with adam(lambda s, correction, epsilon: (s / correction + epsilon).sqrt()):
        yield


@planted("optimizer: update rule", IMAGES, ADAM)
def adam_epsilon_before_the_correction():
    with adam(lambda s, correction, epsilon: (s.sqrt() + epsilon) / correction**0.5):
        yield


@planted("optimizer: update rule", IMAGES, ADAM)
def adam_without_its_correction():
    with adam(lambda s, correction, epsilon: s.sqrt() + epsilon, corrected=False):
        yield


@planted("optimizer: rule of its square", IMAGES, ADAM)
def adam_beta_2():
    with adam(lambda s, correction, epsilon: (s / correction).sqrt() + epsilon, beta_2=0.99):
        yield


@planted("optimizer: weight decay", IMAGES, DECAYED)
def weight_decay_decoupled():
    def rule(settings, rate, t, p, g, v):
        p.mul_(1 - rate * settings.weight_decay)
        v.mul_(settings.momentum).add_(g)
        p.sub_(v, alpha=rate)

    with stepped_by(rule, ("momentum_buffer",)):
        yield


@planted("optimizer: weight decay", IMAGES, DECAYED)
def weight_decay_on_kernels_alone():
    def rule(settings, rate, t, p, g, v):
        v.mul_(settings.momentum).add_(g + (settings.weight_decay * p if p.ndim > 1 else 0))
        p.sub_(v, alpha=rate)

    with stepped_by(rule, ("momentum_buffer",)):
        yield


def clipping(clip: Callable) -> contextlib.AbstractContextManager:
    """Another clipping: `clip(original, gradients, threshold)` gives the norm."""
    module = parts("optimizer")
    return patch.object(module, "clip", functools.partial(clip, module.clip))


@planted("optimizer: gradient clipping (the gradient times 0.5)", IMAGES, CLIPPED)
def clipping_threshold():
    with clipping(lambda clip, gradients, threshold: clip(gradients, threshold and threshold / 2)):
        yield


@planted("optimizer: gradient clipping", IMAGES, CLIPPED)
def clipping_with_an_epsilon():
    import torch

    def as_clip_grad_norm(original, gradients, threshold):
        norm = torch.nn.utils.get_total_norm(gradients)
        torch._foreach_mul_(gradients, torch.clamp(threshold / (norm + 1e-6), max=1.0))
        return norm

    with clipping(as_clip_grad_norm):
        yield


@planted("optimizer: gradient clipping, of each array alone", IMAGES, optimizer(clip_norm=0.0625))
def clipping_of_each_array():
    import torch

    def clip(original, gradients, threshold):
        norm = torch.nn.utils.get_total_norm(gradients)
        for gradient in gradients:
            gradient.mul_(torch.clamp(threshold / gradient.norm(), max=1.0))
        return norm

    with clipping(clip):
        yield


@planted("schedule: the learning rate of step 17", IMAGES, STEPPED)
def rate_one_step_late():
    def late(self, first, count):
        return (
            rates(self, max(0, first - 1), count)
            if first
            else np.concatenate([rates(self, 0, 1), rates(self, 0, count - 1)])
        )

    rates = Optimizer.rates
    with patch.object(Optimizer, "rates", late):
        yield


def still_where(condition: Callable[[Optimizer], bool], factor: float = 1.0) -> Iterator[None]:
    """A rate that keeps to `factor` times its first value in the optimizers that meet a condition."""
    rates = Optimizer.rates

    def still(self, first, count):
        own = rates(self, first, count)
        return np.full(count, factor * rates(self, 0, 1)[0]) if condition(self) else own

    with patch.object(Optimizer, "rates", still):
        yield


@planted("optimizer: as long as nothing is clipped", IMAGES)
def rate_that_stands_still_where_nothing_is_clipped():
    yield from still_where(lambda optimizer: not optimizer.clip_norm)


@planted("optimizer: as long as nothing is clipped", IMAGES, LATE, first="loss")
def late_milestone_left_out_where_nothing_is_clipped():
    yield from still_where(lambda optimizer: not optimizer.clip_norm)


@planted("optimizer: at a constant learning rate", IMAGES, CONSTANT)
def constant_rate_as_float16():
    yield from still_where(lambda optimizer: optimizer.schedule.shape == "constant", factor=1 + 2**-10)
