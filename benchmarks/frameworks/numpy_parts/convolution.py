"""Layers that slide a window over an image, with gradients by hand: convolution and pooling."""

from collections.abc import Iterator

import numpy as np

from benchmarks.frameworks.numpy_parts.layers import ManualLayer, ProductLayer

Slices = tuple[slice, slice, slice]
Place = tuple[int, int]


def places(window: Place, *, stride: int, counts: Place) -> Iterator[tuple[Place, Slices]]:
    """For each place (i, j) of a window, row by row: the slices that select it in all windows at once.

    `counts` is the number of windows in height and width. Window (p, q) begins at pixel
    (p · stride, q · stride), so its place (i, j) is pixel (p · stride + i, q · stride + j). Applied to an
    array [N, H, W, C], the slices select [N, *counts, C].
    """
    for i in range(window[0]):
        for j in range(window[1]):
            rows = slice(i, i + stride * (counts[0] - 1) + 1, stride)
            columns = slice(j, j + stride * (counts[1] - 1) + 1, stride)
            yield (i, j), (slice(None), rows, columns)


def matrix(array: np.ndarray) -> np.ndarray:
    """All axes but the last merged into one: [N, H, W, C] to [N·H·W, C]."""
    return array.reshape(-1, array.shape[-1])


class Conv(ProductLayer):
    """y_npqf = b_f + Σ_ijc x̄_n(sp+i)(sq+j)c W_ijcf, with x̄ the padded input and s the stride.

    For each place (i, j) of the window, the sum over c is a matrix product, Y += X_ij W_ij, where each row
    of X_ij is the place (i, j) of one window (p, q). Hence dW_ij = X_ijᵀ dY and dX_ij = dY W_ijᵀ, which is
    added to the pixels of x̄ that X_ij consists of; db = Σ_npq dy. The gradient of the padding is dropped.
    All places together are one product, so that in bfloat16 their sum is rounded.
    """

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """[N, H, W, C] to [N, ⌈H / s⌉, ⌈W / s⌉, filters]."""
        border = self.spec.size // 2
        self.padded = np.pad(self.rounded(x), ((0, 0), (border, border), (border, border), (0, 0)))
        self.kernel = self.rounded(self.parameters["kernel"])
        self.shape = (len(x), *self.spec.output_shape(x.shape[1:]))
        y = np.zeros((np.prod(self.shape[:3]), self.spec.filters), x.dtype)
        for place, of_every_window in self._places():
            # Unlike `@`, `dot` uses BLAS for a matrix of one column too, which is 20 times as fast.
            y += matrix(self.padded[of_every_window]).dot(self.kernel[place])
        y = self.rounded(y)
        if self.spec.bias:
            y += self.parameters["bias"]
        return y.reshape(self.shape)

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """dx, or None if no earlier layer is trained."""
        rows = self.rounded(matrix(dy))
        for place, of_every_window in self._places():
            of_place = matrix(self.padded[of_every_window]).T.dot(rows)
            self.gradients["kernel"][place] = self.rounded(of_place)
        if self.spec.bias:
            self.store(bias=matrix(dy).sum(axis=0))
        return self._input_gradient(rows) if self.needs_input_gradient else None

    def _input_gradient(self, rows: np.ndarray) -> np.ndarray:
        """dx from dY [N·p·q, filters]."""
        d_padded = np.zeros_like(self.padded)
        for place, of_every_window in self._places():
            d_places = rows.dot(self.kernel[place].T)
            d_padded[of_every_window] += d_places.reshape(*self.shape[:3], -1)
        border = self.spec.size // 2
        height, width = (extent - border for extent in self.padded.shape[1:3])
        return self.rounded(d_padded[:, border:height, border:width])

    def _places(self) -> Iterator[tuple[Place, Slices]]:
        """The places of the window, with their slices of the padded input."""
        window = (self.spec.size, self.spec.size)
        return places(window, stride=self.spec.stride, counts=self.shape[1:3])


class Pooling(ManualLayer):
    """What max and average pooling share: the windows on the last input."""

    def set_windows(self, x: np.ndarray) -> None:
        """Compute the window and the shapes for an input x [N, H, W, C]."""
        self.input_shape, self.window = x.shape, self.spec.window(x.shape[1:])
        self.output_shape = (len(x), *self.spec.output_shape(x.shape[1:]))

    def places(self) -> Iterator[tuple[Place, Slices]]:
        """The places of the window, with their slices of the input."""
        return places(self.window, stride=self.spec.stride, counts=self.output_shape[1:3])


class MaxPool(Pooling):
    """y_pq = max_ij x_(sp+i)(sq+j); dx = dy at the place of the maximum, 0 elsewhere.

    If values are equal, the first one in row-major order gets the gradient, as in TensorFlow, XLA and
    PyTorch. Gradients of overlapping windows add up. The padding is minus infinity, so never the maximum.
    """

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """The largest value of each window."""
        self.set_windows(x)
        border = (self.spec.border, self.spec.border)
        x = np.pad(x, ((0, 0), border, border, (0, 0)), constant_values=-np.inf)
        y, self.winner = np.full(self.output_shape, -np.inf, x.dtype), np.zeros(self.output_shape, np.int32)
        for number, (_, of_every_window) in enumerate(self.places()):
            candidate = x[of_every_window]
            np.copyto(self.winner, number, where=candidate > y)
            y = np.maximum(y, candidate)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx: each window's dy at the place of its maximum."""
        n, height, width, channels = self.input_shape
        border = self.spec.border
        dx = np.zeros((n, height + 2 * border, width + 2 * border, channels), dy.dtype)
        for number, (_, of_every_window) in enumerate(self.places()):
            dx[of_every_window] += dy * (self.winner == number)
        return dx[:, border : border + height, border : border + width]


class AveragePool(Pooling):
    """y_pq = (1 / k) Σ_ij x_(sp+i)(sq+j) over the k places of a window; dx = dy / k at each of them."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """The mean of each window."""
        self.set_windows(x)
        return sum(x[of_every_window] for _, of_every_window in self.places()) / np.prod(self.window).item()

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx: each window's dy in equal parts."""
        dx = np.zeros(self.input_shape, dy.dtype)
        for _, of_every_window in self.places():
            dx[of_every_window] += dy / np.prod(self.window).item()
        return dx


class GlobalAveragePool(ManualLayer):
    """y = (1 / HW) Σ_hw x_hw; dx_hw = dy / HW."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """[N, H, W, C] to [N, C]."""
        self.shape = x.shape
        return x.mean(axis=(1, 2))

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx: the same part of dy at every pixel."""
        _, height, width, _ = self.shape
        return np.broadcast_to(dy[:, np.newaxis, np.newaxis] / (height * width), self.shape)


class Flatten(ManualLayer):
    """y is x with its axes merged, in the order height, width, channel; dx is dy in the shape of x."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """[N, …] to [N, features]."""
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dx, in the shape of x."""
        return dy.reshape(self.shape)
