"""Measurements of one cell, taken over a few training steps: one file of this package each.

A new file adds a measurement. It holds `measure(subject) -> dict[str, float | None]`, whose names
carry their units and become columns of summary.csv; None stands for what cannot be measured here.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import NamedTuple

import numpy as np

from benchmarks.frameworks.trainer import Trainer

NAMES = sorted(module.name for module in pkgutil.iter_modules(__path__))


class Subject(NamedTuple):
    """What is measured: a compiled trainer, and batches [steps, B] that it may be trained on.

    `baseline_mib` is the resident set of the process after import and data, before the trainer.
    """

    framework: ModuleType
    trainer: Trainer
    batches: np.ndarray
    baseline_mib: float


def measure_all(subject: Subject) -> dict[str, float | None]:
    """Every measurement of this package, by the names of their columns."""
    modules = [importlib.import_module(f"{__name__}.{name}") for name in NAMES]
    return {name: value for module in modules for name, value in module.measure(subject).items()}
