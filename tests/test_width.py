"""Widths and the noise that curvature weighs, where both are known: quadratics, a rescaled ReLU network."""

import numpy as np
import pytest

from benchmarks.analysis import curvature, landscape, noise_curvature, width
from benchmarks.models import layers as L
from benchmarks.models.parameters import initial_parameters

RANDOM = np.random.default_rng(0)
LAYERS = [L.Flatten(), L.Dense(12), L.ReLU(), L.Dense(4)]
IMAGES, LABELS = RANDOM.normal(size=(200, 5, 3, 1)), RANDOM.integers(0, 4, 200)


def test_a_direction_is_as_long_as_the_weights_into_each_unit():
    tree = {
        "kernel": RANDOM.normal(size=(7, 5)),
        "bias": np.ones(5),
        "filters": RANDOM.normal(size=(3, 3, 2, 4)),
    }
    found = width.filter_normalised(tree, np.random.default_rng(1))
    kernel, bias, filters = found[:35].reshape(7, 5), found[35:40], found[40:].reshape(3, 3, 2, 4)
    np.testing.assert_allclose(np.linalg.norm(kernel, axis=0), np.linalg.norm(tree["kernel"], axis=0))
    lengths = [np.sqrt((each**2).sum(axis=(0, 1, 2))) for each in (filters, tree["filters"])]
    np.testing.assert_allclose(*lengths)
    assert not bias.any() and not np.allclose(kernel, tree["kernel"])


@pytest.mark.parametrize("power", [1, 2, 3.5])
@pytest.mark.parametrize("factor", [0.03, 1.0, 20.0])
def test_the_place_where_a_power_has_risen_is_found(power, factor):
    found = width.distance_of_rise(lambda place: factor * place**power)
    assert found == pytest.approx((width.RISE / factor) ** (1 / power), rel=1e-9)


def test_a_function_that_first_falls_that_never_rises_and_that_overflows():
    def falls_first(place):
        return place * (place - 0.5)

    at = width.distance_of_rise(falls_first)
    assert falls_first(at) == pytest.approx(width.RISE, rel=0.2)
    assert width.distance_of_rise(lambda place: 0.01 * place) is None
    assert width.distance_of_rise(lambda place: np.inf if place > 1 else 0.0) == pytest.approx(2**0.5)
    # A minimum rises as a square from itself, also where the first place is too far already.
    assert width.distance_of_rise(lambda place: 1e5 * place**2) == pytest.approx(1e-3)


class Broken:
    """A loss that is no number."""

    n = 3

    def tree(self, theta):
        return {"kernel": theta.reshape(2, 2)}

    def value(self, theta, chosen):
        return np.nan


def test_a_loss_that_is_no_number_has_no_width():
    assert width.numbers(Broken(), np.ones(4), seed=0) == {"width": None}


def measured():
    """λ_max, width and landscape of a ReLU network, and of the same function with its layers rescaled."""
    from benchmarks.frameworks import pytorch
    from benchmarks.frameworks.torch_parts.mean_loss import MeanLoss

    pytorch.configure(threads=1, device="cpu", precision="float64")
    loss = MeanLoss(layers=LAYERS, examples=IMAGES, labels=LABELS)
    tree = initial_parameters(LAYERS, IMAGES.shape[1:], seed=0)
    first, second = (sorted(name for name in tree if name.startswith(layer)) for layer in ("1", "3"))
    scaled = {name: array * (10 if name in first else 1) for name, array in tree.items()}
    scaled |= {name: array / 10 for name, array in tree.items() if name in second and "kernel" in name}
    assert len(first) == len(second) == 2
    found = []
    for each in (tree, scaled):
        theta = loss.at(each)
        numbers = curvature.numbers(loss, theta, seed=0)
        heights = [place.training_loss for place in landscape.heights(loss, theta)]
        wide = width.numbers(loss, theta, seed=3)["width"]
        found.append((numbers["largest_eigenvalue"], wide, loss.value(theta), heights))
    return found


def test_a_rescaling_that_changes_the_curvature_leaves_the_width_and_the_landscape(in_torch):
    (sharp, wide, value, heights), (other_sharp, other_wide, other_value, others) = in_torch(measured)
    assert other_value == pytest.approx(value, rel=1e-12)
    assert max(sharp / other_sharp, other_sharp / sharp) > 10
    assert other_wide == pytest.approx(wide, rel=1e-6)
    assert others == pytest.approx(heights, rel=1e-6) and max(heights) > 1.5 * min(heights)


class Quadratics:
    """The mean of n quadratics ½ (θ − cᵢ)ᵀ H (θ − cᵢ), whose centres have a known covariance."""

    n = 400

    def __init__(self, seed):
        random = np.random.default_rng(seed)
        self.diagonal, self.centres = np.geomspace(0.2, 20, 15), random.normal(size=(self.n, 15))

    def gradient(self, theta, chosen=None):
        centres = self.centres if chosen is None else self.centres[chosen]
        return self.diagonal * (theta - centres.mean(axis=0))

    def hessian_vector(self, theta, vector, chosen):
        return self.diagonal * vector


def test_the_weighed_noise_scale_of_quadratics_is_within_its_interval_as_often_as_it_says():
    held = 0
    for seed in range(200):
        loss, theta = Quadratics(seed), np.full(15, 0.5)
        covariance = np.cov((loss.diagonal * loss.centres).T)
        full = loss.gradient(theta)
        truth = np.sum(loss.diagonal * np.diag(covariance)) / np.sum(loss.diagonal * full**2)
        found = noise_curvature.numbers(loss, theta, seed=seed)
        held += found["curved_noise_scale_lo"] <= truth <= found["curved_noise_scale_hi"]
    assert held >= 182


def test_a_gradient_along_which_the_loss_curves_downwards_has_no_such_scale():
    assert set(noise_curvature.ratio(np.ones(5), -1.0).values()) == {None}
