"""Batch, group and layer normalisation with gradients by hand: one equation over different axes."""

import numpy as np

from benchmarks.frameworks.numpy_parts.layers import ManualLayer

Axes = tuple[int, ...]


def moments(x: np.ndarray, axes: Axes) -> tuple[np.ndarray, np.ndarray]:
    """μ = (1 / m) Σ x and the biased σ² = (1 / m) Σ (x − μ)² over m values; the axes keep length 1."""
    mean = x.mean(axis=axes, keepdims=True)
    return mean, np.square(x - mean).mean(axis=axes, keepdims=True)


def normalised_gradient(
    d_normal: np.ndarray, *, normal: np.ndarray, deviation: np.ndarray, axes: Axes
) -> np.ndarray:
    """dx from dx̂, for x̂ = (x − μ) / s with s = √(σ² + ε), where μ and σ² are the moments of x over `axes`.

    From ∂μ/∂x_i = 1 / m and ∂s/∂x_i = x̂_i / m follows ∂x̂_j/∂x_i = (δ_ij − 1 / m − x̂_j x̂_i / m) / s.
    Summed over j, this gives dx_i = (dx̂_i − mean(dx̂) − x̂_i mean(dx̂ x̂)) / s.
    """
    mean = d_normal.mean(axis=axes, keepdims=True)
    projection = (d_normal * normal).mean(axis=axes, keepdims=True)
    return (d_normal - mean - normal * projection) / deviation


def all_but_last(x: np.ndarray) -> Axes:
    """Every axis of x except the channel axis."""
    return tuple(range(x.ndim - 1))


class Norm(ManualLayer):
    """y = γ x̂ + β; dγ = Σ dy x̂ and dβ = Σ dy over all axes but the channels; dx̂ = γ dy."""

    def scaled(self) -> np.ndarray:
        """y from the stored x̂."""
        return self.parameters["gamma"] * self.normal + self.parameters["beta"]

    def unscaled(self, dy: np.ndarray) -> np.ndarray:
        """dx̂ from dy; dγ and dβ are stored."""
        axes = all_but_last(dy)
        self.store(gamma=(dy * self.normal).sum(axis=axes), beta=dy.sum(axis=axes))
        return self.parameters["gamma"] * dy


class BatchNorm(Norm):
    """x̂ over all axes but the channels, of each ghost batch by itself; in evaluation by running averages."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """y, in the shape of x."""
        mean, variance = self.parameters["moving_mean"], self.parameters["moving_variance"]
        parted = self._parted(x)
        if training:
            mean, variance = moments(parted, self._axes(parted))
            self._update_average("moving_mean", mean)
            self._update_average("moving_variance", variance)
        self.deviation = np.sqrt(variance + self.spec.epsilon)
        self.normal = ((parted - mean) / self.deviation).reshape(x.shape)
        return self.scaled()

    def _parted(self, x: np.ndarray) -> np.ndarray:
        """[N, …, C] to [ghost batches, examples of each, …, C]."""
        return x.reshape(self.spec.ghost_batches(len(x)), -1, *x.shape[1:])

    def _axes(self, parted: np.ndarray) -> Axes:
        """Every axis except the ghost batches and the channels."""
        return tuple(range(1, parted.ndim - 1))

    def _update_average(self, name: str, moments: np.ndarray) -> None:
        """r ← momentum · r + (1 − momentum) · moment, for one ghost batch after the other."""
        running, momentum = self.parameters[name], self.spec.momentum
        for of_ghost in moments.reshape(len(moments), -1):
            running[...] = momentum * running + (1.0 - momentum) * of_ghost

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx, also through the moments of a ghost batch, which depend on each of its examples."""
        d_normal, normal = self._parted(self.unscaled(dy)), self._parted(self.normal)
        dx = normalised_gradient(d_normal, normal=normal, deviation=self.deviation, axes=self._axes(d_normal))
        return dx.reshape(dy.shape)


class GroupNorm(Norm):
    """x̂ of each example over height, width and the channels of a group."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """y, in the shape of x."""
        grouped = self._grouped(x)
        mean, variance = moments(grouped, self._axes(grouped))
        self.deviation = np.sqrt(variance + self.spec.epsilon)
        self.normal = ((grouped - mean) / self.deviation).reshape(x.shape)
        return self.scaled()

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx, for each example and group separately."""
        d_normal = self._grouped(self.unscaled(dy))
        normal, axes = self._grouped(self.normal), self._axes(d_normal)
        dx = normalised_gradient(d_normal, normal=normal, deviation=self.deviation, axes=axes)
        return dx.reshape(dy.shape)

    def _grouped(self, x: np.ndarray) -> np.ndarray:
        """[N, …, C] to [N, …, groups, C / groups]."""
        return x.reshape(*x.shape[:-1], self.spec.groups, -1)

    def _axes(self, grouped: np.ndarray) -> Axes:
        """Every axis except the examples and the groups."""
        return (*range(1, grouped.ndim - 2), grouped.ndim - 1)


class LayerNorm(Norm):
    """x̂ of each example at each position, over the last axis."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """y, in the shape of x."""
        mean, variance = moments(x, (-1,))
        self.deviation = np.sqrt(variance + self.spec.epsilon)
        self.normal = (x - mean) / self.deviation
        return self.scaled()

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx, for each position separately."""
        return normalised_gradient(
            self.unscaled(dy), normal=self.normal, deviation=self.deviation, axes=(-1,)
        )
