"""How a difference is planted into the PyTorch implementation, and what each is planted into.

PyTorch is imported where a plant needs it: in the worker process that makes the traces.
"""

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np

from benchmarks import frameworks
from benchmarks.frameworks.setup import Setup
from benchmarks.identity.trace import CHANGING
from benchmarks.models import layers as spec
from benchmarks.models.layer import Layer, Shape
from benchmarks.recipe.optimizer import Optimizer, Schedule

STEPS = 40
PARTS = "benchmarks.frameworks.torch_parts"

IMAGES = [
    *(spec.Conv(4, bias=False), spec.BatchNorm(), spec.ReLU(), spec.Conv(4, stride=2), spec.ReLU()),
    *(spec.Residual((spec.Conv(4), spec.GroupNorm(2))), spec.MaxPool(2), spec.Flatten(), spec.Dense(10)),
]
GHOSTS = [
    *(spec.Conv(4, bias=False), spec.BatchNorm(ghost=8), spec.ReLU(), spec.MaxPool(2)),
    *(spec.Flatten(), spec.Dense(10)),
]
TEXT = [
    *(spec.Embedding(11, 8), spec.PositionEmbedding()),
    spec.Residual((spec.LayerNorm(), spec.Attention(2))),
    spec.Residual((spec.LayerNorm(), spec.Dense(16), spec.GELU(), spec.Dense(8))),
    *(spec.LayerNorm(), spec.Dense(11)),
]
RANDOM = [
    *(spec.RandomShift(2), spec.RandomFlip(), spec.Flatten()),
    *(spec.Dense(16), spec.ReLU(), spec.Dropout(0.5), spec.Dense(10)),
]


def in_bfloat16(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The same layers with their products in bfloat16."""

    def changed(layer: Layer) -> Layer:
        if isinstance(layer, spec.Residual):
            return spec.Residual(in_bfloat16(layer.body), in_bfloat16(layer.shortcut))
        return replace(layer, bfloat16=True) if isinstance(layer, spec.Product) else layer

    return tuple(map(changed, layers))


def optimizer(name: str = "momentum", **settings) -> Optimizer:
    """An optimizer whose rate changes, with numbers that float32 holds."""
    chosen = {"learning_rate": 0.0625, "schedule": CHANGING, "total_steps": STEPS, **settings}
    return Optimizer(name=name, **({"momentum": 0.875} if name in ("momentum", "nesterov") else {}), **chosen)


MOMENTUM = optimizer()
ADAM = optimizer("adam", learning_rate=0.0078125, epsilon=0.0009765625)
DECAYED = optimizer(weight_decay=0.03125)
CLIPPED = optimizer(clip_norm=0.5)
STEPPED = optimizer(schedule=Schedule(shape="step", milestones=[0.4], factor=0.5))
LATE = optimizer(schedule=Schedule(shape="step", milestones=[0.6], factor=0.5))
ACCUMULATED = optimizer(accumulation=4)
CONSTANT = optimizer(schedule=Schedule())

Plant = Callable[[], contextlib.AbstractContextManager]


@dataclass(frozen=True)
class Planted:
    """One difference: the training it is planted into, and what its certificate must say first."""

    place: str
    plant: Plant
    layers: list
    optimizer: Optimizer = MOMENTUM
    first: str = ""


PLANTS: dict[str, Planted] = {}


def planted(place: str, layers: list, optimizer: Optimizer = MOMENTUM, *, first: str = ""):
    """Register a plant, a generator that holds the difference in place while it is suspended."""

    def register(plant: Callable[[], Iterator[None]]) -> Plant:
        PLANTS[plant.__name__] = Planted(place, contextlib.contextmanager(plant), layers, optimizer, first)
        return plant

    return register


def parts(name: str):
    """A module of the implementation."""
    return importlib.import_module(f"{PARTS}.{name}")


def built_with(kind: type[Layer], change: Callable) -> contextlib.AbstractContextManager:
    """Change every module of a kind of layer after it was built from the spec."""
    modules = parts("model").MODULES
    build = modules[kind]

    def changed(layer: Layer, shape: Shape):
        module = build(layer, shape)
        change(module)
        return module

    return patch.dict(modules, {kind: changed})


def replaced_forward(kind: type[Layer], forward: Callable) -> contextlib.AbstractContextManager:
    """Replace what a kind of layer computes by `forward(module, x)`; `module.original` is what it was."""

    def change(module) -> None:
        module.original = module.forward
        module.forward = functools.partial(forward, module)

    return built_with(kind, change)


def setting(kind: type[Layer], **values) -> contextlib.AbstractContextManager:
    """Give every module of a kind of layer other settings."""

    def change(module) -> None:
        for name, value in values.items():
            setattr(module, name, value)

    return built_with(kind, change)


def case(framework: str, layers: list, optimizer: Optimizer) -> Setup:
    """A training on 100 random examples, so that every third batch straddles two epochs."""
    random = np.random.default_rng(0)
    if isinstance(layers[0], spec.Embedding):
        text = random.integers(0, 11, (100, 7)).astype(np.int32)
        examples, labels = text[:, :-1], text[:, 1:]
    else:
        examples = random.normal(size=(100, 8, 8, 1)).astype(np.float32)
        labels = random.integers(0, 10, 100).astype(np.int32)
    module = frameworks.load(framework)
    module.configure(threads=1, device="cpu", precision="float64")
    return Setup(module, layers, optimizer, examples, labels, "float64", "idiomatic")
