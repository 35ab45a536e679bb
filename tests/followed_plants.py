"""Differences that begin late in a run, or that only a training which learns meets.

PyTorch is imported where a plant needs it: in the worker process that follows the runs.
"""

import contextlib
from unittest.mock import patch

import numpy as np
import tracing
from planted_runs import changed
from rehearsing import method

from benchmarks import frameworks
from benchmarks.identity import record, subjects
from benchmarks.recipe.arm import Arm
from benchmarks.study import check
from benchmarks.study.study import for_tracing

ARM = Arm(name="plain", learning_rate=0.0625, momentum=0.875, weight_decay=2.0**-12, scaling="none")
ADAM = Arm(name="adam", optimizer="adam", learning_rate=2.0**-9, beta_2_reference=64, scaling="none")
SIZES = [8, 256]


def subject(precision, arm=ARM):
    """PyTorch's runs of a study on images that are learnt within some epochs."""
    (workload,) = tracing.STUDY["workloads"]
    given = {
        **tracing.STUDY,
        "arms": [arm.model_dump(exclude_none=True, exclude_defaults=True)],
        "seeds": [0],
        "workloads": [
            {**workload, "model": "mlp", "batch_sizes": SIZES, "budget": {"epochs": 40, "seconds": 9}}
        ],
    }
    study = for_tracing(check.read(given))
    file = subjects.File("pytorch", precision)
    (made,) = (each for each in subjects.subjects_of(study, file) if each.execution == subjects.STUDIED)
    (part,) = (each for each in subjects.parts_of(made, study, precision) if each.of == "whole runs")
    return part.subject


def followed(name, precision="float64", arm=ARM):
    """How far PyTorch's whole runs are from the reference with a plant; what was raised, in its place."""
    pytorch = frameworks.load("pytorch")
    pytorch.configure(threads=1, device="cpu", precision=precision)
    with {**PLANTS, **OF_FLOAT32}[name]() if name else contextlib.nullcontext():
        try:
            return record.whole_runs(subject(precision, arm), pytorch, tracing.blobs(), precision=precision)
        except RuntimeError as error:
            return str(error)


def no_gradient_of_a_small_loss():
    from benchmarks.frameworks.torch_parts import fused

    return changed(fused, "mean_loss", lambda original, *given: original(*given).clamp(min=0.01))


def batches_again_after_5000_examples():
    def train(original, self, batches):
        late = self.steps_taken * batches.shape[1] > 5000
        return original(self, batches % 100 if late else batches)

    return method("train", train)


def batches_twice_after_a_long_life():
    """A trainer gets so old only where its pace is measured before its run."""

    def train(original, self, batches):
        lived = getattr(self, "lived", 0)
        self.lived = lived + len(batches)
        old = lived > self.settings.total_steps + 4
        return original(self, np.repeat(batches[::2], 2, axis=0)[: len(batches)] if old else batches)

    return method("train", train)


def a_half_twice_from_step_33_on():
    def train(original, self, batches):
        half = batches[:, : batches.shape[1] // 2]
        late = self.steps_taken > 32 and batches.shape[1] >= 128
        return original(self, np.concatenate([half, half], axis=1) if late else batches)

    return method("train", train)


def state_cleared_at_every_fiftieth_call():
    def train(original, self, batches):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls % 50 == 0:
            self.optimizer.reset()
        return original(self, batches)

    return method("train", train)


def outputs_of_an_earlier_evaluation():
    def logits(original, self, examples):
        self.evaluations = getattr(self, "evaluations", 0) + 1
        if self.evaluations % 12 or self.kept.shape[0] != len(examples):
            self.kept = original(self, examples)
        return self.kept

    return method("logits", logits)


def images_of_evaluations_centred():
    from benchmarks.frameworks import evaluation

    def of(original, self, examples):
        return original(self, examples - examples.mean())

    original = evaluation.Parts.of
    return patch.object(evaluation.Parts, "of", lambda self, examples: of(original, self, examples))


def training_when_it_is_read():
    class Later:
        def __init__(self, take):
            self.take, self.taken = take, None

        @property
        def loss(self):
            self.taken = self.taken or self.take()
            return self.taken.loss

    def train(original, self, batches):
        self.later = Later(lambda: original(self, batches))
        return self.later

    def read(original, self, *given):
        if getattr(self, "later", None):
            self.later.loss  # noqa: B018 (this computes it)
        return original(self, *given)

    stack = contextlib.ExitStack()
    stack.enter_context(method("train", train))
    for name in ("parameters", "optimizer_state", "logits", "reset"):
        stack.enter_context(method(name, read))
    return stack


def a_run_that_ends_early():
    from benchmarks.training import run

    original = run.train_to_evaluation

    def train_to_evaluation(*given, state, **named):
        ended = original(*given, state=state, **named)
        return run.Status.TIME_LIMIT if len(state.curve) >= 60 else ended

    return patch.object(run, "train_to_evaluation", train_to_evaluation)


def steps_three_percent_shorter():
    import torch

    def train(original, self, batches):
        before = [weight.detach().clone() for weight in self.optimizer.parameters]
        taken = original(self, batches)
        with torch.no_grad():
            for weight, start in zip(self.optimizer.parameters, before, strict=True):
                weight.copy_(start + 0.97 * (weight - start))
        return taken

    return method("train", train)


def parameters_in_bfloat16_after_each_call():
    import torch

    def train(original, self, batches):
        taken = original(self, batches)
        with torch.no_grad():
            for weight in self.optimizer.parameters:
                weight.copy_(weight.bfloat16().to(weight.dtype))
        return taken

    return method("train", train)


PLANTS = {
    plant.__name__.replace("_", " "): plant
    for plant in (
        no_gradient_of_a_small_loss,
        batches_again_after_5000_examples,
        batches_twice_after_a_long_life,
        a_half_twice_from_step_33_on,
        state_cleared_at_every_fiftieth_call,
        outputs_of_an_earlier_evaluation,
        images_of_evaluations_centred,
        training_when_it_is_read,
        a_run_that_ends_early,
    )
}
TOLD = {
    "training when it is read": "a call of train returns before its steps are computed",
    "a run that ends early": "a run ended after",
}
"""What is raised in place of a difference."""
OF_FLOAT32 = {
    plant.__name__.replace("_", " "): plant
    for plant in (steps_three_percent_shorter, parameters_in_bfloat16_after_each_call)
}
