"""The peak memory of Keras on JAX on a GPU, which is played."""

from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
from pytorch_process import torch_process

from benchmarks.models.layers import Dense, ReLU
from benchmarks.models.parameters import initial_parameters
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.optimizer import Optimizer

N, IN_USE = 64, 2**20


def peaks():
    """MiB after each of three trainings, of 4 and of 64 examples a step and of 4 again after a reset."""
    import jax

    from benchmarks.frameworks import keras_jax
    from benchmarks.frameworks.trainer import Device

    keras_jax.configure(threads=1, device="cpu", precision="float32")
    layers = [Dense(256), ReLU(), Dense(3)]
    trainer = keras_jax.Trainer(
        **{"layers": layers, "optimizer": Optimizer(name="sgd", learning_rate=0.5)},
        **{"examples": np.ones((N, 8), np.float32), "labels": np.zeros(N, np.int32)},
        **{"precision": "float32", "execution": "fused"},
    )
    trainer.reset(initial_parameters(layers, (8,), seed=0))
    gpu = SimpleNamespace(memory_stats=lambda: {"bytes_in_use": IN_USE, "peak_bytes_in_use": 10**9})

    def peak(size):
        trainer.train(BatchStream(N, seed=0).batches(size, first=0, count=2))
        played = patch.object(keras_jax, "device", lambda: Device("gpu", "played"))
        with played, patch.object(jax, "devices", lambda: [gpu]):
            return keras_jax.peak_memory_mib()

    found = [peak(4), peak(64)]
    keras_jax.reset_peak_memory()
    return [*found, peak(4), peak(4)]


in_another_process = pytest.fixture(torch_process, scope="module")


@pytest.fixture(scope="module")
def found(in_another_process):
    pytest.importorskip("jax")
    return in_another_process(peaks)


def test_the_peak_is_what_is_in_use_and_what_the_steps_take_beside_it(found):
    activations_mib = 64 * 256 * 4 / 2**20  # the hidden layer of the larger batch, in float32
    assert found[1] >= 1 + activations_mib and found[1] < 2


def test_a_reset_forgets_the_larger_batch_and_nothing_counts_what_compiling_took(found):
    assert found[2] == found[3] == found[0] < found[1]
