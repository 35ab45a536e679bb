"""The trainer of the hand-written reference: what its steps do, in both executions."""

import numpy as np
import pytest
import threadpoolctl
from sklearn.datasets import load_digits

from benchmarks import frameworks, models
from benchmarks.frameworks import evaluation
from benchmarks.frameworks.trainer import EXECUTIONS, scores
from benchmarks.models import layers as spec
from benchmarks.models.layer import walk
from benchmarks.models.parameters import initial_parameters
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.optimizer import Optimizer, Schedule

numpy = frameworks.load("numpy")
SHAPE, STEPS = (8, 8, 1), 12
RANDOM = np.random.default_rng(4)
X, Y = RANDOM.random((30, *SHAPE), np.float32), RANDOM.integers(5, size=30).astype(np.int32)
BATCHES = BatchStream(30, seed=5).batches(7, first=0, count=STEPS)
LAYERS = [
    spec.RandomShift(1),
    *[spec.Conv(4, bias=False), spec.BatchNorm(), spec.ReLU(), spec.MaxPool()],
    spec.Residual((spec.Conv(6, stride=2), spec.GELU(), spec.Dropout(0.25)), (spec.Conv(6, 1, 2),)),
    *[spec.Flatten(), spec.Dense(5)],
]
numpy.configure(threads=1, device="cpu", precision="float64")
WARM = Schedule(shape="cosine", warm_up=0.25)
OPTIMIZERS = {
    "sgd": Optimizer(name="sgd", learning_rate=0.1, schedule=WARM, total_steps=STEPS),
    "momentum": Optimizer(name="momentum", learning_rate=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": Optimizer(name="nesterov", learning_rate=0.1, momentum=0.9, clip_norm=0.5),
    "adam": Optimizer(name="adam", learning_rate=0.01, schedule=WARM, total_steps=STEPS),
    "adamw": Optimizer(name="adamw", learning_rate=0.01, weight_decay=0.1, clip_norm=100.0),
}


def trainer(optimizer, *, layers=LAYERS, x=X, y=Y, precision="float64", execution="idiomatic"):
    """A trainer that has taken its initial parameters."""
    made = numpy.Trainer(
        layers=layers,
        optimizer=optimizer,
        examples=x,
        labels=y,
        precision=precision,
        execution=execution,
    )
    made.reset(initial_parameters(layers, x.shape[1:], seed=6))
    return made


def everything(made):
    """All that a training leaves behind."""
    return {**made.parameters(), **made.optimizer_state(), "logits": made.logits(X)}


def after_batches_of_eight(layers, execution, **settings):
    """All that a training of twelve steps leaves behind, and its losses and norms."""
    optimizer = OPTIMIZERS["nesterov"].model_copy(update=settings)
    made = trainer(optimizer, layers=layers, execution=execution)
    taken = made.train(BatchStream(30, seed=5).batches(8, first=0, count=STEPS))
    return {**everything(made), "loss": taken.loss, "norm": taken.gradient_norm}


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("accumulation", [2, 4, 8])
def test_accumulated_gradients_are_those_of_the_whole_batch(accumulation, execution):
    layers = [spec.Conv(4), spec.GroupNorm(2), spec.GELU(), spec.Flatten(), spec.Dense(5)]
    whole = after_batches_of_eight(layers, execution)
    for name, array in after_batches_of_eight(layers, execution, accumulation=accumulation).items():
        np.testing.assert_allclose(array, whole[name], rtol=0, atol=1e-12 * abs(whole[name]).max())


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_micro_batches_pass_a_batch_norm_as_ghost_batches_do(execution):
    def normed(ghost):
        return [
            spec.Conv(4, bias=False),
            spec.BatchNorm(ghost=ghost),
            spec.ReLU(),
            spec.Flatten(),
            spec.Dense(5),
        ]

    ghosts = after_batches_of_eight(normed(2), execution)
    for name, array in after_batches_of_eight(normed(None), execution, accumulation=4).items():
        np.testing.assert_allclose(array, ghosts[name], rtol=0, atol=1e-12 * abs(ghosts[name]).max())
    plain = after_batches_of_eight(normed(None), execution)
    assert abs(plain["logits"] - ghosts["logits"]).max() > 1e-3


def by_one_reckoning(optimizer, parameters, gradients, state, row):
    """What the optimizer's equation gives for each parameter, and the norm of the gradients."""
    norm = np.sqrt(sum(np.square(gradient).sum() for gradient in gradients.values()))
    factor = min(1.0, optimizer.clip_norm / norm) if optimizer.clip_norm else 1.0
    found = {}
    for name, gradient in gradients.items():
        slots = tuple(state[f"{slot} {name}"] for slot in optimizer.slots)
        found[name], moved = optimizer.step(parameters[name], factor * gradient, slots, row)
        found |= {f"{slot} {name}": value for slot, value in zip(optimizer.slots, moved, strict=True)}
    return found, norm


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_step_is_the_optimizers_equation_on_the_gradients(name, execution):
    optimizer = OPTIMIZERS[name]
    made = trainer(optimizer, execution=execution)
    for step, row in enumerate(optimizer.coefficients(0, 3)):
        before, state = made.parameters(), made.optimizer_state()
        steps = made.train(BATCHES[step : step + 1])
        # The gradients as the layers stored them: clipping scales them in place, which is undone here.
        stored = {key: array.copy() for key, array in made.tensors.gradients.items()}
        if optimizer.clip_norm:
            scale = max(1.0, steps.gradient_norm[0] / optimizer.clip_norm)
            stored = {key: scale * array for key, array in stored.items()}
        expected, norm = by_one_reckoning(optimizer, before, stored, state, row)
        after = {**made.parameters(), **made.optimizer_state()}
        for key, value in expected.items():
            np.testing.assert_allclose(after[key], value, rtol=1e-12, atol=1e-15)
        assert steps.gradient_norm is None or steps.gradient_norm[0] == pytest.approx(norm, rel=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_both_executions_compute_the_same_numbers(name):
    one, other = (trainer(OPTIMIZERS[name], execution=execution) for execution in EXECUTIONS)
    steps, others = one.train(BATCHES), other.train(BATCHES)
    np.testing.assert_allclose(steps.loss, others.loss, rtol=1e-13)
    found, expected = everything(one), everything(other)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-10, atol=1e-13)
    assert (steps.gradient_norm is None) == (OPTIMIZERS[name].clip_norm is None)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_training_in_parts_is_the_whole_and_a_reset_begins_anew(execution):
    made = trainer(OPTIMIZERS["adam"], execution=execution)
    start = everything(made)
    losses = made.train(BATCHES).loss
    whole = everything(made)
    made.reset(initial_parameters(LAYERS, SHAPE, seed=6))
    assert all((value == start[key]).all() for key, value in everything(made).items())
    parts = [made.train(part).loss for part in np.split(BATCHES, [1, 5])]
    np.testing.assert_array_equal(np.concatenate(parts), losses)
    assert all((value == whole[key]).all() for key, value in everything(made).items())


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("execution", EXECUTIONS)
def test_float32_stays_float32(name, execution):
    made = trainer(OPTIMIZERS[name], precision="float32", execution=execution)
    before, state = made.parameters(), made.optimizer_state()
    first = made.train(BATCHES[:1]).loss
    after = {**made.parameters(), **made.optimizer_state()}
    clipped, (row,) = (
        OPTIMIZERS[name].model_copy(update={"clip_norm": None}),
        made.optimizer.coefficients(0, 1),
    )
    expected, _ = by_one_reckoning(clipped, before, made.tensors.gradients, state, row.tolist())
    for key, value in expected.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(after[key], value)
    losses = np.concatenate([first, made.train(BATCHES[1:]).loss])
    kept = {key: value for key, value in everything(made).items() if not key.endswith("generator")}
    assert {value.dtype for value in (losses, *kept.values())} == {np.dtype("float32")}
    exact = trainer(OPTIMIZERS[name], execution=execution).train(BATCHES).loss
    np.testing.assert_allclose(losses, exact, rtol=1e-3)


def test_evaluation_takes_each_example_for_itself_and_leaves_no_trace(monkeypatch):
    monkeypatch.setattr(evaluation, "MOST_VALUES", 2000)
    made = trainer(OPTIMIZERS["sgd"])
    made.train(BATCHES)
    before, whole = made.parameters(), made.logits(X)
    np.testing.assert_allclose(made.logits(X[:1]), whole[:1], atol=1e-14)
    assert 1 < made.rows < 2 * len(X)
    np.testing.assert_allclose(made.logits(np.tile(X, (3, 1, 1, 1))), np.tile(whole, (3, 1)), atol=1e-14)
    assert all((value == before[name]).all() for name, value in made.parameters().items())


def test_layer_outputs_are_those_of_every_place_and_lead_from_one_to_the_next():
    made = trainer(OPTIMIZERS["sgd"])
    found = made.layer_outputs(X[:3])
    places = list(walk(LAYERS, SHAPE))
    assert list(found) == [place.path for place in places]
    for path, layer, shape in places:
        assert found[path].shape == (3, *layer.output_shape(shape))
    np.testing.assert_array_equal(found["5"], found["5.body.2"] + found["5.shortcut.0"])
    np.testing.assert_array_equal(found["3"], np.maximum(found["2"], 0))


def test_reading_gives_the_labels_of_the_batches():
    loaded = trainer(OPTIMIZERS["sgd"]).load_batches(BATCHES)
    np.testing.assert_array_equal(loaded.labels, Y[BATCHES])
    np.testing.assert_array_equal(loaded.last(), X[BATCHES[-1]])


def test_the_digits_are_learnt():
    bunch = load_digits()
    x, y = (bunch.images / 16).astype(np.float32)[..., np.newaxis], bunch.target.astype(np.int32)
    optimizer = Optimizer(name="momentum", learning_rate=0.05, momentum=0.9)
    made = trainer(optimizer, layers=models.spec("cnn", n_classes=10), x=x[:1200], y=y[:1200])
    losses = made.train(BatchStream(1200, seed=7).batches(32, first=0, count=150)).loss
    assert losses[-20:].mean() < 0.1 * losses[:5].mean()
    assert scores(made.logits(x[1200:]), y[1200:]).accuracy > 0.9


def test_a_text_is_learnt_by_heart():
    tokens = np.random.default_rng(8).integers(11, size=(4, 10)).astype(np.int32)
    optimizer = Optimizer(name="adamw", learning_rate=0.005, clip_norm=1.0)
    made = trainer(
        optimizer, layers=models.spec("transformer", n_classes=11), x=tokens, y=np.roll(tokens, -1, 1)
    )
    losses = made.train(np.tile(np.arange(4), (80, 1))).loss
    assert losses[0] > np.log(11) - 0.5
    assert losses[-1] < 0.2


def test_threads_are_set_and_the_device_is_the_cpu():
    numpy.configure(threads=1, device="auto", precision="float64")
    assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info()} == {1}
    assert numpy.switches()["blas_threads"] == 1
    assert numpy.device().kind == "cpu"
    assert numpy.peak_memory_mib() is None
    assert numpy.is_out_of_memory(MemoryError())
