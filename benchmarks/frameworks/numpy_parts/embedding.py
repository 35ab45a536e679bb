"""The embeddings of tokens and of positions."""

import numpy as np

from benchmarks.frameworks.numpy_parts.layer import ManualLayer


class Embedding(ManualLayer):
    """y_nt = E_x, x the token at (n, t); dE_v = Σ dy over all places (n, t) that hold the token v."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """Tokens [N, T] to [N, T, width]."""
        self.tokens = x
        return self.parameters["table"][x]

    def backward(self, dy: np.ndarray) -> None:
        """Tokens have no gradient."""
        # As a product with the places of each token: several times as fast as np.add.at.
        holds = self.tokens.reshape(-1, 1) == np.arange(self.spec.vocabulary)
        self.store(table=holds.T.astype(dy.dtype) @ dy.reshape(-1, dy.shape[-1]))


class PositionEmbedding(ManualLayer):
    """y_nt = x_nt + P_t; dP_t = Σ_n dy_nt, dx = dy."""

    def forward(self, x: np.ndarray, *, training: bool) -> np.ndarray:
        """The shape stays."""
        return x + self.parameters["table"]

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """dy itself."""
        self.store(table=dy.sum(axis=0))
        return dy
