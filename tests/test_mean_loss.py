"""The loss as a function of its parameters: its derivatives are held to differences and to NumPy."""

import numpy as np
import pytest

from benchmarks.frameworks.trainer import scores
from benchmarks.models import layers as L
from benchmarks.models.parameters import initial_parameters
from benchmarks.recipe.optimizer import Optimizer

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(23, 6, 5, 2))
LABELS = RANDOM.integers(0, 4, 23)
TEXT = RANDOM.integers(0, 9, (23, 7))
NEXT = RANDOM.integers(0, 9, (23, 7))
RICH = [L.RandomShift(), L.Conv(4, 3), L.BatchNorm(ghost=4), L.GELU(), L.MaxPool(2, 2), L.Dropout(0.5)]
RICH += [L.Residual([L.Conv(4, 3), L.LayerNorm()], []), L.Flatten(), L.Dense(4)]
VECTOR = [L.Flatten(), L.Dense(5), L.GELU(), L.Dense(4)]
NORMED = [L.Conv(4, 3), L.BatchNorm(), L.GELU(), L.GroupNorm(2), L.Flatten(), L.Dense(4)]
ATTENDING = [
    L.Embedding(9, 8),
    L.PositionEmbedding(),
    L.LayerNorm(),
    L.BatchNorm(),
    L.Attention(2),
    L.Dense(9),
]
MODELS = {
    "vector": (VECTOR, IMAGES, LABELS),
    "normed": (NORMED, IMAGES, LABELS),
    "rich": (RICH, IMAGES, LABELS),
    "attending": (ATTENDING, TEXT, NEXT),
}


def start(name):
    layers, examples, _ = MODELS[name]
    random = np.random.default_rng(5)
    return {
        key: value + (0.3 * np.abs(random.normal(size=value.shape)) if "generator" not in key else 0)
        for key, value in initial_parameters(layers, examples.shape[1:], seed=0).items()
    }


def made(name):
    """A mean loss and θ, in the process of PyTorch."""
    from benchmarks.frameworks import pytorch
    from benchmarks.frameworks.torch_parts import mean_loss

    pytorch.configure(threads=1, device="cpu", precision="float64")
    mean_loss.MOST_GRADIENTS = 1000  # so that there are several parts
    layers, examples, labels = MODELS[name]
    loss = mean_loss.MeanLoss(layers=layers, examples=examples, labels=labels)
    loss.rows = 10
    return loss, loss.at(start(name))


def in_float32(name):
    """The value, gradient and a second derivative in float64 and in float32."""
    from benchmarks.frameworks.torch_parts import mean_loss

    loss, theta = made(name)
    layers, examples, labels = MODELS[name]
    rounded = mean_loss.MeanLoss(layers=layers, examples=examples, labels=labels, precision="float32")
    rounded.at(start(name))
    vector = np.random.default_rng(1).normal(size=len(theta))
    return [(*each.value_and_gradient(theta), each.hessian_vector(theta, vector)) for each in (loss, rounded)]


@pytest.mark.parametrize("name", MODELS)
def test_in_float32_it_is_the_same_rounded(in_torch, name):
    exact, rounded = in_torch(in_float32, name)
    for one, other in zip(exact, rounded, strict=True):
        np.testing.assert_allclose(other, one, rtol=2e-3, atol=1e-5 * np.abs(one).max())
        assert not np.array_equal(one, other)


def values(name, thetas, chosen):
    loss, _ = made(name)
    return [loss.value(theta, chosen) for theta in thetas]


def derivatives(name, chosen, vector):
    loss, theta = made(name)
    examples = np.arange(23) if chosen is None else chosen
    of_each = np.stack([loss.gradient(theta, np.array([one])) for one in examples])
    return {
        "theta": theta,
        "tree": loss.tree(theta),
        "gradient": loss.gradient(theta, chosen),
        "of_each": of_each,
        "distances": loss.squared_distances(theta, vector, examples),
        "times_vector": loss.hessian_vector(theta, vector, chosen),
        "around": [loss.gradient(theta + step * 1e-5 * vector, chosen) for step in (1, -1)],
    }


def direction(name):
    size = sum(
        value.size for key, value in start(name).items() if "moving" not in key and "generator" not in key
    )
    return np.random.default_rng(1).normal(size=size)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("chosen", [None, np.array([3, 1, 20, 21])])
def test_derivatives_are_those_of_the_loss(in_torch, name, chosen):
    vector = direction(name)
    found = in_torch(derivatives, name, chosen, vector)
    theta, gradient = found["theta"], found["gradient"]
    up, down = in_torch(values, name, [theta + 1e-5 * vector, theta - 1e-5 * vector], chosen)
    assert gradient @ vector == pytest.approx((up - down) / 2e-5, rel=1e-6)
    np.testing.assert_allclose(found["of_each"].mean(axis=0), gradient, rtol=1e-9, atol=1e-12)
    distances = np.sum((found["of_each"] - vector) ** 2, axis=1)
    np.testing.assert_allclose(found["distances"], distances, rtol=1e-9)
    differences = (found["around"][0] - found["around"][1]) / 2e-5
    size = np.linalg.norm(differences)
    assert np.linalg.norm(found["times_vector"] - differences) < 1e-6 * size


@pytest.mark.parametrize("name", MODELS)
def test_theta_is_the_tree_in_its_order(in_torch, name):
    found = in_torch(derivatives, name, None, direction(name))
    expected = {
        key: value for key, value in start(name).items() if "moving" not in key and "generator" not in key
    }
    assert list(found["tree"]) == list(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(found["tree"][key], value)


@pytest.mark.parametrize("name", MODELS)
def test_the_loss_is_that_of_an_evaluation_by_numpy(in_torch, numpy, name):
    layers, examples, labels = MODELS[name]
    settings = {"optimizer": Optimizer(name="sgd", learning_rate=0.5), "precision": "float64"}
    trainer = numpy.Trainer(layers=layers, examples=examples, labels=labels, execution="fused", **settings)
    trainer.reset(start(name))
    expected = scores(trainer.logits(examples), labels).loss
    theta = in_torch(derivatives, name, None, direction(name))["theta"]
    assert in_torch(values, name, [theta], None) == [pytest.approx(expected, rel=1e-12)]


def test_gradients_are_those_of_numpys_training_where_nothing_depends_on_the_mode(in_torch, numpy):
    settings = {"optimizer": Optimizer(name="sgd", learning_rate=1.0), "precision": "float64"}
    trainer = numpy.Trainer(layers=VECTOR, examples=IMAGES, labels=LABELS, execution="fused", **settings)
    trainer.reset(start("vector"))
    trainer.train(np.arange(23)[np.newaxis])
    moved = trainer.parameters()
    gradient = np.concatenate([(start("vector")[key] - moved[key]).ravel() for key in moved])
    found = in_torch(derivatives, "vector", None, direction("vector"))["gradient"]
    np.testing.assert_allclose(found, gradient, rtol=1e-9, atol=1e-12)
