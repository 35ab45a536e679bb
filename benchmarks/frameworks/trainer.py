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


class Steps(NamedTuple):
    """What training returns of its steps: losses [steps], and the norms of their gradients [steps].

    The norm is over all trained parameters together, before clipping. It is None where the optimizer
    does not clip, since it is not computed there.
    """

    loss: np.ndarray
    gradient_norm: np.ndarray | None


class Trainer(Protocol):
    """One model with its optimizer and its training data, ready to take steps.

    Loss is the mean softmax cross-entropy over the labels of the batch: one for each example of a
    classifier, one for each position of a text. Parameters travel as named NumPy arrays in the layouts
    of `models.layers`, whatever the framework keeps inside.
    """

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Take these parameters, forget the optimizer's state, count steps from 0.

        What `train` then gives is a function of parameters and batches, whatever came before: random layers,
        those that draw from the framework's own generator too, start from their keys.
        """

    def train(self, batches: np.ndarray) -> Steps:
        """One step per row of `batches` [steps, B] of example indices; returns once all is computed."""

    def read(self, batches: np.ndarray) -> np.ndarray:
        """The labels [steps, B, …] that came through the input pipeline alone, without a training step."""

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs in evaluation mode, [N, n_classes] or [N, positions, n_classes]."""

    def layer_outputs(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """Output of every layer in training mode, by its path in `models.layer.walk`, channels last.

        Running averages and generators may move; reset before training.
        """

    def parameters(self) -> dict[str, np.ndarray]:
        """The parameters as they stand, those not trained included."""

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """The optimizer's state as it stands, by `<slot> <name of the trained parameter>`."""

    def compile(self, batch_size: int) -> float | None:
        """Seconds to build what `train` runs at this batch size; None where nothing is compiled."""


def as_precision(examples: np.ndarray, precision: str) -> np.ndarray:
    """Images in this precision; tokens as the whole numbers they are."""
    return examples.astype(precision, copy=False) if examples.dtype.kind == "f" else examples


def scores(logits: np.ndarray, labels: np.ndarray) -> Scores:
    """Mean softmax cross-entropy (natural log) and accuracy of logits [N, …, k] against labels [N, …]."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=-1))
    chosen = np.take_along_axis(shifted, labels[..., np.newaxis].astype(np.int64), axis=-1)[..., 0]
    return Scores(float(np.mean(log_sum - chosen)), float(np.mean(logits.argmax(axis=-1) == labels)))
