"""Differences to plant into PyTorch that lie in what surrounds the steps, or in what a trace never exercises.

Each goes unnoticed by the close look at the first steps; the rehearsal of a study's run must find it.
PyTorch is imported where a plant needs it: in the worker process that makes the traces.
"""

import contextlib
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import planting
import rehearsed_updates  # noqa: F401  (importing a file of plants registers them)
from rehearsing import AVERAGED, COUNTED, DROPPED, PLANTS, SIZES, SMALL, STEPPED, method, rehearsed

from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.evaluation import Parts
from benchmarks.frameworks.setup import Setup
from benchmarks.identity import counted, exaggerated, rehearsal
from benchmarks.identity.quantity import Trace


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


@rehearsed(SMALL)
def a_large_batch_is_loaded_in_part():
    return method("load_batches", lambda original, self, batches: original(self, batches[:, :64]))


@rehearsed(SMALL)
def of_many_batches_the_first_64_are_loaded():
    return method("load_batches", lambda original, self, batches: original(self, batches[:64]))


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
def examples_on_the_device_are_taken_for_others_of_their_number():
    of = Parts.of

    def stale(self, examples):
        same = self.last is not None and len(self.last) == len(examples)
        return of(self, self.last if same else examples)

    return patch.object(Parts, "of", stale)


@rehearsed(SMALL)
def the_best_parameters_are_not_a_copy():
    def parameters(original, self):
        return {name: tensor.detach().numpy().T for name, tensor in self.tensors.items()}

    return method("parameters", parameters)


@rehearsed(SMALL)
def very_wrong_examples_give_no_gradient():
    import torch
    from torch.nn import functional

    from benchmarks.frameworks import pytorch

    def mean_loss(logits, labels):
        each = functional.cross_entropy(logits, labels, reduction="none")
        return torch.where(each > 60.0, each.detach(), each).mean()

    return patch.object(pytorch, "mean_loss", mean_loss)


@rehearsed(SMALL)
def a_loss_that_is_no_number_is_replaced():
    def train(original, self, batches):
        taken = original(self, batches)
        return taken._replace(loss=np.nan_to_num(taken.loss, nan=16.0))

    return method("train", train)


def data() -> Dataset:
    """Random examples, more than a close look takes, and more to evaluate than one forward pass has."""
    random = np.random.default_rng(0)

    def part(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = random.integers(0, 10, n).astype(np.int32)
        return random.normal(size=(n, 8, 8, 1)).astype(np.float32), labels

    (a, b), (c, d), (e, f) = part(900), part(1100), part(1100)
    arrays = {"train_x": a, "train_y": b, "validation_x": c, "validation_y": d, "test_x": e, "test_y": f}
    return Dataset(name="random", n_classes=10, sha256="", **arrays)


def setup(framework: str, name: str, execution: str) -> Setup:
    """The training of a plant in a framework, on all examples."""
    chosen, examples = PLANTS[name], data()
    first = planting.case(framework, chosen.layers, chosen.optimizer)
    return replace(first, examples=examples.train_x, labels=examples.train_y, execution=execution)


def traced(name: str, plant: bool, framework: str = "pytorch", execution: str = "idiomatic") -> Trace:
    """The rehearsal of a training, and its settings exaggerated, with the plant or without."""
    with PLANTS[name].plant() if plant else contextlib.nullcontext():
        of_run = setup(framework, name, execution)
        return {
            **exaggerated.with_settings_exaggerated(of_run, 32),
            **exaggerated.with_extreme_parameters(of_run, 32),
            **rehearsal.held_in_float32(of_run, data(), SIZES),
            **rehearsal.record_rehearsal(of_run, data(), SIZES),
            **counted.over_all_steps(of_run, COUNTED),
        }


def close_look(name: str, plant: bool, framework: str = "pytorch") -> Trace:
    """The trace of the first steps, on the first 500 examples."""
    from benchmarks.identity.trace import record_trace

    with PLANTS[name].plant() if plant else contextlib.nullcontext():
        of_run = setup(framework, name, "idiomatic")
        few = replace(of_run, examples=of_run.examples[:500], labels=of_run.labels[:500])
        return record_trace(few, steps=planting.STEPS)
