"""Eigenvalues, traces and sharpness where they are known: of matrices, of quadratics, of a small model."""

import numpy as np
import pytest
from test_mean_loss import direction, made

from benchmarks.analysis import checkpoints, curvature, sharpness
from benchmarks.analysis.curvature import largest_eigenvalue, trace
from benchmarks.analysis.sharpness import in_box

RANDOM = np.random.default_rng(0)


def with_eigenvalues(values):
    q, _ = np.linalg.qr(RANDOM.standard_normal((len(values), len(values))))
    return q @ np.diag(values) @ q.T


@pytest.mark.parametrize(
    "values",
    [
        np.linspace(-1, 3, 200),
        np.concatenate([[-50.0], np.linspace(0, 2, 199)]),
        np.concatenate([np.zeros(190), np.geomspace(0.1, 40, 10)]),
        -np.concatenate([[0.1], np.linspace(1, 10, 199)]),
    ],
    ids=["spread", "saddle", "few", "maximum"],
)
def test_the_largest_eigenvalue_and_not_the_largest_in_magnitude(values):
    matrix = with_eigenvalues(values)
    found = largest_eigenvalue(lambda v: matrix @ v, 200, seed=1)
    assert found == pytest.approx(np.linalg.eigvalsh(matrix).max(), rel=1e-6)


def test_an_iteration_that_does_not_converge_gives_nothing(monkeypatch):
    monkeypatch.setattr(curvature, "RESTARTS", 1)
    monkeypatch.setattr(curvature, "TOLERANCE", 1e-12)
    matrix = with_eigenvalues(np.linspace(0.99, 1, 400))
    assert largest_eigenvalue(lambda v: matrix @ v, 400, seed=0) is None


def test_a_matrix_of_zeros_has_an_eigenvalue_of_zero_and_one_of_no_numbers_has_none():
    assert largest_eigenvalue(np.zeros_like, 50, seed=0) == 0.0
    assert largest_eigenvalue(lambda v: np.full_like(v, np.nan), 50, seed=0) is None


def test_the_interval_of_a_trace_holds_it_as_often_as_it_says():
    matrix = with_eigenvalues(np.concatenate([np.linspace(-1, 3, 60), [40.0]]))
    found = [trace(lambda v: matrix @ v, 61, seed=seed) for seed in range(200)]
    assert sum(each["_lo"] <= np.trace(matrix) <= each["_hi"] for each in found) >= 182


def hessian_and_numbers(name):
    """The Hessian of a small model, column by column, and what is measured of it."""
    loss, theta = made(name)
    loss.rows = 23
    columns = [loss.hessian_vector(theta, column) for column in np.eye(len(theta))]
    return np.stack(columns), curvature.numbers(loss, theta, seed=0)


def test_the_curvature_of_a_model_is_that_of_its_whole_hessian(in_torch):
    matrix, found = in_torch(hessian_and_numbers, "vector")
    assert 200 < len(matrix) < 400 and len(direction("vector")) == len(matrix)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-10)
    assert found["largest_eigenvalue"] == pytest.approx(np.linalg.eigvalsh(matrix).max(), rel=1e-6)
    assert found["hessian_trace_lo"] <= np.trace(matrix) <= found["hessian_trace_hi"]


class Sampled:
    """A loss of 9,000 examples that takes down which of them its Hessian is asked for."""

    n, asked = 9000, set()

    def hessian_vector(self, theta, vector, chosen):
        self.asked.add(tuple(sorted(chosen)))
        return 2.0 * vector


def test_the_hessian_is_of_the_same_sample_in_every_training():
    loss = Sampled()
    for seed in (0, 1):
        found = curvature.numbers(loss, np.zeros(30), seed=seed)
    assert found["largest_eigenvalue"] == pytest.approx(2.0)
    assert found["hessian_trace"] == pytest.approx(60.0)
    (sample,) = loss.asked
    assert len(set(sample)) == checkpoints.SAMPLE and max(sample) > 8900


def quadratic(diagonal, centre=0.0):
    def function(x):
        return 1.0 + 0.5 * float(diagonal @ (x - centre) ** 2), diagonal * (x - centre)

    return function


def test_sharpness_of_a_quadratic_is_that_of_the_corner_of_its_box():
    """Upwards every coordinate goes as far as it may, downwards none moves from the minimum's own place."""
    diagonal = np.concatenate([np.geomspace(0.1, 30, 20), -np.geomspace(0.1, 30, 20)])
    reach = 1e-3 * np.ones(40)
    expected = 100 * 0.5 * 1e-6 * diagonal[:20].sum() / (1 + 1)
    found = in_box(quadratic(diagonal), np.zeros(40), reach, None)
    assert 0.995 * expected < found <= expected * (1 + 1e-9), "ten iterations find nearly all of it"


def test_sharpness_of_a_slope_is_that_of_its_box():
    slope, x = RANDOM.standard_normal(30), RANDOM.standard_normal(30)
    reach = 1e-3 * (np.abs(x) + 1)

    def function(at):
        return 5.0 + float(slope @ (at - x)), slope

    assert in_box(function, x, reach, None) == pytest.approx(100 * np.abs(slope) @ reach / 6, rel=1e-9)
    directions = RANDOM.standard_normal((30, 4))
    inside = 1e-3 * np.ones(4)
    expected = 100 * np.abs(slope @ directions) @ inside / 6
    assert in_box(function, x, inside, directions) == pytest.approx(expected, rel=1e-9)


def test_a_loss_that_is_no_number_has_no_sharpness():
    for at in (np.inf, np.nan):
        assert np.isnan(in_box(lambda x, at=at: (at, np.zeros(3)), np.zeros(3), np.ones(3), None))


class Slope:
    """A loss that falls along one direction."""

    n = 10

    def __init__(self, size):
        self.slope = RANDOM.standard_normal(size)

    def value_and_gradient(self, theta):
        return 2.0 + float(self.slope @ theta), self.slope


def test_both_boxes_are_as_wide_as_the_paper_says():
    loss, theta = Slope(150), 0.01 * RANDOM.standard_normal(150)
    found = sharpness.numbers(loss, theta, seed=2)
    at_theta = loss.value_and_gradient(theta)[0]
    expected = 100 * 1e-3 * np.abs(loss.slope) @ (np.abs(theta) + 1) / (1 + at_theta)
    assert found["sharpness"] == pytest.approx(expected, rel=1e-9)
    assert found["sharpness_half"] == pytest.approx(expected / 2, rel=1e-9)
    directions = np.random.default_rng(2).standard_normal((150, 100))
    reach = 1e-3 * (np.abs(np.linalg.pinv(directions) @ theta) + 1)
    expected = 100 * np.abs(loss.slope @ directions) @ reach / (1 + at_theta)
    assert found["sharpness_subspace"] == pytest.approx(expected, rel=1e-9)
