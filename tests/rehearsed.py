"""Differences to plant into PyTorch that lie in what surrounds the steps, or in what a trace never exercises.

Each goes unnoticed by the close look at the first steps; the rehearsal of a study's run must find it.
PyTorch is imported where a plant needs it: in the worker process that makes the traces.
"""

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
import planted

from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.identity import counted, exaggerated, rehearsal
from benchmarks.identity.quantity import Trace
from benchmarks.models import layers as spec
from benchmarks.recipe.optimizer import Optimizer, Schedule

SIZES = [4, 33, 400]
COUNTED = {3: 3000, 64: 300, 400: 40}
SMALL = [spec.Flatten(), spec.Dense(8), spec.ReLU(), spec.Dense(10)]
AVERAGED = [spec.Flatten(), spec.Dense(8), spec.BatchNorm(), spec.ReLU(), spec.Dense(10)]
DROPPED = [spec.Flatten(), spec.Dense(8), spec.Dropout(0.5), spec.Dense(10)]
GENTLE = Optimizer(name="momentum", learning_rate=0.0078125, momentum=0.875, total_steps=rehearsal.STEPS)
STEPPED = GENTLE.model_copy(update={"schedule": Schedule(shape="cosine")})
NEVER_CLIPPED = GENTLE.model_copy(update={"clip_norm": 4096.0})
HARDLY_DECAYED = GENTLE.model_copy(update={"weight_decay": 2.0**-60})
HARDLY_WARMED = GENTLE.model_copy(update={"schedule": Schedule(warm_up=0.001)})


@dataclass(frozen=True)
class Rehearsed:
    """One difference, and the training that it is planted into."""

    plant: Callable
    layers: list
    optimizer: Optimizer


PLANTS: dict[str, Rehearsed] = {}


def rehearsed(layers: list, optimizer: Optimizer = GENTLE):
    """Register a function of the original method and its arguments as the method of that name."""

    def register(plant: Callable) -> Callable:
        PLANTS[plant.__name__] = Rehearsed(plant, layers, optimizer)
        return plant

    return register


def method(name: str, changed: Callable):
    """Replace a method of the trainer by `changed(original, self, *arguments)`."""
    trainer = importlib.import_module("benchmarks.frameworks.pytorch").Trainer
    original = getattr(trainer, name)
    return patch.object(trainer, name, lambda self, *given: changed(original, self, *given))


@rehearsed(SMALL)
def a_reset_keeps_the_optimizers_state():
    def reset(original, self, parameters):
        with patch.object(self.optimizer, "reset", lambda: None):
            original(self, parameters)

    return method("reset", reset)


@rehearsed(SMALL, STEPPED)
def a_reset_keeps_the_count_of_steps():
    def reset(original, self, parameters):
        taken = self.steps_taken
        original(self, parameters)
        self.steps_taken = taken

    return method("reset", reset)


@rehearsed(AVERAGED)
def an_evaluation_moves_the_running_averages():
    def logits(original, self, examples):
        if len(examples) >= 500:
            self.model.train()(self._native(examples))
        return original(self, examples)

    return method("logits", logits)


@rehearsed(DROPPED)
def an_evaluation_draws_random_numbers():
    def logits(original, self, examples):
        for module in self.model.modules():
            if hasattr(module, "generator"):
                module.generator[1].add_(1)
        return original(self, examples)

    return method("logits", logits)


@rehearsed(AVERAGED)
def training_goes_on_in_evaluation_mode():
    def train(original, self, batches):
        stays = getattr(self, "evaluated", False)
        with patch.object(self.model, "train", lambda: self.model) if stays else contextlib.nullcontext():
            return original(self, batches)

    def logits(original, self, examples):
        self.evaluated = len(examples) >= 500
        return original(self, examples)

    stack = contextlib.ExitStack()
    stack.enter_context(method("train", train))
    stack.enter_context(method("logits", logits))
    return stack


@rehearsed(SMALL)
def the_first_step_of_the_second_block_repeats_a_batch():
    def train(original, self, batches):
        batches = batches.copy()
        batches[512:513] = batches[511:512]
        return original(self, batches)

    return method("train", train)


@rehearsed(SMALL)
def the_velocity_is_cleared_before_each_call_from_the_fourth_on():
    def train(original, self, batches):
        self.calls += 1
        if self.calls >= 4:
            self.optimizer.reset()
        return original(self, batches)

    def reset(original, self, parameters):
        self.calls = 0
        original(self, parameters)

    stack = contextlib.ExitStack()
    stack.enter_context(method("train", train))
    stack.enter_context(method("reset", reset))
    return stack


@rehearsed(SMALL, STEPPED)
def a_call_of_many_steps_counts_one_too_few():
    def train(original, self, batches):
        result = original(self, batches)
        self.steps_taken -= len(batches) > 512
        return result

    return method("train", train)


@rehearsed(SMALL)
def examples_beyond_the_first_500_are_taken_for_others():
    return method("train", lambda original, self, batches: original(self, batches % 500))


@rehearsed(SMALL)
def an_odd_batch_loses_its_last_example():
    def train(original, self, batches):
        return original(self, batches[:, :-1] if batches.shape[1] % 2 else batches)

    return method("train", train)


@rehearsed(SMALL)
def a_large_batch_is_cut_to_256():
    return method("train", lambda original, self, batches: original(self, batches[:, :256]))


@rehearsed(SMALL)
def outputs_beyond_the_first_thousand_are_those_of_the_first():
    def logits(original, self, examples):
        found = original(self, examples)
        found[1000:] = found[: len(found[1000:])]
        return found

    return method("logits", logits)


@rehearsed(SMALL)
def the_best_parameters_are_not_a_copy():
    def parameters(original, self):
        return {name: tensor.detach().numpy().T for name, tensor in self.tensors.items()}

    return method("parameters", parameters)


@rehearsed(SMALL)
def a_loss_that_is_no_number_is_replaced():
    def train(original, self, batches):
        taken = original(self, batches)
        return taken._replace(loss=np.nan_to_num(taken.loss, nan=16.0))

    return method("train", train)


@rehearsed(SMALL, NEVER_CLIPPED)
def gradients_are_never_clipped():
    module = planted.parts("optimizer")
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
    layer = planted.parts("layers").RandomModule
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


def data() -> Dataset:
    """Random examples, more than a close look takes, and more to evaluate than one forward pass has."""
    random = np.random.default_rng(0)

    def part(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = random.integers(0, 10, n).astype(np.int32)
        return random.normal(size=(n, 8, 8, 1)).astype(np.float32), labels

    (a, b), (c, d), (e, f) = part(900), part(1200), part(1100)
    arrays = {"train_x": a, "train_y": b, "validation_x": c, "validation_y": d, "test_x": e, "test_y": f}
    return Dataset(name="random", n_classes=10, sha256="", **arrays)


def setup(framework: str, name: str, execution: str) -> Setup:
    """The training of a plant in a framework, on all examples."""
    chosen, examples = PLANTS[name], data()
    first = planted.case(framework, chosen.layers, chosen.optimizer)
    return replace(first, examples=examples.train_x, labels=examples.train_y, execution=execution)


def traced(name: str, plant: bool, framework: str = "pytorch", execution: str = "idiomatic") -> Trace:
    """The rehearsal of a training, and its settings exaggerated, with the plant or without."""
    with PLANTS[name].plant() if plant else contextlib.nullcontext():
        of_run = setup(framework, name, execution)
        return {
            **exaggerated.with_settings_exaggerated(of_run, 32),
            **exaggerated.with_extreme_parameters(of_run, 32),
            **rehearsal.record_rehearsal(of_run, data(), SIZES),
            **counted.over_all_steps(of_run, COUNTED),
        }


def close_look(name: str, plant: bool, framework: str = "pytorch") -> Trace:
    """The trace of the first steps, on the first 500 examples."""
    from benchmarks.identity.trace import record_trace

    with PLANTS[name].plant() if plant else contextlib.nullcontext():
        of_run = setup(framework, name, "idiomatic")
        few = replace(of_run, examples=of_run.examples[:500], labels=of_run.labels[:500])
        return record_trace(few, steps=planted.STEPS)
