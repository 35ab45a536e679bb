"""Training in PyTorch keeps the trainer's contract, and both executions compute the recipe's equations."""

import math

import numpy as np
import pytest
from pytorch_process import trainer

from benchmarks.frameworks.trainer import scores
from benchmarks.models import layers as L
from benchmarks.recipe.optimizer import Optimizer, Schedule

EXECUTIONS = ("idiomatic", "fused")
RANDOM = np.random.default_rng(1)
IMAGES = RANDOM.normal(size=(9, 5, 4, 6))

NETWORK = [
    *(L.Conv(4, stride=2, bias=False), L.BatchNorm(), L.ReLU(), L.MaxPool(2), L.Dropout(0.25)),
    *(L.Flatten(), L.Dense(3)),
]
COSINE = {"total_steps": 12, "schedule": Schedule(shape="cosine", warm_up=0.25)}
ADAM = {"beta_1": 0.75, "beta_2": 0.875, "epsilon": 1e-3}
OPTIMIZERS = [
    {"name": "sgd"},
    {"name": "sgd", "weight_decay": 0.125, "decay": "decoupled", "clip_norm": 0.5},
    {"name": "momentum", "momentum": 0.875, "weight_decay": 0.125, "clip_norm": 0.5},
    {"name": "momentum", "momentum": 0.875, "weight_decay": 0.125, "decay": "decoupled"},
    {"name": "nesterov", "momentum": 0.875, "weight_decay": 0.125},
    {"name": "nesterov", "momentum": 0.875, "weight_decay": 0.125, "decay": "decoupled", "clip_norm": 0.5},
    {"name": "adam", **ADAM, "clip_norm": 0.5},
    {"name": "adam", **ADAM, "weight_decay": 0.125},
    {"name": "adam", **ADAM, "weight_decay": 0.125, "decay": "decoupled"},
    {"name": "adamw", **ADAM, "weight_decay": 0.125, "clip_norm": 0.5},
    {"name": "adamw", **ADAM},
]


def batches(steps, size):
    return np.random.default_rng(2).integers(9, size=(steps, size)).astype(np.int32)


def training(layers, optimizer, execution, *, precision="float64", compiled=(), times=1):
    """Everything that a training leaves, `times` times from a reset on."""
    y = (np.arange(9) % 3).astype(np.int32)
    made, start = trainer(layers, IMAGES, y, optimizer=optimizer, execution=execution, precision=precision)
    for size in compiled:
        made.compile(size)
    for _ in range(times):
        made.reset(start)
        steps = [made.train(batches(12, 4)[:5]), made.train(batches(12, 4)[5:])]
    loss, norm = zip(*steps, strict=True)
    found = {"loss": np.concatenate(loss), "logits": made.logits(IMAGES)}
    found |= made.parameters() | made.optimizer_state()
    return found if norm[0] is None else found | {"norm": np.concatenate(norm)}


@pytest.mark.parametrize("settings", OPTIMIZERS, ids=str)
def test_both_executions_take_the_same_steps(in_torch, settings):
    optimizer = Optimizer(learning_rate=0.0625, **COSINE, **settings)
    one, other = (in_torch(training, NETWORK, optimizer, execution) for execution in EXECUTIONS)
    assert set(one) == set(other)
    assert ("norm" in one) == ("clip_norm" in settings)
    assert {name.split()[0] for name in one if " " in name} == set(optimizer.slots)
    for name, value in one.items():
        np.testing.assert_allclose(other[name], value, rtol=1e-12, atol=1e-12, err_msg=name)


def updated(optimizer, arrays, gradients):
    """Parameters and norms after a fused update from each of the gradients."""
    import torch

    from benchmarks.frameworks.torch_parts.optimizer import FusedOptimizer

    parameters = [torch.from_numpy(array.copy()) for array in arrays]
    fused = FusedOptimizer(optimizer, parameters)
    for row, gradient in zip(fused.coefficients(0, len(gradients)), gradients, strict=True):
        fused.step([torch.from_numpy(g.copy()) for g in gradient], row)
    return [tensor.numpy() for tensor in parameters]


@pytest.mark.parametrize("settings", OPTIMIZERS, ids=str)
def test_the_fused_update_is_the_equation_of_the_recipe(in_torch, settings):
    optimizer = Optimizer(learning_rate=0.0625, **COSINE, **settings)
    start = [RANDOM.normal(size=shape) for shape in ((3, 4), (5,))]
    gradients = [[RANDOM.normal(size=array.shape) for array in start] for _ in range(6)]
    found = in_torch(updated, optimizer, start, gradients)
    state = [(np.zeros_like(array),) * len(optimizer.slots) for array in start]
    for row, gradient in zip(optimizer.coefficients(0, 6), gradients, strict=True):
        norm = math.sqrt(sum(np.sum(g * g) for g in gradient))
        scale = min(1.0, (optimizer.clip_norm or math.inf) / norm)
        for i, g in enumerate(gradient):
            start[i], state[i] = optimizer.step(start[i], scale * g, state[i], row)
    for one, other in zip(found, start, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_kernels_are_given_gradients_in_the_order_of_the_parameters(in_torch):
    start, gradient = RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(4, 3)).T
    (found,) = in_torch(updated, Optimizer(name="sgd", learning_rate=0.5), [start], [[gradient]])
    np.testing.assert_allclose(found, start - 0.5 * gradient, rtol=1e-12)


ADAM_CLIPPED = Optimizer(name="adam", learning_rate=0.0625, clip_norm=0.5, **COSINE)


def around_capture():
    """Everything a step changes, before and after capturing it for two batch sizes."""
    made, _ = trainer(NETWORK, IMAGES, optimizer=ADAM_CLIPPED)
    made.train(batches(3, 4))
    before = made.parameters() | made.optimizer_state()
    seconds = made.compile(3), made.compile(2)
    return before, made.parameters() | made.optimizer_state(), seconds


def test_capturing_leaves_everything_as_it_was(in_torch):
    before, after, seconds = in_torch(around_capture)
    assert min(seconds) > 0
    assert before["4.generator"][1] == 3
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_reset_starts_the_same_training_again(in_torch, execution):
    once = in_torch(training, NETWORK, ADAM_CLIPPED, execution)
    again = in_torch(repeated, NETWORK, ADAM_CLIPPED, execution)
    for name, value in once.items():
        np.testing.assert_array_equal(again[name], value, err_msg=name)


def repeated(*arguments):
    return training(*arguments, compiled=(4, 9), times=2)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_dropout_from_pytorch_draws_anew_in_every_step_and_the_same_after_a_reset(in_torch, execution):
    layers = [L.Flatten(), L.Dropout(0.5, source="framework"), L.Dense(3)]
    first, second = in_torch(losses_of_one_batch, layers, execution)
    assert len(set(first)) == 6
    np.testing.assert_array_equal(first, second)


def losses_of_one_batch(layers, execution):
    """Losses of six steps on the same batch that move nothing, twice."""
    frozen = Optimizer(name="sgd", learning_rate=1e-30)
    made, start = trainer(layers, IMAGES, optimizer=frozen, execution=execution)
    found = []
    for _ in range(2):
        made.reset(start)
        found.append(made.train(np.tile(np.arange(9, dtype=np.int32), (6, 1))).loss)
    return found


TOKENS = (np.arange(90, dtype=np.int32).reshape(9, 10) * 7 % 11).astype(np.int32)
READER = [L.Embedding(11, 8), L.PositionEmbedding(), L.Attention(2), L.LayerNorm(), L.Dense(11)]


def of_text(execution):
    made, _ = trainer(READER, TOKENS[:, :-1], TOKENS[:, 1:], execution=execution)
    rows = np.arange(9, dtype=np.int32)[np.newaxis]
    return made.logits(TOKENS[:, :-1]), made.train(rows), made.load_batches(batches(3, 4)).labels


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_the_loss_of_text_is_the_mean_over_positions(in_torch, execution):
    logits, steps, read = in_torch(of_text, execution)
    assert logits.shape == (9, 9, 11)
    assert steps.gradient_norm is None
    np.testing.assert_allclose(steps.loss, [scores(logits, TOKENS[:, 1:]).loss], rtol=1e-12)
    np.testing.assert_array_equal(read, TOKENS[:, 1:][batches(3, 4)])


def operations_of_reading():
    """What reading three batches runs, once it has been done before; the captures of both; the labels."""
    from unittest.mock import patch

    from torch.utils._python_dispatch import TorchDispatchMode

    from benchmarks.frameworks.torch_parts import fused

    class Record(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(str(function))
            return function(*args, **(kwargs or {}))

    made, _ = trainer(NETWORK, IMAGES, np.arange(9, dtype=np.int32))
    with patch.object(fused, "_operations", wraps=fused._operations) as capture:
        made.load_batches(batches(2, 4))
        seen, at_first = [], capture.call_count
        with Record():
            read = made.load_batches(batches(3, 4)).labels
        again = capture.call_count
    return seen, (at_first, again), read


def test_reading_replays_the_gathers_of_a_step_and_captures_nothing_the_second_time(in_torch):
    seen, captures, read = in_torch(operations_of_reading)
    assert captures == (1, 1)
    gathers = [name for name in seen if "index_select" in name]
    assert gathers == ["aten.index_select.out", "aten.index_select.default"] * 3
    np.testing.assert_array_equal(read, batches(3, 4))


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_examples_that_were_read_stay_when_others_are_read(in_torch, execution):
    rows = batches(3, 4)
    for examples, row in zip(in_torch(examples_read, execution), (rows[-1], rows[0]), strict=True):
        np.testing.assert_array_equal(examples, IMAGES[row])


def examples_read(execution):
    made, _ = trainer(NETWORK, IMAGES, execution=execution)
    rows = batches(3, 4)
    return made.load_batches(rows).last(), made.load_batches(rows[:1]).last()


def in_both_precisions():
    settings = Optimizer(name="momentum", momentum=0.5, learning_rate=0.125)
    return [training(NETWORK, settings, "fused", precision=each) for each in ("float64", "float32")]


def test_one_process_trains_in_one_precision_after_the_other(in_torch):
    double, single = in_torch(in_both_precisions)
    assert (double["loss"].dtype, single["loss"].dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(single["loss"], double["loss"], rtol=1e-4)
