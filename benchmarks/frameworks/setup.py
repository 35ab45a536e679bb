"""The set-up of a training in a framework: its model, its trainer, its initial parameters, its batches.

Certificates, trainings and timings are all set up here, so that what is certified is what is trained and
timed.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from benchmarks import models
from benchmarks.common.heap import keep_freed_memory
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import Execution, Trainer
from benchmarks.models import flops
from benchmarks.models.layer import Spec
from benchmarks.models.layers import Product
from benchmarks.models.parameters import Parameters, initial_parameters
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.optimizer import Optimizer


@dataclass(frozen=True)
class Setup:
    """A training before its first step, in one framework and execution.

    `examples` is [N, …]; `labels` is [N] or, for text, [N, positions]. The framework must have been
    configured.
    """

    framework: ModuleType
    layers: Spec
    optimizer: Optimizer
    examples: np.ndarray
    labels: np.ndarray
    precision: str
    execution: Execution = "fused"

    @classmethod
    def on(
        cls,
        data: Dataset,
        *,
        model: str,
        augmentation: list[str],
        randomness: str = "shared",
        ghost_batch: int | None = None,
        mixed_precision: str | None = None,
        first: int | None = None,
        **settings,
    ) -> "Setup":
        """A training of a named model on the training examples of a data set, or on the `first` of them."""
        layers = models.spec(
            model,
            n_classes=data.n_classes,
            augmentation=augmentation,
            randomness=randomness,
            ghost_batch=ghost_batch,
            mixed_precision=mixed_precision,
        )
        return cls(layers=layers, examples=data.train_x[:first], labels=data.train_y[:first], **settings)

    def trainer(self) -> Trainer:
        """A new trainer; it is not compiled, and `reset` has to set its parameters."""
        if self.execution == "fused":
            keep_freed_memory()
        return self.framework.Trainer(
            layers=self.layers,
            optimizer=self.optimizer,
            examples=self.examples,
            labels=self.labels,
            precision=self.precision,
            execution=self.execution,
        )

    @property
    def flops_per_example(self) -> int:
        """Floating-point operations of a forward and a backward pass for an example."""
        return flops.of_training(self.layers, self.examples.shape[1:])

    @property
    def product_precision(self) -> str:
        """The precision in which products of matrices are computed."""
        products = [layer for layer in models.all_layers(self.layers) if isinstance(layer, Product)]
        return "bfloat16" if any(layer.bfloat16 for layer in products) else self.precision

    def parameters(self, *, seed: int) -> Parameters:
        """The initial parameters for a seed, the same in every framework."""
        return initial_parameters(self.layers, self.examples.shape[1:], seed=seed)

    def stream(self, *, seed: int) -> BatchStream:
        """The batches for a seed, the same in every framework."""
        return BatchStream(len(self.labels), seed=seed)
