"""Dropout from a framework's own generator is a function of the seed, whatever was trained before."""

import importlib.util

import numpy as np
import pytest
from pytorch_process import torch_process

from benchmarks import frameworks
from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.models import layers as L
from benchmarks.models.parameters import initial_parameters
from benchmarks.recipe.optimizer import Optimizer

PACKAGES = {
    "keras": "tensorflow",
    "keras-jax": "jax",
    "keras-torch": "torch",
    "numpy": "numpy",
    "pytorch": "torch",
}
INSTALLED = [name for name in frameworks.NAMES if importlib.util.find_spec(PACKAGES[name])]
LAYERS = [
    *[L.Flatten(), L.Residual((L.Dense(12), L.Dropout(0.5, source="framework")))],
    *[L.ReLU(), L.Dropout(0.25, source="framework"), L.Dense(3)],
]
SHAPE = (3, 4, 1)


def losses(name, execution, runs):
    """Losses of six steps for each run in turn: of the seed, on one trainer and one start of the weights."""
    framework = frameworks.load(name)
    framework.configure(threads=1, device="cpu", precision="float32")
    random = np.random.default_rng(0)
    trainer = framework.Trainer(
        layers=LAYERS,
        optimizer=Optimizer(name="sgd", learning_rate=0.125),
        examples=random.normal(size=(9, *SHAPE)).astype(np.float32),
        labels=random.integers(3, size=9).astype(np.int32),
        precision="float32",
        execution=execution,
    )
    weights, found = initial_parameters(LAYERS, SHAPE, seed=0), []
    for seed in runs:
        drawn = initial_parameters(LAYERS, SHAPE, seed=seed)
        start = {key: drawn[key] if key.endswith("generator") else weights[key] for key in weights}
        trainer.reset(start)
        trainer.logits(random.normal(size=(2, *SHAPE)).astype(np.float32))
        batches = np.tile(np.arange(9, dtype=np.int32), (6, 1))
        found.append([*trainer.train(batches[:4]).loss, *trainer.train(batches[4:]).loss])
    return found


@pytest.fixture(scope="module", params=INSTALLED)
def by_execution(request):
    """For each execution the losses of the seeds 1, 2, 1 of one trainer, and of 1 alone in another."""
    for call in torch_process():
        yield {
            each: [*call(losses, request.param, each, [1, 2, 1]), *call(losses, request.param, each, [1])]
            for each in EXECUTIONS
        }


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_a_seed_gives_the_same_masks_whatever_was_trained_before(by_execution, execution):
    first, _, again, alone = by_execution[execution]
    assert first == again == alone


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_another_seed_gives_other_masks(by_execution, execution):
    first, other, *_ = by_execution[execution]
    assert np.abs(np.subtract(first, other)).max() > 1e-3
    assert len(set(first)) == 6
