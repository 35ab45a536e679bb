"""What goes wrong in one cell is its result, and stops neither its other seeds nor other cells."""

import types

import numpy as np
import pytest

from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import Steps
from benchmarks.recipe.plan import Budget, Plan
from benchmarks.training import cell
from benchmarks.training.record import Status

PLAN = Plan(
    cell={"dataset": "digits", "model": "mlp", "framework": "keras", "arm": "a", "batch_size": 2},
    device="cpu",
    precision="float32",
    optimizer={"name": "momentum", "learning_rate": 0.5, "momentum": 0.5, "total_steps": 5},
    augmentation=[],
    randomness="shared",
    seeds=[0, 1, 2],
    target=0.9,
    budget=Budget(epochs=1, seconds=60),
    evaluate_every=10,
)


def data():
    x, y = np.zeros((10, 2, 2, 1), np.float32), np.zeros(10, np.int32)
    names = ("train", "validation", "test")
    examples, labels = {f"{name}_x": x for name in names}, {f"{name}_y": y for name in names}
    return Dataset(name="digits", n_classes=2, sha256="", **examples, **labels)


class Trainer:
    """Works, except that the `failing` reset is followed by a step that raises the error."""

    def __init__(self, error, failing):
        self.error, self.failing, self.resets = error, failing, 0

    def reset(self, parameters):
        self.resets += 1

    def compile(self, batch_size):
        return None

    def train(self, batches):
        if self.resets == self.failing:
            self.resets += 100  # the test-set read resets too; fail once
            raise self.error
        return Steps(np.ones(len(batches)), None)

    def logits(self, examples):
        return np.eye(2)[np.zeros(len(examples), int)]

    def parameters(self):
        return {}


def framework(error, *, failing):
    return types.SimpleNamespace(
        Trainer=lambda **settings: Trainer(error, failing),
        device=lambda: types.SimpleNamespace(kind="cpu"),
        reset_peak_memory=lambda: None,
        synchronise=lambda: None,
        is_out_of_memory=lambda found: isinstance(found, MemoryError),
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [(MemoryError("no room"), Status.OUT_OF_MEMORY), (RuntimeError("odd"), Status.FAILED)],
)
def test_an_error_in_one_seed_is_its_status_and_the_others_go_on(error, status):
    # Resets: 1 warm-up, 2 first seed, 3 its best parameters, 4 second seed.
    runs, measured, _ = cell.run_cell(framework(error, failing=4), PLAN, data())
    assert [run.status for run in runs] == [Status.REACHED, status, Status.REACHED]
    assert str(error) in runs[1].message
    assert measured["peak_memory_mib"] >= 0


def test_an_error_before_the_first_seed_is_the_result_of_all():
    runs, measured, measuring_s = cell.run_cell(framework(MemoryError("x"), failing=1), PLAN, data())
    assert [run.status for run in runs] == [Status.OUT_OF_MEMORY] * 3
    assert (measured, measuring_s) == ({}, 0.0)
