"""Every output of the hand-written reference, held to another way of computing it."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.signal import correlate2d
from scipy.stats import norm

from benchmarks.frameworks.numpy_parts.layers import Tensors
from benchmarks.frameworks.numpy_parts.network import Chain
from benchmarks.models import layers as spec
from benchmarks.models.parameters import initial_parameters, trained
from benchmarks.recipe import randomness

RANDOM = np.random.default_rng(2)
X = RANDOM.normal(size=(3, 6, 7, 4))


def output(layer, x=X, *, training=True):
    """y of one layer whose parameters are random, the layer itself, and its parameters."""
    parameters = initial_parameters([layer], x.shape[1:], seed=3)
    for name in trained(parameters):
        parameters[name] = RANDOM.normal(size=parameters[name].shape)
    gradients = {name: np.zeros_like(parameters[name]) for name in trained(parameters)}
    chain = Chain([layer], x.shape[1:], Tensors(parameters, gradients))
    y = chain.forward(x, training=training)
    return y, chain, {name.removeprefix("0."): array for name, array in parameters.items()}


def bits(parameters, count, n):
    """The shared random bits that a layer draws first."""
    key = parameters["generator"][:1].astype(np.int32)
    return randomness.bits(np.arange(n, dtype=np.int32), key, np.array([count], np.int32))


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_convolution_is_scipys_within_zeros_at_every_stride(size, stride):
    y, _, parameters = output(spec.Conv(2, size=size, stride=stride))
    for n in range(len(X)):
        for f in range(2):
            planes = [
                correlate2d(np.pad(X[n, :, :, c], size // 2), parameters["kernel"][:, :, c, f], "valid")
                for c in range(4)
            ]
            expected = sum(planes)[::stride, ::stride] + parameters["bias"][f]
            np.testing.assert_allclose(y[n, :, :, f], expected, atol=1e-13)


@pytest.mark.parametrize(("kind", "reduce"), [(spec.MaxPool, np.max), (spec.AveragePool, np.mean)])
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (2, 1), (3, 3)])
def test_pooling_leaves_out_what_fills_no_window(kind, reduce, size, stride):
    y, _, _ = output(kind(size, stride))
    rows, columns = range(0, 6 - size + 1, stride), range(0, 7 - size + 1, stride)
    expected = [[reduce(X[:, i : i + size, j : j + size], axis=(1, 2)) for j in columns] for i in rows]
    np.testing.assert_allclose(y, np.array(expected).transpose(2, 0, 1, 3), atol=1e-15)


@pytest.mark.parametrize(("size", "stride"), [(3, 2), (3, 1), (5, 2), (5, 3)])
def test_a_padded_pool_begins_before_the_image_and_takes_no_number_from_there(size, stride):
    x = X - 100  # zeros around it would win
    y, chain, _ = output(spec.MaxPool(size, stride, padded=True), x)
    reach = size // 2
    expected = [
        [
            x[:, max(0, i - reach) : i + reach + 1, max(0, j - reach) : j + reach + 1].max(axis=(1, 2))
            for j in range(0, 7, stride)
        ]
        for i in range(0, 6, stride)
    ]
    np.testing.assert_array_equal(y, np.array(expected).transpose(2, 0, 1, 3))
    assert chain.backward(np.ones_like(y)).sum() == y.size


@pytest.mark.parametrize(
    ("size", "expected"),
    [(2, [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0]]), (3, [[1, 0, 0, 0], *[[0] * 4] * 3])],
)
def test_of_equal_values_the_first_takes_the_gradient(size, expected):
    x = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 2], [0, 0, 2, 1]], float)[np.newaxis, ..., np.newaxis]
    y, chain, _ = output(spec.MaxPool(size), x)
    assert chain.backward(np.ones_like(y))[0, ..., 0].tolist() == expected


def test_windows_that_overlap_add_their_gradients():
    x = np.zeros((1, 5, 5, 1))
    x[0, 2, 2] = 1
    y, chain, _ = output(spec.MaxPool(3), x)
    assert chain.backward(np.ones_like(y)).sum() == chain.backward(np.ones_like(y))[0, 2, 2, 0] == 4


def test_a_pool_shows_what_is_not_a_number():
    for place in np.ndindex(2, 2):
        x = np.zeros((1, 2, 2, 1))
        x[0, *place] = np.nan
        assert np.isnan(output(spec.MaxPool(), x)[0]).all()


def test_the_gradient_of_relu_at_zero_is_zero():
    y, chain, _ = output(spec.ReLU(), np.array([[-1.0, 0.0, 2.0]]))
    assert y.tolist() == [[0, 0, 2]]
    assert chain.backward(np.ones_like(y)).tolist() == [[0, 0, 1]]


def test_gelu_is_the_exact_one():
    y, _, _ = output(spec.GELU())
    np.testing.assert_allclose(y, X * norm.cdf(X), atol=1e-15)


def test_batch_norm_normalises_by_the_batch_and_averages_the_biased_variance():
    layer = spec.BatchNorm(momentum=0.75, epsilon=1e-3)
    y, chain, parameters = output(layer)
    flat = X.reshape(-1, 4)
    scaled = (flat - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-3) * parameters["gamma"] + parameters["beta"]
    np.testing.assert_allclose(y.reshape(-1, 4), scaled, atol=1e-13)
    chain.forward(2 * X, training=True)
    mean = 0.75 * (0.25 * flat.mean(0)) + 0.25 * 2 * flat.mean(0)
    variance = 0.75 * (0.75 * 1 + 0.25 * flat.var(0)) + 0.25 * 4 * flat.var(0)
    np.testing.assert_allclose(parameters["moving_mean"], mean, atol=1e-14)
    np.testing.assert_allclose(parameters["moving_variance"], variance, atol=1e-14)
    evaluated = (flat - mean) / np.sqrt(variance + 1e-3) * parameters["gamma"] + parameters["beta"]
    np.testing.assert_allclose(chain.forward(X, training=False).reshape(-1, 4), evaluated, atol=1e-13)
    np.testing.assert_array_equal(parameters["moving_mean"], mean)


def test_ghost_batches_are_normalised_as_if_each_came_by_itself():
    layer = spec.BatchNorm(momentum=0.75, epsilon=1e-3, ghost=2)
    x = RANDOM.normal(size=(6, 3, 4))
    y, _, parameters = output(layer, x)
    _, plain, alone = output(dataclasses.replace(layer, ghost=None), x, training=False)
    for name in ("gamma", "beta"):
        alone[name][...] = parameters[name]
    parts = [plain.forward(x[at : at + 2], training=True) for at in (0, 2, 4)]
    np.testing.assert_allclose(y, np.concatenate(parts), atol=1e-14)
    for name in ("moving_mean", "moving_variance"):
        np.testing.assert_allclose(parameters[name], alone[name], atol=1e-14)


def test_group_norm_takes_each_example_and_group_for_itself():
    y, _, parameters = output(spec.GroupNorm(groups=2, epsilon=1e-3))
    for n in range(3):
        for channels in (slice(0, 2), slice(2, 4)):
            part = X[n, :, :, channels]
            normal = (part - part.mean()) / np.sqrt(part.var() + 1e-3)
            expected = normal * parameters["gamma"][channels] + parameters["beta"][channels]
            np.testing.assert_allclose(y[n, :, :, channels], expected, atol=1e-13)


def test_attention_looks_back_alone_and_weighs_by_the_scaled_softmax():
    x = RANDOM.normal(size=(2, 5, 6))
    y, chain, p = output(spec.Attention(2), x)
    q, k, v = (x @ p[f"{name}_kernel"] + p[f"{name}_bias"] for name in ("query", "key", "value"))
    joined = np.zeros_like(x)
    for n, head, t in np.ndindex(2, 2, 5):
        of = slice(3 * head, 3 * head + 3)
        powers = [math.exp(q[n, t, of] @ k[n, s, of] / math.sqrt(3)) for s in range(t + 1)]
        joined[n, t, of] = sum(power * v[n, s, of] for s, power in enumerate(powers)) / sum(powers)
    np.testing.assert_allclose(y, joined @ p["output_kernel"] + p["output_bias"], atol=1e-12)
    x[:, 3:] = 0
    np.testing.assert_array_equal(chain.forward(x, training=True)[:, :3], y[:, :3])


def test_embeddings_are_rows_of_their_tables():
    tokens = np.array([[0, 2, 2], [1, 0, 2]])
    y, chain, parameters = output(spec.Embedding(3, 4), tokens)
    np.testing.assert_array_equal(y, parameters["table"][tokens])
    y, _, parameters = output(spec.PositionEmbedding(), y)
    np.testing.assert_array_equal(y[1, 2], chain.layers[0].parameters["table"][2] + parameters["table"][2])


def test_dropout_draws_one_number_for_each_of_x_in_order_and_counts():
    y, chain, parameters = output(spec.Dropout(0.25))
    for count in range(2):
        kept = (bits(parameters, count, X.size) / 2**randomness.BITS >= 0.25).reshape(X.shape)
        np.testing.assert_allclose(y, np.where(kept, X / 0.75, 0), atol=1e-15)
        assert 0.6 < kept.mean() < 0.9
        y = chain.forward(X, training=True)
    assert parameters["generator"][1] == 3


def test_dropout_with_a_generator_of_its_own_keeps_the_mean_and_draws_nothing_shared():
    x = np.ones((100, 1000))
    y, _, parameters = output(spec.Dropout(0.25, source="framework"), x)
    assert set(np.unique(y)) == {0, 1 / 0.75}
    assert y.mean() == pytest.approx(1, abs=5 * math.sqrt(1 / 3 / x.size))
    assert parameters["generator"][1] == 0


def test_shifts_move_each_image_by_its_own_two_numbers():
    y, _, parameters = output(spec.RandomShift(2))
    by = np.floor(5 * bits(parameters, 0, 6) / 2**randomness.BITS).astype(int).reshape(3, 2) - 2
    expected = np.zeros_like(X)
    for n, i, j in np.ndindex(3, 6, 7):
        row, column = i + by[n, 0], j + by[n, 1]
        if 0 <= row < 6 and 0 <= column < 7:
            expected[n, i, j] = X[n, row, column]
    np.testing.assert_array_equal(y, expected)


def test_flips_mirror_each_image_by_its_own_number():
    x = RANDOM.normal(size=(40, 2, 3, 1))
    y, _, parameters = output(spec.RandomFlip(), x)
    flips = bits(parameters, 0, 40) / 2**randomness.BITS < 0.5
    assert 0 < flips.sum() < 40
    for image, flip, found in zip(x, flips, y, strict=True):
        np.testing.assert_array_equal(found, np.fliplr(image) if flip else image)


@pytest.mark.parametrize("layer", [spec.Dropout(0.5), spec.RandomShift(), spec.RandomFlip()])
def test_evaluation_passes_the_input_through_and_draws_nothing(layer):
    y, _, parameters = output(layer, training=False)
    np.testing.assert_array_equal(y, X)
    assert parameters["generator"][1] == 0
