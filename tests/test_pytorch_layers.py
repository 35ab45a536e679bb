"""Every layer in PyTorch computes the equation of its docstring, held to NumPy arithmetic."""

import math

import numpy as np
import pytest
from pytorch_process import trainer

from benchmarks.models import layers as L
from benchmarks.recipe.randomness import BITS, bits

IMAGE, TEXT = (5, 4, 6), (7, 6)
RANDOM = np.random.default_rng(1)
IMAGES, TEXTS = RANDOM.normal(size=(9, *IMAGE)), RANDOM.normal(size=(9, *TEXT))


def output_of(layer, x):
    made, start = trainer([layer], x)
    return made.layer_outputs(x), {name[2:]: value for name, value in start.items()}, made.parameters()


def normalised(x, axes, epsilon=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


def by_threes(x):
    """Each three examples normalised by themselves."""
    return np.concatenate([normalised(x[at : at + 3], tuple(range(x.ndim - 1))) for at in (0, 3, 6)])


def group_norm(x, p, groups):
    grouped = x.reshape(len(x), -1, groups, x.shape[-1] // groups)
    return normalised(grouped, (1, 3)).reshape(x.shape) * p["gamma"] + p["beta"]


def convolved(x, p, size, stride):
    pad = size // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (1, 2))[:, ::stride, ::stride]
    return np.einsum("npqcij,ijcf->npqf", windows, p["kernel"]) + p.get("bias", 0)


def pooled(x, size, stride, reduction):
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))[:, ::stride, ::stride]
    return reduction(windows, axis=(-2, -1))


def bordered(x, border):
    sides = (border, border)
    return np.pad(x, ((0, 0), sides, sides, (0, 0)), constant_values=-np.inf)


def attended(x, p, heads):
    def cut(name):
        return np.stack(np.split(x @ p[f"{name}_kernel"] + p[f"{name}_bias"], heads, axis=-1), axis=1)

    scaled = cut("query") @ cut("key").swapaxes(-1, -2) / math.sqrt(x.shape[-1] / heads)
    weights = np.exp(np.where(np.tri(x.shape[1], dtype=bool), scaled, -np.inf))
    y = weights / weights.sum(-1, keepdims=True) @ cut("value")
    return np.concatenate(list(y.swapaxes(0, 1)), axis=-1) @ p["output_kernel"] + p["output_bias"]


def uniform(p, *shape):
    key, count = p["generator"].astype(np.int32)[:, np.newaxis]
    return bits(np.arange(math.prod(shape), dtype=np.int32), key, count).reshape(shape) / 2**BITS


def shifted(x, p, reach):
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    by = np.floor((2 * reach + 1) * uniform(p, len(x), 2)).astype(int)
    return np.stack([one[a : a + 5, b : b + 4] for one, (a, b) in zip(padded, by, strict=True)])


def flipped(x, p):
    return np.where(uniform(p, len(x), 1, 1, 1) < 0.5, x[:, :, ::-1], x)


FORWARD = [
    (L.Dense(3), IMAGES, lambda x, p: x @ p["kernel"] + p["bias"]),
    (L.Dense(3), TEXTS, lambda x, p: x @ p["kernel"] + p["bias"]),
    (L.Dense(3, bias=False), TEXTS[:, 0], lambda x, p: x @ p["kernel"]),
    (L.Conv(3, size=3, stride=2), IMAGES, lambda x, p: convolved(x, p, 3, 2)),
    (L.Conv(2, size=5, bias=False), IMAGES, lambda x, p: convolved(x, p, 5, 1)),
    (L.BatchNorm(), IMAGES, lambda x, p: normalised(x, (0, 1, 2)) * p["gamma"] + p["beta"]),
    (L.BatchNorm(), TEXTS, lambda x, p: normalised(x, (0, 1)) * p["gamma"] + p["beta"]),
    (L.BatchNorm(), TEXTS[:, 0], lambda x, p: normalised(x, 0) * p["gamma"] + p["beta"]),
    (L.BatchNorm(ghost=3), IMAGES, lambda x, p: by_threes(x) * p["gamma"] + p["beta"]),
    (L.BatchNorm(ghost=3), TEXTS, lambda x, p: by_threes(x) * p["gamma"] + p["beta"]),
    (L.BatchNorm(ghost=3), TEXTS[:, 0], lambda x, p: by_threes(x) * p["gamma"] + p["beta"]),
    (L.BatchNorm(ghost=7), TEXTS, lambda x, p: normalised(x, (0, 1)) * p["gamma"] + p["beta"]),
    (L.GroupNorm(3), IMAGES, lambda x, p: group_norm(x, p, 3)),
    (L.GroupNorm(3), TEXTS, lambda x, p: group_norm(x, p, 3)),
    (L.GroupNorm(3), TEXTS[:, 0], lambda x, p: group_norm(x, p, 3)),
    (L.LayerNorm(), IMAGES, lambda x, p: normalised(x, -1) * p["gamma"] + p["beta"]),
    (L.LayerNorm(), TEXTS, lambda x, p: normalised(x, -1) * p["gamma"] + p["beta"]),
    (L.ReLU(), IMAGES, lambda x, p: np.maximum(x, 0)),
    (L.GELU(), IMAGES, lambda x, p: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2),
    (L.MaxPool(3, stride=1), IMAGES, lambda x, p: pooled(x, 3, 1, np.max)),
    (L.MaxPool(3, stride=2, padded=True), IMAGES, lambda x, p: pooled(bordered(x, 1), 3, 2, np.max)),
    (L.AveragePool(2, stride=2), IMAGES, lambda x, p: pooled(x, 2, 2, np.mean)),
    (L.AveragePool(2), IMAGES[:, :, :1], lambda x, p: (x[:, :4:2] + x[:, 1::2]) / 2),
    (L.GlobalAveragePool(), IMAGES, lambda x, p: x.mean((1, 2))),
    (L.Flatten(), IMAGES, lambda x, p: x.reshape(9, -1)),
    (L.Flatten(), TEXTS, lambda x, p: x.reshape(9, -1)),
    (L.Dropout(0.25), IMAGES, lambda x, p: np.where(uniform(p, *x.shape) < 0.25, 0, x / 0.75)),
    (L.Dropout(0.25), TEXTS, lambda x, p: np.where(uniform(p, *x.shape) < 0.25, 0, x / 0.75)),
    (L.RandomShift(2), IMAGES, lambda x, p: shifted(x, p, 2)),
    (L.RandomFlip(), IMAGES, flipped),
    (L.Residual((L.ReLU(), L.ReLU())), IMAGES, lambda x, p: x + np.maximum(x, 0)),
    (
        L.Residual((L.ReLU(),), (L.Dense(6),)),
        IMAGES,
        lambda x, p: np.maximum(x, 0) + x @ p["shortcut.0.kernel"] + p["shortcut.0.bias"],
    ),
    (L.Embedding(11, 3), np.arange(18, dtype=np.int32).reshape(9, 2) % 11, lambda x, p: p["table"][x]),
    (L.PositionEmbedding(), TEXTS, lambda x, p: x + p["table"]),
    (L.Attention(2), TEXTS, lambda x, p: attended(x, p, 2)),
]


@pytest.mark.parametrize(
    ("layer", "x", "expected"), FORWARD, ids=[f"{layer} {x.shape}" for layer, x, _ in FORWARD]
)
def test_every_layer_computes_the_equation_of_its_docstring(in_torch, layer, x, expected):
    found, start, _ = in_torch(output_of, layer, x)
    np.testing.assert_allclose(found["0"], expected(x, start), rtol=1e-12, atol=1e-13)


def test_outputs_of_layers_inside_a_residual_come_by_path(in_torch):
    found, _, _ = in_torch(output_of, L.Residual((L.ReLU(), L.Residual((L.Dense(6),)))), IMAGES)
    assert list(found) == ["0", "0.body.0", "0.body.1", "0.body.1.body.0"]
    assert {y.shape for y in found.values()} == {IMAGES.shape}


def test_running_averages_of_batch_norm_take_the_biased_variance(in_torch):
    _, _, after = in_torch(output_of, L.BatchNorm(momentum=0.75), IMAGES)
    np.testing.assert_allclose(
        after["0.moving_variance"], 0.75 * 1.25 + 0.25 * IMAGES.var((0, 1, 2)), rtol=1e-12
    )
    np.testing.assert_allclose(
        after["0.moving_mean"], 0.75 * 0.25 + 0.25 * IMAGES.mean((0, 1, 2)), rtol=1e-12
    )


def test_running_averages_take_one_ghost_batch_after_the_other(in_torch):
    _, _, after = in_torch(output_of, L.BatchNorm(momentum=0.75, ghost=3), IMAGES)
    mean, variance = 0.25, 1.25
    for at in (0, 3, 6):
        mean = 0.75 * mean + 0.25 * IMAGES[at : at + 3].mean((0, 1, 2))
        variance = 0.75 * variance + 0.25 * IMAGES[at : at + 3].var((0, 1, 2))
    np.testing.assert_allclose(after["0.moving_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(after["0.moving_variance"], variance, rtol=1e-12)


def test_a_random_layer_counts_its_draws(in_torch):
    _, start, after = in_torch(output_of, L.Dropout(0.5), IMAGES)
    np.testing.assert_array_equal(after["0.generator"], start["generator"] + [0, 1])
