"""The loss of a step, and the fused execution: captured steps on data that lies on the device."""

from collections.abc import Callable, Iterable
from itertools import chain

import numpy as np
import torch
from torch.nn import functional

from benchmarks.frameworks.torch_parts.captured import CapturedStep
from benchmarks.frameworks.torch_parts.device import torch_device
from benchmarks.frameworks.torch_parts.optimizer import FusedOptimizer


def mean_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean softmax cross-entropy of logits [N, …, k] over all labels [N, …]."""
    return functional.cross_entropy(logits.flatten(0, -2), labels.flatten())


def numbers(loss: torch.Tensor, norm: torch.Tensor | None) -> torch.Tensor:
    """What one step reports: its loss, or [loss, gradient norm]."""
    return loss.detach() if norm is None else torch.stack((loss.detach(), norm))


class FusedSteps:
    """Training steps of a model, and their gathers alone, each one captured graph for a batch size.

    `forward` is the model in training mode and `state` its tensors, those not trained included. `examples`
    and `labels` are brought to the device.
    """

    def __init__(
        self,
        *,
        forward: Callable[[torch.Tensor], torch.Tensor],
        state: Iterable[torch.Tensor],
        optimizer: FusedOptimizer,
        examples: torch.Tensor,
        labels: torch.Tensor,
    ) -> None:
        self.forward, self.optimizer = forward, optimizer
        self.device = torch_device()
        self.examples, self.labels = examples.to(self.device), labels.to(self.device)
        self.steps = CapturedStep(self._step, [*state, *chain.from_iterable(optimizer.slots.values())])
        self.gathers, self.gathered = CapturedStep(self._gather, []), {}

    def compile(self, batch_size: int) -> None:
        """Capture the step at this batch size."""
        row = torch.arange(batch_size, device=self.device, dtype=torch.int32)
        self.steps.capture(row, self.optimizer.coefficients(0, 1)[0])

    def train(self, batches: np.ndarray, coefficients: torch.Tensor) -> torch.Tensor:
        """One step per row of `batches` and of the optimizer's coefficients: their `numbers`, [steps, …]."""
        return self.steps.run(self._rows(batches), coefficients)

    def read(self, batches: np.ndarray) -> torch.Tensor:
        """The gathers of these steps, without the steps; the labels [steps, B, …]."""
        size = batches.shape[1]
        if size not in self.gathered:
            self.gathered[size] = self.examples.new_empty((size, *self.examples.shape[1:]))
        return self.gathers.run(self._rows(batches))

    def _rows(self, batches: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(batches).to(self.device)

    def _step(self, row: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
        x, y = self.examples.index_select(0, row), self.labels.index_select(0, row)
        loss = mean_loss(self.forward(x), y)
        gradients = torch.autograd.grad(loss, self.optimizer.parameters)
        return numbers(loss, self.optimizer.step(gradients, coefficients))

    def _gather(self, row: torch.Tensor) -> torch.Tensor:
        """Examples go to one place, each batch over the one before: a graph leaves out what none asks for."""
        torch.index_select(self.examples, 0, row, out=self.gathered[len(row)])
        return self.labels.index_select(0, row)
