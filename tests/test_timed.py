"""A timed round that is not of the training it stands for shows in the trace."""

import contextlib
import functools
import math
from unittest.mock import PropertyMock, patch

import numpy as np
import pytest
import pytorch_process
import tracing

from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.identity import timed
from benchmarks.identity.certificate import judged
from benchmarks.identity.difference import BOUND, differences, float32_bound
from benchmarks.identity.quantity import OVER_MANY_STEPS
from benchmarks.identity.trace import set_up
from benchmarks.recipe.arm import Arm
from benchmarks.throughput import fit
from benchmarks.throughput.rounds import Round

ARM = Arm(
    name="all",
    learning_rate=0.0625,
    momentum=0.5,
    weight_decay=0.03125,
    decay="decoupled",
    clip_norm=8.0,
    augmentation=["shift", "flip"],
    scaling="none",
)
MODEL, LARGEST, CALL_STEPS = "cnn", 152, 60


def of_timing(**settings):
    """The arm that is timed has other settings."""
    changed = ARM.for_timing.model_copy(update=settings)
    return patch.object(Arm, "for_timing", PropertyMock(return_value=changed))


def of_trainer(name, change):
    """Replace a method of the trainer by `change(original, self, *arguments)`."""
    from benchmarks.frameworks.pytorch import Trainer

    original = getattr(Trainer, name)
    return patch.object(Trainer, name, lambda self, *given, **named: change(original, self, *given, **named))


def set_up_of(**settings):
    """Throughput sets its training up with other arguments."""
    from benchmarks.frameworks.setup import Setup

    original = Setup.on
    return patch.object(Setup, "on", lambda *given, **named: original(*given, **named | settings))


def of_few_epochs(original, self, batch_size, go_on, **length):
    """An epoch is left out."""
    return original(self, batch_size, lambda: go_on() and go_on(), **length)


def a_step_too_many():
    """Every round is said to have one step more."""
    from benchmarks.throughput import rounds

    return patch.object(
        rounds, "Round", lambda *given, steps, **named: Round(*given, steps=steps + 1, **named)
    )


def of_length(change):
    """A round of `fit` is of another length."""
    original = fit.length_of
    return patch.object(fit, "length_of", lambda *given: change(original(*given)))


def of_half_the_steps(original, self, batch_size, go_on, *, steps=None):
    return original(self, batch_size, go_on, steps=steps and -(-steps // 2))


def without_the_rest_of_an_epoch(original, self, batch_size, go_on, *, steps=None):
    return original(self, batch_size, go_on, steps=steps or len(self.labels) // batch_size)


def read_after_every_epoch():
    """A round of several epochs ends with the first."""
    original = fit.readings
    return patch.object(
        fit,
        "readings",
        lambda call, size, length, **named: original(call, size, length._replace(epochs=1), **named),
    )


def without_its_warm_up():
    """The rounds begin with the first epoch."""
    return patch.object(fit, "ROUNDS", fit.ROUNDS - 1)


def split(change):
    """A round cuts its batches into calls otherwise."""
    from benchmarks.throughput import rounds

    original = rounds.np.split
    return patch.object(rounds.np, "split", lambda *given: change(original, *given))


def in_smaller_batches(original, self, batch_size, *given, **length):
    return original(self, min(batch_size, 100), *given, **length)


def loads(original, self, *given, **length):
    self.load(*given, **length)


def of_one_batch(original, self, batches):
    return original(self, batches[:1].repeat(len(batches), axis=0))


def of_fewer_steps(original, self, batches):
    return original(self, batches[: max(1, len(batches) // 2)])


PLANTS = {
    "a_step_without_augmentation": (EXECUTIONS, lambda: set_up_of(augmentation=[])),
    "another_model": (EXECUTIONS, lambda: set_up_of(model="mlp")),
    "float32": (EXECUTIONS, lambda: set_up_of(precision="float32")),
    "no_clipping": (EXECUTIONS, lambda: of_timing(clip_norm=None)),
    "another_momentum": (EXECUTIONS, lambda: of_timing(momentum=0.5)),
    "no_decay": (EXECUTIONS, lambda: of_timing(weight_decay=0.0, decay=None)),
    "another_decay": (EXECUTIONS, lambda: of_timing(decay=None)),
    "another_optimizer": (EXECUTIONS, lambda: of_timing(optimizer="nesterov")),
    "a_round_runs_one_of_its_calls": (["fused"], lambda: split(lambda o, rows, parts: o(rows, parts)[:1])),
    "a_round_loads_and_does_not_train": (["idiomatic"], lambda: of_trainer("fit", loads)),
    "a_round_counts_a_step_too_many": (["fused"], a_step_too_many),
    "a_round_of_fit_counts_a_step_too_many": (
        ["idiomatic"],
        lambda: of_length(lambda length: length._replace(taken=length.taken + 1)),
    ),
    "a_step_too_many_where_all_batches_are_whole": (
        ["idiomatic"],
        lambda: of_length(
            lambda length: length._replace(taken=length.taken + (length.taken == int(length.taken)))
        ),
    ),
    "a_smaller_batch_counts_as_whole": (
        ["idiomatic"],
        lambda: of_length(lambda length: length._replace(taken=float(math.ceil(length.taken)))),
    ),
    "a_round_ends_with_its_first_epoch": (["idiomatic"], read_after_every_epoch),
    "fit_is_not_warmed_up": (["idiomatic"], without_its_warm_up),
    "fit_ends_early": (["idiomatic"], lambda: of_trainer("fit", of_few_epochs)),
    "fit_takes_half_of_the_steps": (["idiomatic"], lambda: of_trainer("fit", of_half_the_steps)),
    "large_batches_of_fit_are_cut": (["idiomatic"], lambda: of_trainer("fit", in_smaller_batches)),
    "fit_leaves_the_small_batch_out": (
        ["idiomatic"],
        lambda: of_trainer("fit", without_the_rest_of_an_epoch),
    ),
    "each_step_of_one_batch": (["fused"], lambda: of_trainer("train", of_one_batch)),
    "fewer_steps": (["fused"], lambda: of_trainer("train", of_fewer_steps)),
}
CASES = [(name, execution) for name, (executions, _) in PLANTS.items() for execution in executions]


@functools.cache
def reference(execution, accumulation=None):
    data, arm = tracing.blobs(), ARM.model_copy(update={"accumulation": accumulation})
    common = {"model": MODEL, "execution": "idiomatic", "precision": "float64"}
    setup = set_up(tracing.numpy_in_float64(), data, arm, first=None, **common)
    return judged(
        timed.by_the_arm(setup, arm, largest=LARGEST, call_steps=CALL_STEPS),
        execution=execution,
        precision="float64",
    )


def of_few_steps(execution, accumulation=None):
    """The reference without what the tiny model comes to."""
    made = reference(execution, accumulation)
    return {key: value for key, value in made.items() if OVER_MANY_STEPS not in key.of}


def recorded(name, execution, accumulation=None):
    """What PyTorch's timed round does, with the plant or, for None, without."""
    from benchmarks.frameworks import pytorch

    pytorch.configure(threads=1, device="cpu", precision="float64")
    with PLANTS[name][1]() if name else contextlib.nullcontext():
        of_case = {"model": MODEL, "execution": execution, "largest": LARGEST}
        arm = ARM.model_copy(update={"accumulation": accumulation})
        return timed.by_throughput(pytorch, arm, tracing.blobs(), **of_case)


def late(begins):
    """From this step of a call of `fit` on it only computes the loss."""
    from benchmarks.frameworks.pytorch import Trainer

    step, shuffled = Trainer._step, Trainer._shuffled

    def counted(self, *given, **named):
        self.number = 0
        yield from shuffled(self, *given, **named)

    def at_first(self, *given):
        self.number = getattr(self, "number", 0) + 1
        return step(self, *given) if self.number <= begins else None

    return patch.multiple(Trainer, _shuffled=counted, _step=at_first)


def half_beyond(first):
    """Beyond this step since its start a call takes half of its steps."""

    def change(original, self, batches):
        taken = self.steps_taken
        return original(self, batches[: len(batches) // 2 or 1] if taken >= first else batches)

    return of_trainer("train", change)


def half_of_a_timing():
    """A call takes half of its steps in float32, with the budget of one step that only timings have."""
    import torch

    def change(original, self, batches):
        timing = self.settings.total_steps == 1 and self.dtype == torch.float32
        return original(self, batches[: len(batches) // 2 or 1] if timing else batches)

    return of_trainer("train", change)


def a_step_in_a_hundred_left_out():
    """Of a call, in float32."""
    import torch

    def change(original, self, batches):
        kept = batches[np.arange(1, len(batches) + 1) % 100 > 0]
        return original(self, kept if self.dtype == torch.float32 else batches)

    return of_trainer("train", change)


def a_tenth_left_out_of_large_batches():
    """Of a call of ten steps or more."""

    def change(original, self, batches):
        n = len(batches)
        return original(self, batches[: n - n // 10 if batches.shape[1] > 8 else n])

    return of_trainer("train", change)


def half_of_each_batch():
    """An epoch of `fit` has as many steps, each on the first half of its batch."""
    from benchmarks.frameworks.pytorch import Trainer

    step = Trainer._step

    def of_half(self, x, y, rate):
        n = len(y) // 2 if len(y) >= 16 else len(y)
        return step(self, x[:n], y[:n], rate)

    return patch.object(Trainer, "_step", of_half)


def half_of_the_examples(original, self, batch_size, *given, **length):
    """An epoch of `fit` has as many steps, of half the size, and on one half of the examples."""
    whole = self.examples, self.labels
    self.examples, self.labels = (each[: -(-len(each) // 2)] for each in whole)
    original(self, max(1, batch_size // 2), *given, **length)
    self.examples, self.labels = whole


def without_a_late_rest():
    """From the 65th batch of a call of `fit` on a smaller one is left out."""
    from benchmarks.frameworks.pytorch import Trainer

    shuffled = Trainer._shuffled

    def whole(self, batch_size, *given, **named):
        for number, (x, y) in enumerate(shuffled(self, batch_size, *given, **named)):
            if len(y) == batch_size or number < 64:
                yield x, y

    return patch.object(Trainer, "_shuffled", whole)


def indices_left_out_of_a_round():
    """Of a round at most 16,384 indices are drawn."""
    from benchmarks.recipe.batches import BatchStream

    original = BatchStream.batches

    def drawn(self, batch_size, *, first, count):
        return original(self, batch_size, first=first, count=min(count, 3 * (2**14 // (3 * batch_size))))

    return patch.object(BatchStream, "batches", drawn)


LATE = {
    "indices_are_left_out_of_a_round": ("fused", indices_left_out_of_a_round),
    "fit_leaves_the_small_batch_out_late": ("idiomatic", without_a_late_rest),
    "fit_trains_on_half_of_each_batch": ("idiomatic", half_of_each_batch),
    "fit_trains_on_half_of_the_examples": ("idiomatic", lambda: of_trainer("fit", half_of_the_examples)),
    "a_tenth_is_left_out_of_large_batches": ("fused", a_tenth_left_out_of_large_batches),
    "a_step_in_a_hundred_is_left_out": ("fused", a_step_in_a_hundred_left_out),
    "fit_only_computes_the_loss_late": ("idiomatic", lambda: late(100)),
    "a_call_takes_half_of_its_steps_late": ("fused", lambda: half_beyond(1000)),
    "a_call_takes_half_of_its_steps_where_it_is_timed": ("fused", half_of_a_timing),
}


def over_many_steps(name, execution, precision):
    """The tiny model after timed rounds of PyTorch, with the plant or, for None, without."""
    from benchmarks.frameworks import pytorch

    pytorch.configure(threads=1, device="cpu", precision=precision)
    with LATE[name][1]() if name else contextlib.nullcontext():
        of_case = {"model": MODEL, "execution": execution, "precision": precision, "largest": LARGEST}
        of_case["call_steps"] = CALL_STEPS
        return timed.over_many_steps(pytorch, ARM, tracing.blobs(), **of_case)


def beyond(made, execution, precision):
    """How many times its bound each quantity of a tiny model is from the reference."""
    exact = {key: value for key, value in reference(execution).items() if OVER_MANY_STEPS in key.of}
    found = differences(made, exact)
    assert len(found) > 2
    return {key: by / (BOUND if precision == "float64" else float32_bound(key)) for key, by in found.items()}


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("execution", EXECUTIONS)
def test_many_timed_steps_are_of_the_arms_training(in_torch, execution, precision):
    found = beyond(in_torch(over_many_steps, None, execution, precision), execution, precision)
    assert max(found.values()) < 0.5, found


@pytest.mark.parametrize("name", LATE)
def test_a_timed_round_that_is_of_another_training_late_or_in_float32_is_found(in_torch, name):
    execution = LATE[name][0]
    found = beyond(in_torch(over_many_steps, name, execution, "float32"), execution, "float32")
    assert max(found.values()) > 2, found


@pytest.fixture(scope="module")
def in_torch():
    pytest.importorskip("torch")
    yield from pytorch_process.torch_process()


@pytest.mark.parametrize("accumulation", [None, 4])
@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_timed_round_is_of_the_arms_training(in_torch, execution, accumulation):
    found = differences(
        in_torch(recorded, None, execution, accumulation), of_few_steps(execution, accumulation)
    )
    assert found
    assert max(found.values()) < BOUND, found


@pytest.mark.parametrize(
    ("settings", "plant", "told"),
    [
        ({"ghost_batch": 2}, lambda: set_up_of(ghost_batch=None), "ghost batches"),
        ({"mixed_precision": "bfloat16"}, lambda: set_up_of(mixed_precision=None), "products"),
        ({"accumulation": 4}, of_timing, "micro-batches"),
        ({}, lambda: set_up_of(first=512), "examples"),
    ],
)
def test_a_round_without_what_may_change_no_number_is_refused(settings, plant, told):
    arm = ARM.model_copy(update=settings)
    of_case = {"model": MODEL, "execution": "fused", "largest": LARGEST}
    with plant(), pytest.raises(RuntimeError, match=told):
        timed.by_throughput(tracing.numpy_in_float64(), arm, tracing.blobs(), **of_case)


@pytest.mark.parametrize(("name", "execution"), CASES)
def test_a_round_of_another_training_is_found(in_torch, name, execution):
    found = differences(in_torch(recorded, name, execution), of_few_steps(execution))
    assert max(found.values()) > BOUND, found


def test_no_batch_norm_of_examples_that_are_alike_lies_on_the_bend_of_a_relu():
    common = {"model": "c1", "execution": "idiomatic", "precision": "float64"}
    setup = set_up(tracing.numpy_in_float64(), tracing.blobs(), ARM, first=8, **common)
    betas = [value for name, value in timed.off_the_bend(setup).items() if name.endswith("beta")]
    assert len(betas) == 4 and all(value.all() for value in betas)


@pytest.mark.parametrize(
    "settings",
    [{"ghost_batch": 16}, {"clip_norm": None}, {"accumulation": 4}, {"augmentation": []}, {"decay": None}],
)
def test_arms_whose_steps_differ_are_not_timed_as_one(settings):
    arms = [ARM, ARM.model_copy(update={"name": "other", **settings})]
    assert timed.fault_of_step_kinds(arms) == ""
    with patch.object(Arm, "step_kind", PropertyMock(return_value="momentum")):
        assert "all and other, whose steps differ" in timed.fault_of_step_kinds(arms)
        assert timed.fault_of_step_kinds([ARM, ARM.model_copy(update={"learning_rate": 0.5})]) == ""
