"""Keras on PyTorch, as `model.fit` on arrays or as one captured graph a step on resident data."""

import os

os.environ["KERAS_BACKEND"] = "torch"

from benchmarks.frameworks.keras_parts.imports import without

with without("tensorflow", "jax", "pandas", "sklearn"):
    import keras
    import torch
    from keras.src.backend.common import global_state
    from keras.src.backend.torch.trainer import TorchEpochIterator

from itertools import chain

import numpy as np
from torch.nn import functional

from benchmarks.frameworks.keras_parts import trainer
from benchmarks.frameworks.keras_parts.precision import promote_to
from benchmarks.frameworks.torch_parts import device as torch_parts
from benchmarks.frameworks.torch_parts.captured import CapturedStep
from benchmarks.frameworks.torch_parts.device import (
    device,
    is_out_of_memory,
    peak_memory_mib,
    reset_peak_memory,
    synchronise,
    torch_device,
)
from benchmarks.frameworks.torch_parts.optimizer import FusedOptimizer

__all__ = [
    "Trainer",
    "configure",
    "device",
    "is_out_of_memory",
    "peak_memory_mib",
    "reset_peak_memory",
    "switches",
    "synchronise",
]


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and numbers of PyTorch, and let Keras compute where and in what it does."""
    torch_parts.configure(threads=threads, device=device, precision=precision)
    global_state.set_global_attribute("torch_device", str(torch_device()))
    trainer.configure(precision)
    promote_to(precision)


def switches() -> dict:
    """What is switched on and off in this process, as PyTorch and Keras report it."""
    return {**torch_parts.switches(), "floatx": keras.config.floatx()}


class Trainer(trainer.KerasTrainer):
    """See `frameworks.trainer.Trainer`."""

    def _prepare_fused(self) -> None:
        self.weights = [variable.value for variable in self.model.trainable_variables]
        self._examples = torch.from_numpy(self.examples).to(torch_device())
        self._labels = torch.from_numpy(self.labels.astype(np.int64)).to(torch_device())
        slots = [[slot.value for slot in slots] for slots in self.optimizer.slots]
        self.update = FusedOptimizer(self.settings, self.weights)
        self.update.slots = dict(zip(self.settings.slots, zip(*slots, strict=True), strict=True))
        averages = [variable.value for variable in self.model.non_trainable_variables]
        self.captured = CapturedStep(self._step_on, [*self.weights, *averages, *chain.from_iterable(slots)])

    def _compile_fused(self, batch_size: int) -> None:
        row = torch.arange(batch_size, device=torch_device(), dtype=torch.int32)
        self.captured.capture(row, self.update.coefficients(0, 1)[0])

    def _run(self, batches: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """PyTorch's fused kernels ask for coefficients of their own."""
        first = self.first - len(batches)
        rows = torch.from_numpy(batches).to(torch_device())
        return self.captured.run(rows, self.update.coefficients(first, len(batches))).cpu().numpy()

    def _step_on(self, row: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
        x, labels = self._examples.index_select(0, row), self._labels.index_select(0, row)
        logits = self.model(x, training=True)
        loss = functional.cross_entropy(logits.flatten(0, -2), labels.flatten())
        norm = self.update.step(torch.autograd.grad(loss, self.weights), coefficients)
        return torch.stack([loss.detach()] if norm is None else [loss.detach(), norm])

    @torch.inference_mode()
    def _forward(self, examples: np.ndarray) -> np.ndarray:
        return self.model(torch.from_numpy(examples).to(torch_device()), training=False).cpu().numpy()

    @torch.no_grad()
    def _observed(self, watched: keras.Model, examples: np.ndarray) -> dict:
        return super()._observed(watched, examples)

    def _iterate(self, batches: np.ndarray) -> np.ndarray:
        (x, y), settings = self._pipeline(batches)
        epoch = TorchEpochIterator(x, y, shuffle=False, **settings)
        return torch.stack([labels for *_, ((_, labels),) in epoch]).cpu().numpy()

    def _read_fused(self, batches: np.ndarray) -> np.ndarray:
        """The gathers of the captured step, without the steps."""
        rows = torch.from_numpy(batches).to(torch_device())
        read = [(self._examples.index_select(0, row), self._labels.index_select(0, row))[1] for row in rows]
        return torch.stack(read).cpu().numpy()
