"""Layer specs and initial parameters."""

import numpy as np
import pytest

from benchmarks import models
from benchmarks.common.errors import Problem
from benchmarks.models.layer import input_shapes, walk
from benchmarks.models.layers import (
    Attention,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    MaxPool,
    RandomFlip,
    RandomShift,
    ReLU,
    Residual,
)
from benchmarks.models.parameters import initial_parameters, trained


def test_the_mlp_is_784_128_10():
    shapes = {
        k: v.shape
        for k, v in initial_parameters(models.spec("mlp", n_classes=10), (28, 28, 1), seed=0).items()
    }
    assert shapes == {"1.kernel": (784, 128), "1.bias": (128,), "3.kernel": (128, 10), "3.bias": (10,)}


def test_shapes_pass_through_convolution_pool_and_flatten():
    spec = [Conv(4), MaxPool(2), Flatten(), Dense(3)]
    assert input_shapes(spec, (9, 8, 1)) == [(9, 8, 1), (9, 8, 4), (4, 4, 4), (64,)]


def test_a_pool_is_cut_to_data_of_one_dimension():
    assert MaxPool(2).output_shape((40, 1, 3)) == (20, 1, 3)


@pytest.mark.parametrize("model", models.NAMES)
def test_parameters_depend_on_the_seed_alone(model):
    spec = models.spec(model, n_classes=10)
    shape = (8,) if models.takes_tokens(spec) else (8, 8, 1)
    first, again, other = (initial_parameters(spec, shape, seed=seed) for seed in (0, 0, 1))
    assert all((first[name] == again[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first)


def test_kernels_fill_glorots_range_and_no_more():
    kernel = initial_parameters([Dense(300)], (500,), seed=0)["0.kernel"]
    limit = np.sqrt(6 / 800)
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert abs(kernel.mean()) < 0.01 * limit


def test_an_unknown_model_is_told_with_the_nearest_name():
    with pytest.raises(Problem, match="did you mean cnn"):
        models.spec("cn", n_classes=10)


def test_a_strided_convolution_rounds_up_and_a_pool_leaves_the_rest_out():
    assert Conv(4, stride=2).output_shape((9, 8, 1)) == (5, 4, 4)
    assert Conv(4, size=1, stride=2).output_shape((9, 8, 1)) == (5, 4, 4)
    assert MaxPool(3, stride=2).output_shape((32, 32, 4)) == (15, 15, 4)


def test_a_padded_pool_rounds_up_and_passes_data_of_one_dimension():
    pool = MaxPool(3, stride=2, padded=True)
    assert pool.output_shape((32, 32, 4)) == (16, 16, 4)
    assert pool.output_shape((9, 1, 4)) == (5, 1, 4)
    assert MaxPool(5, stride=3, padded=True).output_shape((7, 1, 2)) == (3, 1, 2)


def test_a_pool_of_even_size_has_no_middle_to_pad_around():
    with pytest.raises(ValueError, match="odd"):
        MaxPool(2, padded=True)


def test_layers_inside_a_residual_have_paths_shapes_and_parameters_of_their_own():
    block = Residual((Conv(6, stride=2), ReLU()), (Conv(6, size=1, stride=2),))
    spec = [Conv(3), block, GlobalAveragePool()]
    places = {place.path: place.shape for place in walk(spec, (8, 8, 1))}
    assert list(places) == ["0", "1", "1.body.0", "1.body.1", "1.shortcut.0", "2"]
    assert places["1.body.1"] == (4, 4, 6)
    assert places["2"] == (4, 4, 6)
    parameters = initial_parameters([Residual((Dense(4),), (Dense(4),))], (4,), seed=0)
    assert (parameters["0.body.0.kernel"] != parameters["0.shortcut.0.kernel"]).all()


def test_the_kernels_of_attention_differ_and_its_biases_are_zero():
    parameters = initial_parameters([Attention(2)], (5, 8), seed=0)
    assert not (parameters["0.query_kernel"] == parameters["0.key_kernel"]).any()
    assert not parameters["0.output_bias"].any()


def test_generators_and_running_averages_are_not_trained():
    parameters = initial_parameters([Dropout(0.5), BatchNorm(), Dense(2)], (3,), seed=0)
    assert trained(parameters) == ["1.gamma", "1.beta", "2.kernel", "2.bias"]
    key, count = parameters["0.generator"]
    assert key == int(key) > 0 == count
    assert np.float32(key) == key


@pytest.mark.parametrize(
    ("model", "shape", "n"),
    [
        # Counted by hand from the layers: weights, biases, and 4 numbers a channel for batch norm.
        ("logistic", (28, 28, 1), 7_850),
        ("f1", (28, 28, 1), 784 * 512 + 4 * 512 * 512 + 5 * 4 * 512 + 512 * 10 + 10),
        # Keskar's first dense layer has 64 · 8 · 8 = 4096 inputs: each of the two pools halves 32 pixels.
        # Generators of dropout count, two numbers each.
        ("c1", (32, 32, 3), 75 * 64 + 1_600 * 64 + 4_096 * 384 + 384 * 192 + 4 * 704 + 1_930 + 2 * 2),
        # He's table 6: 0.27 M. Convolutions 432 + 6 · 2,304 + 4,608 + 5 · 9,216 + 18,432 + 5 · 36,864, two
        # for each of 688 normalised channels and 650 of the dense layer make 269,722. Option B's shortcuts
        # add 512 + 2,048 and two for each of 96 channels: 272,474. Then batch norm's averages, 2 · 784.
        ("resnet20", (32, 32, 3), 269_722 + 512 + 2_048 + 2 * 96 + 2 * 784),
        ("resnet8", (32, 32, 3), 432 + 4_608 + 4_608 + 9_216 + 512 + 18_432 + 36_864 + 2_048 + 650 + 4 * 336),
        (
            "transformer",
            (64,),
            10 * 64 + 64 * 64 + 2 * (4 * 65 * 64 + 65 * 256 + 257 * 64 + 4 * 64) + 128 + 650,
        ),
    ],
)
def test_models_have_as_many_parameters_as_their_papers_say(model, shape, n):
    parameters = initial_parameters(models.spec(model, n_classes=10), shape, seed=0)
    assert sum(value.size for value in parameters.values()) == n


def test_arms_with_and_without_augmentation_start_alike():
    """Seeds pair: what differs between two arms of a seed is the arm."""
    plain = initial_parameters(models.spec("c1", n_classes=10), (32, 32, 3), seed=3)
    flipped = initial_parameters(models.spec("c1", n_classes=10, augmentation=["flip"]), (32, 32, 3), seed=3)
    both = models.spec("c1", n_classes=10, augmentation=["shift", "flip"], randomness="framework")
    augmented = initial_parameters(both, (32, 32, 3), seed=3)
    assert sum(name.endswith("generator") for name in plain) == 2
    for front, started in ((1, flipped), (2, augmented)):
        assert len(started) == len(plain) + front
        for name, value in plain.items():
            index, _, rest = name.partition(".")
            assert (started[f"{int(index) + front}.{rest}"] == value).all()
    assert len({value[0] for name, value in augmented.items() if name.endswith("generator")}) == 4


def test_branches_of_residuals_draw_apart_behind_augmentation():
    block = Residual((Conv(3), ReLU()), (Conv(3),))
    plain = initial_parameters([Conv(3), block], (8, 8, 3), seed=0)
    behind = initial_parameters([RandomFlip(), Conv(3), block], (8, 8, 3), seed=0)
    assert (plain["1.body.0.kernel"] == behind["2.body.0.kernel"]).all()
    kernels = [plain["0.kernel"], plain["1.body.0.kernel"], plain["1.shortcut.0.kernel"]]
    assert len({kernel.tobytes() for kernel in kernels}) == 3


def test_augmentation_stands_in_front_and_dropout_draws_from_where_it_is_told():
    spec = models.spec("c1", n_classes=10, augmentation=["shift", "flip"], randomness="framework")
    assert spec[:2] == [RandomShift(), RandomFlip()]
    assert {layer.source for layer in spec if isinstance(layer, Dropout)} == {"framework"}
    assert models.is_statistical(spec)
    assert not models.is_statistical(models.spec("c1", n_classes=10))
