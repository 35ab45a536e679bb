"""What an evaluation passes through a model: parts of bounded size, kept on the device if they come again."""

import numpy as np
import pytest

from benchmarks import models
from benchmarks.frameworks import evaluation
from benchmarks.frameworks.evaluation import Parts, rows

X = np.arange(22.0).reshape(11, 2)


class Device:
    """Counts what is copied to it."""

    def __init__(self):
        self.copied = []

    def __call__(self, part):
        self.copied.append(len(part))
        return part.copy()


@pytest.fixture
def device():
    return Device()


@pytest.fixture
def parts(device):
    return Parts(4, device)


def together(found):
    return np.concatenate(list(found))


def test_parts_are_all_examples_in_their_order(parts, device):
    assert (together(parts.of(X)) == X).all()
    assert device.copied == [4, 4, 3]


def test_examples_that_come_again_are_copied_once_more_and_then_kept(parts, device):
    for _ in range(4):
        assert (together(parts.of(X)) == X).all()
    assert device.copied == 2 * [4, 4, 3]


def test_what_comes_once_never_lies_on_the_device_as_a_whole(parts, device):
    first = iter(parts.of(X))
    next(first)
    assert device.copied == [4]


def test_others_are_not_taken_for_those_that_are_kept(parts):
    for _ in range(2):
        parts.of(X)
    assert (together(parts.of(-X)) == -X).all()
    assert (together(parts.of(X.copy())) == X).all()
    assert (together(parts.of(X)) == X).all()


def test_those_that_are_kept_make_way_for_others(parts):
    for _ in range(2):
        parts.of(X)
    parts.of(-X)
    assert parts.kept is None


@pytest.mark.parametrize(
    ("name", "shape", "widest"),
    [("mlp", (28, 28, 1), 28 * 28), ("cnn", (28, 28, 1), None), ("resnet20", (32, 32, 3), 32 * 32 * 16)],
)
def test_a_pass_is_as_long_as_the_widest_layer_allows(name, shape, widest):
    spec = models.spec(name, n_classes=10)
    found = rows(spec, shape)
    if widest:
        assert found == evaluation.MOST_VALUES // widest
    for layer in spec:
        shape = layer.output_shape(shape)
        assert found * np.prod(shape) <= evaluation.MOST_VALUES


def test_an_example_wider_than_the_bound_is_passed_alone():
    assert rows([], (5000, 5000)) == 1
