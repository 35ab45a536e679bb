"""A trace: everything one framework computes over the first steps of a training, in float64."""

from types import ModuleType

import numpy as np

from benchmarks import models
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import Execution
from benchmarks.models.parameters import initial_parameters
from benchmarks.recipe.batch_stream import BatchStream
from benchmarks.recipe.optimizer import Momentum

STEPS = 100
BATCH_SIZE = 64
EXAMPLES = 1024
"""Examples of the data set that a trace trains on and is evaluated with."""

Trace = dict[str, np.ndarray]


def record_trace(
    framework: ModuleType, data: Dataset, *, model: str, optimizer: Momentum, execution: Execution
) -> Trace:
    """Loss of every step [STEPS], and then parameters, velocities and evaluation logits [N, n_classes].

    The framework must have been configured for float64.
    """
    layers = models.spec(model, n_classes=data.n_classes)
    examples, labels = data.train_x[:EXAMPLES], data.train_y[:EXAMPLES]
    trainer = framework.Trainer(
        layers=layers,
        input_shape=examples.shape[1:],
        optimizer=optimizer,
        examples=examples,
        labels=labels,
        precision="float64",
        execution=execution,
    )
    trainer.reset(initial_parameters(layers, examples.shape[1:], seed=0))
    batches = BatchStream(len(labels), seed=0).batches(BATCH_SIZE, first=0, count=STEPS)
    return {
        "loss": trainer.train(batches),
        "evaluation outputs": trainer.logits(examples),
        **{f"parameter {name}": value for name, value in trainer.parameters().items()},
        **{f"velocity {name}": value for name, value in trainer.velocity().items()},
    }
