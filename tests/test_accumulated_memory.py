"""Gradient accumulation needs the memory of one part: of every framework, in a process of its own."""

import contextlib
from pathlib import Path
from unittest.mock import patch

import pytest

from benchmarks import datasets, frameworks
from benchmarks.common import process
from benchmarks.study import check, study
from benchmarks.training.measure import record

SIZE, PARTS = 1024, 8
MOST = 1 / 2
"""Of the way from what a batch of the size of one part takes to what the whole takes."""
TRIES = 2
"""The system gives and takes memory in its own time, some MiB more or less."""
ARM = {"name": "a", "learning_rate": 0.001, "momentum": 0.875, "scaling": "none"}
WORKLOAD = {
    **{"dataset": "digits", "model": "cnn"},
    "target": {"validation_accuracy": 0.9, "source": "none"},
    "budget": {"epochs": 1, "seconds": 60},
}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    datasets.store("digits", path)
    return path


def peak_mib(
    name: str, data: Path, *, size: int = SIZE, parts: int = 1, plant=contextlib.nullcontext
) -> float:
    """The peak memory of a run, as its record has it."""

    def measured() -> float | None:
        arm = ARM | ({"accumulation": parts} if parts > 1 else {})
        given = {"study": "s", "device": "cpu", "frameworks": [name], "seeds": [0]}
        wanted = check.read({**given, "arms": [arm], "workloads": [WORKLOAD | {"batch_sizes": [size]}]})
        (replicate,) = study.replicates(wanted)
        (plan,) = replicate.plans
        framework = frameworks.load(name)
        with plant():
            made = record(framework, plan, datasets.read(data), threads=1)
        return made.measurements.get("peak_memory_mib")

    peak, exit_code = process.forked(measured)
    assert exit_code == 0 and peak
    return peak


@contextlib.contextmanager
def all_parts_forward_first():
    """All parts of a batch in PyTorch go forward before the first one goes backward: the same numbers."""
    import torch

    from benchmarks.frameworks.torch_parts import fused

    def step(self, row, coefficients):
        parts = row.chunk(self.optimizer.settings.micro_batches(len(row)))
        losses = [fused.mean_loss(self.forward(self.examples[part]), self.labels[part]) for part in parts]
        loss = sum(losses) / len(losses)
        gradients = torch.autograd.grad(loss, self.optimizer.parameters)
        return fused.metrics(loss, self.optimizer.step(gradients, coefficients))

    with patch.object(fused.FusedSteps, "_step", step):
        yield


@pytest.mark.parametrize("name", ["numpy", "pytorch", "keras", "keras-jax", "keras-torch"])
def test_a_step_in_parts_takes_the_memory_of_one_part(name, digits):
    whole, one = peak_mib(name, digits), peak_mib(name, digits, size=SIZE // PARTS)
    parts = min(peak_mib(name, digits, parts=PARTS) for _ in range(TRIES))
    assert parts < one + MOST * (whole - one), f"{parts:.0f} MiB, of {one:.0f} to {whole:.0f}"


def test_parts_whose_activations_are_kept_take_the_memory_of_the_whole(digits):
    whole, one = peak_mib("pytorch", digits), peak_mib("pytorch", digits, size=SIZE // PARTS)
    plant = {"parts": PARTS, "plant": all_parts_forward_first}
    parts = max(peak_mib("pytorch", digits, **plant) for _ in range(TRIES))
    assert parts > one + MOST * (whole - one)
