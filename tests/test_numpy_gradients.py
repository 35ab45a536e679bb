"""Every gradient of the hand-written reference, held to central differences in float64."""

import math

import numpy as np
import pytest

from benchmarks import models
from benchmarks.frameworks.numpy_parts.layers import Tensors
from benchmarks.frameworks.numpy_parts.network import KINDS, Chain, cross_entropy, model
from benchmarks.frameworks.trainer import scores
from benchmarks.models import layers as spec
from benchmarks.models.layer import Layer, walk
from benchmarks.models.parameters import initial_parameters, trained

RANDOM = np.random.default_rng(0)
IMAGE, WIDE, TEXT = (5, 6, 4), (7, 9, 2), (5, 6)
NESTED = spec.Residual(
    (
        spec.Conv(4, stride=2),
        spec.Residual((spec.LayerNorm(), spec.GELU(), spec.Dropout(0.25))),
        spec.BatchNorm(),
    ),
    (spec.Conv(4, size=1, stride=2, bias=False), spec.GroupNorm(groups=2)),
)
CASES = {
    "dense": ([spec.Dense(3)], (4,)),
    "dense without bias": ([spec.Dense(3, bias=False)], (4,)),
    "dense on text": ([spec.Dense(3)], TEXT),
    "conv 3": ([spec.Conv(3)], IMAGE),
    "conv 5 without bias": ([spec.Conv(3, size=5, bias=False)], WIDE),
    "conv 1": ([spec.Conv(3, size=1)], IMAGE),
    "conv 3 / 2": ([spec.Conv(3, stride=2)], IMAGE),
    "conv 5 / 3": ([spec.Conv(2, size=5, stride=3)], WIDE),
    "conv 1 / 2": ([spec.Conv(3, size=1, stride=2)], WIDE),
    "batch norm of vectors": ([spec.BatchNorm()], (4,)),
    "batch norm of images": ([spec.BatchNorm(epsilon=0.5)], IMAGE),
    "batch norm of text": ([spec.BatchNorm()], TEXT),
    "batch norm of one ghost batch": ([spec.BatchNorm(ghost=3)], IMAGE),
    "batch norm of two ghost batches": ([spec.BatchNorm(ghost=2)], IMAGE),
    "batch norm of two ghost batches of text": ([spec.BatchNorm(ghost=2)], TEXT),
    "group norm": ([spec.GroupNorm(groups=2)], IMAGE),
    "group norm of one channel": ([spec.GroupNorm(groups=4, epsilon=0.5)], IMAGE),
    "layer norm of text": ([spec.LayerNorm()], TEXT),
    "layer norm of images": ([spec.LayerNorm(epsilon=0.5)], IMAGE),
    "relu": ([spec.ReLU()], IMAGE),
    "gelu": ([spec.GELU()], IMAGE),
    "max pool 2": ([spec.MaxPool()], IMAGE),
    "max pool 3 / 2": ([spec.MaxPool(3, stride=2)], WIDE),
    "padded max pool 3 / 2": ([spec.MaxPool(3, stride=2, padded=True)], WIDE),
    "padded max pool wider than the input": ([spec.MaxPool(5, stride=3, padded=True)], (7, 1, 2)),
    "average pool 2": ([spec.AveragePool()], IMAGE),
    "average pool 3 / 1": ([spec.AveragePool(3, stride=1)], WIDE),
    "pools wider than the input": ([spec.MaxPool(3), spec.AveragePool(3, stride=1)], (7, 1, 2)),
    "global average pool": ([spec.GlobalAveragePool()], IMAGE),
    "flatten": ([spec.Flatten()], IMAGE),
    "dropout": ([spec.Dropout(0.25)], IMAGE),
    "random shift": ([spec.RandomShift(2)], WIDE),
    "random flip": ([spec.RandomFlip()], WIDE),
    "residual": ([spec.Residual((spec.Dense(4), spec.ReLU()))], (4,)),
    "nested residual": ([NESTED, spec.Residual((spec.Conv(4),))], IMAGE),
    "position embedding": ([spec.PositionEmbedding()], TEXT),
    "attention": ([spec.Attention(2)], TEXT),
    "text": ([spec.Embedding(7, 6), spec.Residual((spec.Attention(3), spec.Dropout(0.5)))], (5,)),
}


def built(layers, shape, *, dtype="float64"):
    """A chain of hand-written layers whose parameters are all random, and its tensors."""
    parameters = initial_parameters(layers, shape, seed=1)
    for name in trained(parameters):
        parameters[name] = RANDOM.normal(0.5, 0.5, parameters[name].shape).astype(dtype)
    gradients = {name: np.zeros_like(parameters[name]) for name in trained(parameters)}
    tensors = Tensors(parameters, gradients)
    return Chain(layers, shape, tensors), tensors


def example_batch(layers, shape):
    """Four examples: tokens in front of an embedding, else numbers away from the kinks of the layers."""
    if models.takes_tokens(layers):
        return RANDOM.integers(layers[0].vocabulary, size=(4, *shape))
    return RANDOM.permutation(np.linspace(-2, 2, 4 * math.prod(shape))).reshape(4, *shape) + 1e-3


def central_differences(value, array, step=1e-6):
    """∂value/∂array, number by number."""
    found = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        middle = array[place]
        array[place] = middle + step
        above = value()
        array[place] = middle - step
        found[place] = (above - value()) / (2 * step)
        array[place] = middle
    return found


def close(found, expected, bound=1e-7):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= bound * max(1.0, np.abs(expected).max())


def test_every_layer_is_here_and_checked():
    everything = {type(place.layer) for layers, shape in CASES.values() for place in walk(layers, shape)}
    concrete = {
        kind
        for kind in vars(spec).values()
        if isinstance(kind, type) and issubclass(kind, Layer) and not kind.__subclasses__()
    }
    assert everything == concrete == set(KINDS)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_central_differences(case):
    layers, shape = CASES[case]
    chain, (parameters, gradients) = built(layers, shape)
    x = example_batch(layers, shape)
    generators = {name: array.copy() for name, array in parameters.items() if name.endswith("generator")}

    def output():
        for name, start in generators.items():
            parameters[name][...] = start
        return chain.forward(x, training=True)

    weights = RANDOM.normal(size=output().shape)
    dx = chain.backward(weights)
    for name, gradient in gradients.items():
        close(gradient.copy(), central_differences(lambda: (output() * weights).sum(), parameters[name]))
    if dx is not None:
        close(dx, central_differences(lambda: (output() * weights).sum(), x))
    assert (dx is None) == models.takes_tokens(layers)


@pytest.mark.parametrize("shape", [(4, 5), (3, 2, 5)])
def test_the_loss_is_the_mean_over_all_labels_and_so_is_its_gradient(shape):
    logits, labels = RANDOM.normal(size=shape), RANDOM.integers(shape[-1], size=shape[:-1])
    loss, gradient = cross_entropy(logits, labels)
    assert loss == pytest.approx(scores(logits, labels).loss, rel=1e-14)
    close(gradient, central_differences(lambda: cross_entropy(logits, labels)[0], logits))
    assert np.isfinite(cross_entropy(logits * 1e4, labels)[0])


@pytest.mark.parametrize("behind", [(), (spec.Flatten(),), (spec.RandomFlip(), spec.MaxPool())])
def test_a_whole_model_gets_every_gradient_though_the_data_needs_none(behind):
    layers = [
        *behind,
        spec.Flatten(),
        spec.Dense(4, bias=False),
        spec.BatchNorm(),
        spec.GELU(),
        spec.Dense(3),
    ]
    _, tensors = built(layers, IMAGE)
    whole, x = model(layers, IMAGE, tensors), example_batch(layers, IMAGE)
    labels = np.array([0, 2, 1, 2])
    start = {name: array.copy() for name, array in tensors.parameters.items() if name.endswith("generator")}

    def loss_and_gradient():
        for name, array in start.items():
            tensors.parameters[name][...] = array
        return cross_entropy(whole.forward(x, training=True), labels)

    assert whole.backward(loss_and_gradient()[1]) is None
    for name, gradient in tensors.gradients.items():
        expected = central_differences(lambda: loss_and_gradient()[0], tensors.parameters[name])
        assert np.abs(expected).max() > 1e-6
        close(gradient.copy(), expected)


@pytest.mark.parametrize("case", CASES)
def test_float32_stays_float32_both_ways(case):
    layers, shape = CASES[case]
    chain, _ = built(layers, shape, dtype="float32")
    x = example_batch(layers, shape)
    y, within = chain.outputs(x.astype(np.float32) if x.dtype.kind == "f" else x)
    assert {array.dtype for array in within.values()} == {y.dtype} == {np.dtype("float32")}
    dx = chain.backward(np.ones_like(y))
    assert dx is None or dx.dtype == np.float32
