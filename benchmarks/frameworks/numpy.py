"""NumPy, as a training loop with every gradient written by hand: the reference that the others are held to.

`idiomatic` is the textbook loop, one parameter after the other. `fused` keeps all parameters, gradients
and slots end to end in one vector each, so that a step updates them with one expression. There is no
GPU and nothing to compile.
"""

from collections.abc import Iterator

import numpy as np
import threadpoolctl

from benchmarks.frameworks.numpy_parts import network
from benchmarks.frameworks.numpy_parts.layers import Allocate, Tensors, apart, end_to_end, not_trained
from benchmarks.frameworks.numpy_parts.network import Update, cross_entropy
from benchmarks.frameworks.numpy_parts.random_layers import Dropout
from benchmarks.frameworks.trainer import EVALUATION_BATCH, Device, Execution, Steps, as_precision
from benchmarks.models.layer import Spec
from benchmarks.models.parameters import parameter_shapes, trained
from benchmarks.recipe.optimizer import Optimizer

ALLOCATIONS: dict[Execution, Allocate] = {"idiomatic": apart, "fused": end_to_end}


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set the threads of the matrix products; there is one device, and each array has its own precision."""
    threadpoolctl.threadpool_limits(limits=threads)


def device() -> Device:
    """Always the CPU."""
    return Device("cpu", "CPU")


def switches() -> dict:
    """What is in force in this process. NumPy cannot flush denormal numbers to 0: it computes with them."""
    return {
        "blas_threads": max((pool["num_threads"] for pool in threadpoolctl.threadpool_info()), default=1),
        "flush_denormal": False,
        "one_vector": "fused",
    }


def synchronise() -> None:
    """Nothing is ever under way: NumPy returns what is computed."""


def reset_peak_memory() -> None:
    """There is no counter to start anew."""


def peak_memory_mib() -> None:
    """None: NumPy counts no memory."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether NumPy or Python says with this error that memory ran out."""
    return isinstance(error, MemoryError)


class Trainer:
    """See `frameworks.trainer.Trainer`."""

    def __init__(
        self,
        *,
        layers: Spec,
        optimizer: Optimizer,
        examples: np.ndarray,
        labels: np.ndarray,
        precision: str,
        execution: Execution,
    ) -> None:
        self.precision, self.optimizer, self.step = precision, optimizer, 0
        self.examples, self.labels = as_precision(examples, precision), labels
        shapes = parameter_shapes(layers, examples.shape[1:])
        moved = {name: shapes[name] for name in trained(shapes)}
        kept = {name: shape for name, shape in shapes.items() if name not in moved}
        self.update = Update(optimizer, moved, precision, ALLOCATIONS[execution])
        found = self.update.parameters.named | not_trained(kept, precision)
        self.tensors = Tensors({name: found[name] for name in shapes}, self.update.gradients.named)
        self.model = network.model(layers, examples.shape[1:], self.tensors)

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Take these parameters and forget the optimizer's state."""
        self.step = 0
        for name, array in self.tensors.parameters.items():
            array[...] = parameters[name]
        for layer in self.model.walk():
            if isinstance(layer, Dropout):
                layer.start_own_generator()
        for array in self.update.state().values():
            array[...] = 0

    def train(self, batches: np.ndarray) -> Steps:
        """Forward, loss, backward, update: one step per row of `batches` [steps, B]."""
        losses, norms = [], []
        rows = self.optimizer.coefficients(self.step, len(batches)).tolist()
        for (x, y), coefficients in zip(self._gathered(batches), rows, strict=True):
            loss, d_logits = cross_entropy(self.model.forward(x, training=True), y)
            self.model.backward(d_logits)
            norms.append(self.update.step(coefficients))
            losses.append(loss)
        self.step += len(batches)
        clips = self.optimizer.clip_norm is not None
        return Steps(np.array(losses, self.precision), np.array(norms, self.precision) if clips else None)

    def _gathered(self, batches: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The examples and labels of each batch."""
        return ((self.examples[row], self.labels[row]) for row in batches)

    def read(self, batches: np.ndarray) -> np.ndarray:
        """Gather the same batches and return their labels."""
        return np.stack([y for _, y in self._gathered(batches)])

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs in evaluation mode, [N, …, n_classes]."""
        starts = range(0, len(examples), EVALUATION_BATCH)
        parts = (as_precision(examples[start : start + EVALUATION_BATCH], self.precision) for start in starts)
        return np.concatenate([self.model.forward(part, training=False) for part in parts])

    def layer_outputs(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """The output of every layer in training mode, by path."""
        _, found = self.model.outputs(as_precision(examples, self.precision))
        return {path: y.copy() for path, y in found.items()}

    def parameters(self) -> dict[str, np.ndarray]:
        """Copies of the parameters as they stand."""
        return {name: array.copy() for name, array in self.tensors.parameters.items()}

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """Copies of the optimizer's state as it stands."""
        return {name: array.copy() for name, array in self.update.state().items()}

    def compile(self, batch_size: int) -> None:
        """None: nothing is compiled."""
