"""Keras on PyTorch: `model.fit` on arrays, or one captured graph for each step with data on the device."""

import os

os.environ["KERAS_BACKEND"] = "torch"
# Keras asks for a GPU while it is imported. Asked of CUDA, that would start it, and no run could be forked.
os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"

from benchmarks.frameworks.keras_parts.imports import without

with without("tensorflow", "jax", "pandas", "sklearn", "matplotlib"):
    import keras
    import torch
    from keras.src.backend.common import global_state
    from keras.src.backend.torch.trainer import TorchEpochIterator

import functools
from collections.abc import Iterator

import numpy as np

from benchmarks.frameworks.keras_parts import trainer
from benchmarks.frameworks.keras_parts.trainer import promote_to
from benchmarks.frameworks.torch_parts import device as torch_parts
from benchmarks.frameworks.torch_parts.device import (
    device,
    is_out_of_memory,
    peak_memory_mib,
    product,
    reset_peak_memory,
    scaling,
    synchronise,
    torch_device,
)
from benchmarks.frameworks.torch_parts.fused import FusedSteps
from benchmarks.frameworks.torch_parts.layers import seed_framework_generator
from benchmarks.frameworks.torch_parts.optimizer import FusedOptimizer
from benchmarks.frameworks.trainer import Loaded
from benchmarks.recipe.optimizer import Optimizer

__all__ = [
    "Trainer",
    "configure",
    "device",
    "is_out_of_memory",
    "peak_memory_mib",
    "product",
    "reset_peak_memory",
    "scaling",
    "switches",
    "synchronise",
]


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and precision of PyTorch, and the same device and precision for Keras."""
    torch_parts.configure(threads=threads, device=device, precision=precision)
    global_state.set_global_attribute("torch_device", str(torch_device()))
    trainer.configure(precision)
    promote_to(precision)


def switches() -> dict:
    """The settings in force in this process, as PyTorch and Keras report them."""
    return {**torch_parts.switches(), "floatx": keras.config.floatx()}


class Trainer(trainer.KerasTrainer):
    """See `frameworks.trainer.Trainer`."""

    def __init__(self, **settings) -> None:
        """Build the loss now: if the first `fit` did, it would draw a number from PyTorch's generator."""
        super().__init__(**settings)
        if self.execution == "idiomatic":
            self.model.test_on_batch(self.examples[:1], self.labels[:1])

    def _prepare_fused(self) -> None:
        weights = [variable.value for variable in self.model.trainable_variables]
        averages = [variable.value for variable in self.model.non_trainable_variables]
        slots = [[slot.value for slot in slots] for slots in self.optimizer.slots]
        self.update = FusedOptimizer(self.settings, weights)
        self.update.slots = dict(zip(self.settings.slots, zip(*slots, strict=True), strict=True))
        self.fused = FusedSteps(
            forward=functools.partial(self.model, training=True),
            state=[*weights, *averages],
            optimizer=self.update,
            examples=torch.from_numpy(self.examples),
            labels=torch.from_numpy(self.labels.astype(np.int64)),
        )

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Seed PyTorch's generator too: Keras's own dropout draws from it, whatever seed it is given."""
        super().reset(parameters)
        seed_framework_generator(self.spec, self.input_shape, parameters)

    def retune(self, optimizer: Optimizer) -> None:
        """Take another learning rate, which is an input of the captured graph."""
        super().retune(optimizer)
        self.update.settings = optimizer

    def _compile_fused(self, batch_size: int) -> None:
        self.fused.compile(batch_size)

    def _coefficients(self, first: int, count: int) -> torch.Tensor:
        """The coefficients in the form that PyTorch's fused kernels need."""
        return self.update.coefficients(first, count)

    def _run(self, batches: np.ndarray, coefficients: torch.Tensor) -> np.ndarray:
        return self.fused.train(batches, coefficients).reshape(len(batches), -1).cpu().numpy()

    def _on_device(self, examples: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(examples).to(torch_device())

    @torch.inference_mode()
    def _forward(self, examples: torch.Tensor) -> np.ndarray:
        return self.model(examples, training=False).cpu().numpy()

    @torch.no_grad()
    def _observed(self, watched: keras.Model, examples: np.ndarray) -> dict:
        return super()._observed(watched, examples)

    def _batches(self, examples: np.ndarray, labels: np.ndarray, **settings) -> Iterator[Iterator[tuple]]:
        epoch = TorchEpochIterator(examples, labels, **settings)
        while True:
            yield (batch for *_, (batch,) in epoch)

    def _load_fused(self, batches: np.ndarray) -> Loaded:
        return self.fused.load_batches(batches)
