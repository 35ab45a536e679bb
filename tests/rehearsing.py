"""How a difference is planted into what surrounds the steps, and the trainings that it is planted into."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import patch

from benchmarks.identity import rehearsal
from benchmarks.models import layers as spec
from benchmarks.recipe.optimizer import Optimizer, Schedule

SIZES = [4, 33, 400]
COUNTED = {3: [*range(300, 3001, 300)], 64: [*range(30, 301, 30)], 400: [*range(4, 41, 4)]}
SMALL = [spec.Flatten(), spec.Dense(8), spec.ReLU(), spec.Dense(10)]
AVERAGED = [spec.Flatten(), spec.Dense(8), spec.BatchNorm(), spec.ReLU(), spec.Dense(10)]
DROPPED = [spec.Flatten(), spec.Dense(8), spec.Dropout(0.5), spec.Dense(10)]
GENTLE = Optimizer(name="momentum", learning_rate=0.0078125, momentum=0.875, total_steps=rehearsal.STEPS)
STEPPED = GENTLE.model_copy(update={"schedule": Schedule(shape="cosine")})
NEVER_CLIPPED = GENTLE.model_copy(update={"clip_norm": 4096.0})
HARDLY_DECAYED = GENTLE.model_copy(update={"weight_decay": 2.0**-60})
HARDLY_WARMED = GENTLE.model_copy(update={"schedule": Schedule(warm_up=0.001)})


@dataclass(frozen=True)
class Rehearsed:
    """One difference, and the training that it is planted into."""

    plant: Callable
    layers: list
    optimizer: Optimizer


PLANTS: dict[str, Rehearsed] = {}


def rehearsed(layers: list, optimizer: Optimizer = GENTLE):
    """Register a function of the original method and its arguments as the method of that name."""

    def register(plant: Callable) -> Callable:
        PLANTS[plant.__name__] = Rehearsed(plant, layers, optimizer)
        return plant

    return register


def method(name: str, changed: Callable):
    """Replace a method of the trainer by `changed(original, self, *arguments)`."""
    trainer = importlib.import_module("benchmarks.frameworks.pytorch").Trainer
    original = getattr(trainer, name)
    return patch.object(trainer, name, lambda self, *given: changed(original, self, *given))
