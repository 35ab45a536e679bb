"""What a run starts from, worked out apart from the code that all frameworks and the reference share.

Layers, examples, first parameters and batches are inputs of every framework: if they were wrong, all would
be wrong alike.
"""

import importlib
import math
from collections.abc import Iterable, Iterator

import numpy as np

from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.identity.expected_run import batches
from benchmarks.models.layer import Layer
from benchmarks.models.layers import BatchNorm, Dropout, RandomFlip, RandomShift, Residual
from benchmarks.recipe.plan import Plan

SEEDS = (0, 1, 2**31)
PLACES = 0.0, 0.4, 1.0
"""Parts of a run's steps at which its batches are compared."""
COMPARED = 4
"""Batches that are compared at each place."""
AUGMENTATIONS = {"shift": RandomShift(reach=4), "flip": RandomFlip()}
SAME = {"bias": 0.0, "beta": 0.0, "gamma": 1.0, "moving_mean": 0.0, "moving_variance": 1.0}
"""The first value of all parameters that are not drawn, by the end of their names."""
BRANCHES = {"body": 0, "shortcut": 1}


def flat(layers: Iterable[Layer]) -> Iterator[Layer]:
    """All layers, and those in both branches of a residual."""
    for layer in layers:
        yield layer
        if isinstance(layer, Residual):
            yield from flat((*layer.body, *layer.shortcut))


def sources(layers: list[Layer]) -> set[str]:
    """Where the dropout of a model draws its random numbers from."""
    return {layer.source for layer in flat(layers) if isinstance(layer, Dropout)}


def ghosts(layers: list[Layer]) -> set[int | None]:
    """The sizes of the ghost batches of a model's batch norms."""
    return {layer.ghost for layer in flat(layers) if isinstance(layer, BatchNorm)}


def drawn(name: str, shape: tuple[int, ...], seed: int, *, ahead: int) -> np.ndarray | None:
    """The first value of a kernel or table from the seed's stream for its layer; None for all others.

    `ahead` is the number of augmentation layers in front of the model. Kernels are from U(−a, a) with
    a = √(6 / (fan in + fan out)) (Glorot & Bengio 2010, eq. 16).
    """
    path, _, own = name.rpartition(".")
    if not own.endswith("kernel") and own != "table":
        return None
    first, *rest = (BRANCHES[part] if part in BRANCHES else int(part) for part in path.split("."))
    sequence = np.random.SeedSequence(seed, spawn_key=(0, first - ahead, *rest))
    if own == "table":
        return np.random.default_rng(sequence).normal(0.0, 0.02, shape)
    fans = math.prod(shape[:-1]) + math.prod(shape[:-2]) * shape[-1]
    return np.random.default_rng(sequence).uniform(-math.sqrt(6 / fans), math.sqrt(6 / fans), shape)


def wrong_parameters(setup: Setup, plan: Plan) -> Iterator[str]:
    """Every first parameter that is not what the seed gives, in words.

    Of a layer with several kernels only the first is compared, since the others are drawn behind it.
    """
    for seed in (plan.seed, *SEEDS):
        compared = set()
        for name, array in setup.parameters(seed=seed).items():
            due = drawn(name, array.shape, seed, ahead=len(plan.augmentation))
            fill = next((value for end, value in SAME.items() if name.endswith(end)), None)
            path = name.rpartition(".")[0]
            if due is not None and path not in compared and not np.allclose(array, due, rtol=1e-12, atol=0):
                yield f"the first {name} of seed {seed} is not drawn as it should be"
            if fill is not None and (array != fill).any():
                yield f"the first {name} is not {fill:g}"
            compared |= {path} if due is not None else set()


def wrong_batches(setup: Setup, plan: Plan) -> Iterator[str]:
    """The places at which the batches are not those of the seed, in words."""
    size, steps = plan.cell.batch_size, plan.optimizer.total_steps
    for seed in (plan.seed, *SEEDS):
        due = batches(len(setup.labels), seed=seed, batch_size=size, steps=steps + COMPARED)
        stream = setup.stream(seed=seed)
        for first in (round(part * (steps - 1)) for part in PLACES):
            made = stream.batches(size, first=first, count=COMPARED)
            if not np.array_equal(made, due[first : first + COMPARED]):
                yield f"the batches from step {first + 1} on are not those of seed {seed}"


def faults(setup: Setup, plan: Plan, data: Dataset) -> Iterator[str]:
    """Everything in which a set-up is not that of the plan, in words."""
    model = importlib.import_module(f"benchmarks.models.{plan.cell.model}")
    layers, ahead = list(setup.layers), [AUGMENTATIONS[name] for name in plan.augmentation]
    if layers[: len(ahead)] != ahead or len(layers) != len(ahead) + len(model.layers(data.n_classes)):
        yield f"its layers are not {plan.cell.model} behind the augmentation {plan.augmentation}"
    if sources(layers) - {plan.randomness}:
        yield f"its dropout does not draw from the generator of {plan.randomness} randomness"
    if ghosts(layers) - {plan.ghost_batch}:
        yield f"its batch norm has other ghost batches than of {plan.ghost_batch} examples"
    if not (np.array_equal(setup.examples, data.train_x) and np.array_equal(setup.labels, data.train_y)):
        yield "its examples are not all training examples"
    if (setup.optimizer, setup.precision, setup.execution) != (plan.optimizer, plan.precision, "fused"):
        yield "its optimizer, precision or execution is not that of the plan"
    yield from wrong_parameters(setup, plan)
    yield from wrong_batches(setup, plan)


def fault(setup: Setup, plan: Plan, data: Dataset) -> str:
    """The first of them; empty if there is none."""
    return next(faults(setup, plan, data), "")
