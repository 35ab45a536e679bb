"""Convolution, as one matrix product for each place of the window."""

from collections.abc import Iterator

import numpy as np

from benchmarks.frameworks.numpy_parts.layer import ManualLayer
from benchmarks.frameworks.numpy_parts.windows import Place, Slices, places


def matrix(array: np.ndarray) -> np.ndarray:
    """All axes but the last made one: [N, H, W, C] to [N·H·W, C]."""
    return array.reshape(-1, array.shape[-1])


class Conv(ManualLayer):
    """y_npqf = b_f + Σ_ijc x̄_n(sp+i)(sq+j)c W_ijcf, with x̄ the input within its zeros and s the stride.

    For each place (i, j) of the window that is a matrix product over c, Y += X_ij W_ij, where X_ij holds
    place (i, j) of every window (p, q), one in each row. Hence dW_ij = X_ijᵀ dY and dX_ij = dY W_ijᵀ, which
    is added to the pixels of x̄ that X_ij was taken from; db = Σ_npq dy. The zeros around have no gradient.
    """

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """[N, H, W, C] to [N, ⌈H / s⌉, ⌈W / s⌉, filters]."""
        border = self.spec.size // 2
        self.padded = np.pad(x, ((0, 0), (border, border), (border, border), (0, 0)))
        self.shape = (len(x), *self.spec.output_shape(x.shape[1:]))
        y = np.zeros((np.prod(self.shape[:3]), self.spec.filters), x.dtype)
        for place, of_every_window in self._places():
            # `dot` leaves a matrix of one column to BLAS too, which `@` does not: 20 times as fast there.
            y += matrix(self.padded[of_every_window]).dot(self.parameters["kernel"][place])
        if self.spec.bias:
            y += self.parameters["bias"]
        return y.reshape(self.shape)

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """dx, unless nothing below is trained."""
        rows = matrix(dy)
        for place, of_every_window in self._places():
            self.gradients["kernel"][place] = matrix(self.padded[of_every_window]).T.dot(rows)
        if self.spec.bias:
            self.store(bias=rows.sum(axis=0))
        return self._input_gradient(rows) if self.passes_on else None

    def _input_gradient(self, rows: np.ndarray) -> np.ndarray:
        """dx from dY [N·p·q, filters]."""
        d_padded = np.zeros_like(self.padded)
        for place, of_every_window in self._places():
            d_places = rows.dot(self.parameters["kernel"][place].T)
            d_padded[of_every_window] += d_places.reshape(*self.shape[:3], -1)
        border = self.spec.size // 2
        height, width = (extent - border for extent in self.padded.shape[1:3])
        return d_padded[:, border:height, border:width]

    def _places(self) -> Iterator[tuple[Place, Slices]]:
        """The places of the window, with the slices of the padded input."""
        window = (self.spec.size, self.spec.size)
        return places(window, stride=self.spec.stride, counts=self.shape[1:3])
