"""A mean loss over examples with its derivatives: the interface of what is measured at a checkpoint."""

from typing import Protocol

import numpy as np


class Differentiable(Protocol):
    """A function of θ [P]; `frameworks.torch_parts.mean_loss` has the one of a model.

    `chosen` are indices of the examples that it is the mean over, all of them if it is None.
    """

    n: int
    """The number of examples."""

    def tree(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """The parameters of θ by name, in their shapes."""

    def value(self, theta: np.ndarray, chosen: np.ndarray | None = None) -> float:
        """The mean."""

    def value_and_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean over all examples, and its gradient [P]."""

    def gradient(self, theta: np.ndarray, chosen: np.ndarray | None = None) -> np.ndarray:
        """The gradient, [P]."""

    def squared_distances(self, theta: np.ndarray, vector: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """|g − v|² for the gradient g of each chosen example and a vector v [P]: [chosen]."""

    def hessian_vector(
        self, theta: np.ndarray, vector: np.ndarray, chosen: np.ndarray | None = None
    ) -> np.ndarray:
        """The Hessian times a vector, [P]."""
