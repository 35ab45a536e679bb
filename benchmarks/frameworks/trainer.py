"""What every framework's trainer offers: the contract that training and measuring build on."""

from typing import Literal, NamedTuple, Protocol

import numpy as np

Execution = Literal["idiomatic", "fused"]
EXECUTIONS: tuple[Execution, ...] = ("idiomatic", "fused")
EVALUATION_BATCH = 1000
"""Examples per forward pass in evaluation; bounds its memory whatever the training's batch size."""


class Device(NamedTuple):
    """Where a framework computes: `kind` is cpu or gpu, `name` what the framework calls it."""

    kind: str
    name: str


class Scores(NamedTuple):
    """Mean loss and share of correct answers over a set of examples, in evaluation mode."""

    loss: float
    accuracy: float


class Trainer(Protocol):
    """One model with its optimizer and its training data, ready to take steps.

    Loss is the mean softmax cross-entropy over the batch. Parameters travel as named NumPy arrays
    in the layouts of `models.layers`, whatever the framework keeps inside.
    """

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Take these parameters and forget the optimizer's state."""

    def train(self, batches: np.ndarray) -> np.ndarray:
        """One step per row of `batches` [steps, B]; returns the losses [steps] once all is computed."""

    def read(self, batches: np.ndarray) -> None:
        """Pass the same batches through the input pipeline alone, without a training step."""

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs in evaluation mode, [N, n_classes]."""

    def parameters(self) -> dict[str, np.ndarray]:
        """The parameters as they stand."""

    def velocity(self) -> dict[str, np.ndarray]:
        """The optimizer's state as it stands, by the names of the trained parameters."""

    def compile(self, batch_size: int) -> float | None:
        """Seconds to build what `train` runs at this batch size; None where nothing is compiled."""


def scores(logits: np.ndarray, labels: np.ndarray) -> Scores:
    """Mean softmax cross-entropy (natural log) and accuracy of logits [N, k] against labels [N]."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1))
    chosen = shifted[np.arange(len(labels)), labels]
    return Scores(float(np.mean(log_sum - chosen)), float(np.mean(logits.argmax(axis=1) == labels)))
