"""Layer specs and initial parameters."""

import numpy as np
import pytest

from benchmarks import models
from benchmarks.errors import Problem
from benchmarks.models.layers import Conv, Dense, Flatten, MaxPool, input_shapes
from benchmarks.models.parameters import initial_parameters


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
    first, again, other = (initial_parameters(spec, (8, 8, 1), seed=seed) for seed in (0, 0, 1))
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
