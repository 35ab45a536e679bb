"""The dense layer, and the sums that attention has in common with it."""

import numpy as np

from benchmarks.frameworks.numpy_parts.layer import ManualLayer


def kernel_gradient(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """dW = xᵀ dy, each row of x and dy (all axes but the last) being one n of the sum."""
    return x.reshape(-1, x.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])


def bias_gradient(dy: np.ndarray) -> np.ndarray:
    """db = Σ dy over all axes but the last."""
    return dy.reshape(-1, dy.shape[-1]).sum(axis=0)


class Dense(ManualLayer):
    """y = x W + b over the last axis; dW = xᵀ dy, db = Σ dy, dx = dy Wᵀ.

    From y_nj = Σ_i x_ni W_ij + b_j follow ∂L/∂W_ij = Σ_n x_ni dy_nj, ∂L/∂b_j = Σ_n dy_nj and
    ∂L/∂x_ni = Σ_j dy_nj W_ij.
    """

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """[N, …, inputs] to [N, …, units]."""
        self.x = x
        y = x @ self.parameters["kernel"]
        return y + self.parameters["bias"] if self.spec.bias else y

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """dx, unless nothing below is trained."""
        self.store(kernel=kernel_gradient(self.x, dy))
        if self.spec.bias:
            self.store(bias=bias_gradient(dy))
        return dy @ self.parameters["kernel"].T if self.passes_on else None
