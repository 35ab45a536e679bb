"""What a run starts from, worked out apart from the code that all frameworks and the reference share.

Layers, examples, first parameters and batches are inputs of every framework: if they were wrong, all would
be wrong alike.
"""

import importlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.identity.expected_run import batches
from benchmarks.models.layer import Layer
from benchmarks.models.layers import (
    Attention,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    RandomFlip,
    RandomShift,
    Residual,
)
from benchmarks.recipe.plan import Plan

SEEDS = (*range(16), 42, *range(1000, 1004), 1234, 2**31)
"""Seeds that studies and their searches have, beside the one of the plan."""
PLACES = 0.0, 0.4, 1.0
"""Parts of a run's steps at which its batches are compared."""
PARTED = (1, 7, 8, 16, 24, 64, 96, 512, 4096)
"""Batch sizes at which it is looked into how many parts a batch has, beside those of the plan."""
COMPARED = 4
"""Batches that are compared at each place."""
AUGMENTATIONS = {"shift": RandomShift(reach=4), "flip": RandomFlip()}
SAME = {"bias": 0.0, "beta": 0.0, "gamma": 1.0, "moving_mean": 0.0, "moving_variance": 1.0}
"""The first value of all parameters that are not drawn, by the end of their names."""
BRANCHES = {"body": 0, "shortcut": 1}
PARAMETERS, AUGMENTATION = 0, 1
"""What random numbers are for, by number; see `recipe.randomness`."""
OF_DATA = {"examples": "train_x", "labels": "train_y"}


def flat(layers: Iterable[Layer]) -> Iterator[Layer]:
    """All layers, and those in both branches of a residual."""
    for layer in layers:
        yield layer
        if isinstance(layer, Residual):
            yield from flat((*layer.body, *layer.shortcut))


def stated(layers: Iterable[Layer], plan: Plan) -> tuple[Layer, ...]:
    """The layers of a model with what a plan says of dropout, batch norm and products."""

    def as_planned(layer: Layer) -> Layer:
        match layer:
            case Residual():
                return replace(layer, body=stated(layer.body, plan), shortcut=stated(layer.shortcut, plan))
            case Dropout():
                return replace(layer, source=plan.randomness)
            case BatchNorm():
                return replace(layer, ghost=plan.ghost_batch)
            case Dense() | Conv() | Attention():
                return replace(layer, bfloat16=plan.mixed_precision == "bfloat16")
        return layer

    return tuple(as_planned(layer) for layer in layers)


def ghosts(layers: list[Layer]) -> set[int | None]:
    """The sizes of the ghost batches of a model's batch norms."""
    return {layer.ghost for layer in flat(layers) if isinstance(layer, BatchNorm)}


def in_bfloat16(layers: list[Layer]) -> set[bool]:
    """Whether the products of a model are in bfloat16; both if some are."""
    return {layer.bfloat16 for layer in flat(layers) if isinstance(layer, Dense | Conv | Attention)}


def wrong_parts(plan: Plan, layers: list[Layer]) -> Iterator[str]:
    """The batches that ghost batches or micro-batches cut into other parts than they should, in words."""
    for n in {*PARTED, *plan.phases.batch_sizes}:
        for size in ghosts(layers) - {None}:
            norm = next(layer for layer in flat(layers) if isinstance(layer, BatchNorm))
            if norm.ghost_batches(n) != (1 if n % size else n // size):
                yield f"{n} examples have another number of ghost batches than those of {size} each"
        parts = plan.optimizer.accumulation
        if plan.optimizer.micro_batches(n) != (1 if n % parts else parts):
            yield f"{n} examples have another number of micro-batches than {parts}"


def stream(path: str, seed: int, *, ahead: int) -> np.random.Generator:
    """The random numbers of the layer of a path, behind `ahead` layers of augmentation or among them."""
    first, *rest = (BRANCHES[part] if part in BRANCHES else int(part) for part in path.split("."))
    place = (AUGMENTATION, first) if first < ahead else (PARAMETERS, first - ahead, *rest)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def drawn(own: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray | None:
    """The first value of a kernel, table or generator of a layer, in their order; None for all others.

    Kernels are from U(−a, a) with a = √(6 / (fan in + fan out)) (Glorot & Bengio 2010, eq. 16).
    """
    if own == "generator":
        return np.array([random.integers(2**24), 0], np.float64)
    if own == "table":
        return random.normal(0.0, 0.02, shape)
    if not own.endswith("kernel"):
        return None
    fans = math.prod(shape[:-1]) + math.prod(shape[:-2]) * shape[-1]
    return random.uniform(-math.sqrt(6 / fans), math.sqrt(6 / fans), shape)


def wrong_parameters(setup: Setup, plan: Plan) -> Iterator[str]:
    """Every first parameter that is not what the seed gives, in words."""
    for seed in (plan.seed, *SEEDS):
        of_layers: dict[str, np.random.Generator] = {}
        for name, array in setup.parameters(seed=seed).items():
            path, _, own = name.rpartition(".")
            if path not in of_layers:
                of_layers[path] = stream(path, seed, ahead=len(plan.augmentation))
            due = drawn(own, array.shape, of_layers[path])
            fill = next((value for end, value in SAME.items() if name.endswith(end)), None)
            if due is not None and not np.allclose(array, due, rtol=1e-12, atol=0):
                yield f"the first {name} of seed {seed} is not drawn as it should be"
            if fill is not None and (array != fill).any():
                yield f"the first {name} is not {fill:g}"


def wrong_batches(setup: Setup, plan: Plan) -> Iterator[str]:
    """The places at which the batches are not those of the seed, in words.

    Of the plan's own seed there are several, of the others the first.
    """
    size, steps = plan.cell.batch_size, plan.optimizer.total_steps
    for seed in (plan.seed, *SEEDS):
        last = steps if seed == plan.seed else 1
        due = batches(len(setup.labels), seed=seed, batch_size=size, steps=last + COMPARED)
        stream = setup.stream(seed=seed)
        for first in {round(part * (last - 1)) for part in PLACES}:
            made = stream.batches(size, first=first, count=COMPARED)
            if not np.array_equal(made, due[first : first + COMPARED]):
                yield f"the batches from step {first + 1} on are not those of seed {seed}"


def given(setup: Setup) -> dict:
    """What the trainer of a set-up is given, by the names of its arguments."""
    return replace(setup, framework=SimpleNamespace(Trainer=dict)).trainer()


def faults(setup: Setup, plan: Plan, data: Dataset) -> Iterator[str]:
    """Everything in which what a set-up gives its trainer is not that of the plan, in words."""
    model = importlib.import_module(f"benchmarks.models.{plan.cell.model}")
    ahead = [AUGMENTATIONS[name] for name in plan.augmentation]
    due = [*ahead, *stated(model.layers(data.n_classes), plan)]
    made = given(setup)
    if list(made["layers"]) != due:
        yield (
            f"its layers are not those of {plan.cell.model} behind the augmentation {plan.augmentation}, "
            f"with {plan.randomness} randomness, ghost batches of {plan.ghost_batch} and mixed precision "
            f"{plan.mixed_precision}"
        )
    if any(not np.array_equal(made[part], getattr(data, of)) for part, of in OF_DATA.items()):
        yield "its examples are not all training examples"
    if (made["optimizer"], made["precision"], made["execution"]) != (plan.optimizer, plan.precision, "fused"):
        yield "its optimizer, precision or execution is not that of the plan"
    yield from wrong_parts(plan, setup.layers)
    yield from wrong_parameters(setup, plan)
    yield from wrong_batches(setup, plan)


def fault(setup: Setup, plan: Plan, data: Dataset) -> str:
    """The first of them; empty if there is none."""
    return next(faults(setup, plan, data), "")
