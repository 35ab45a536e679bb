"""Pooling over windows, and over the whole image."""

from collections.abc import Iterator

import numpy as np

from benchmarks.frameworks.numpy_parts.layer import ManualLayer
from benchmarks.frameworks.numpy_parts.windows import Place, Slices, places


class Pooling(ManualLayer):
    """What both poolings share: the windows of the last input."""

    def slide(self, x: np.ndarray) -> None:
        """Lay the windows over x [N, H, W, C]."""
        self.input_shape, self.window = x.shape, self.spec.window(x.shape[1:])
        self.output_shape = (len(x), *self.spec.output_shape(x.shape[1:]))

    def places(self) -> Iterator[tuple[Place, Slices]]:
        """The places of the window, with the slices of the input."""
        return places(self.window, stride=self.spec.stride, counts=self.output_shape[1:3])


class MaxPool(Pooling):
    """y_pq = max_ij x_(sp+i)(sq+j); dx = dy at the place of the maximum, 0 elsewhere.

    Of equal values the first takes the gradient, the window read row by row, as it does in TensorFlow,
    XLA and PyTorch. Windows that overlap add theirs. A border is minus infinity, which never wins.
    """

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """The largest value of each window."""
        self.slide(x)
        border = (self.spec.border, self.spec.border)
        x = np.pad(x, ((0, 0), border, border, (0, 0)), constant_values=-np.inf)
        y, self.winner = np.full(self.output_shape, -np.inf, x.dtype), np.zeros(self.output_shape, np.int32)
        for number, (_, of_every_window) in enumerate(self.places()):
            candidate = x[of_every_window]
            np.copyto(self.winner, number, where=candidate > y)
            y = np.maximum(y, candidate)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Each window's dy to its winner."""
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
        self.slide(x)
        return sum(x[of_every_window] for _, of_every_window in self.places()) / np.prod(self.window).item()

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """Each window's dy in equal parts."""
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
        """The same part of dy to every pixel."""
        _, height, width, _ = self.shape
        return np.broadcast_to(dy[:, np.newaxis, np.newaxis] / (height * width), self.shape)


class Flatten(ManualLayer):
    """y is x with its axes made one, in the order height, width, channel; dx is dy in x's shape."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """[N, …] to [N, features]."""
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """The shape of x again."""
        return dy.reshape(self.shape)
