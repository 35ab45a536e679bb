"""A tiny model trained over as many steps as the longest run of a study, with the settings of an arm.

Whatever depends on the number of a step or of a draw, as schedules, counters and random layers do, may go
astray only after many steps. With a model that is next to nothing all of them can be taken, and one that is
convex has no differences that grow by themselves.
"""

from dataclasses import replace

import numpy as np

from benchmarks.frameworks.setup import Setup
from benchmarks.identity.exaggerated import over
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.identity.rehearsal import SMALL_RATE
from benchmarks.models.layer import Spec
from benchmarks.models.layers import Dense, Dropout, Flatten, RandomFlip, RandomShift
from benchmarks.recipe.plan import LONGEST_CALL

SHAPE, CLASSES, EXAMPLES = (4, 4, 1), 2, 150
LARGEST = 64
"""The largest batch size that is used."""


def tiny(layers: Spec) -> Spec:
    """A linear classifier with the random layers that a model has."""
    kinds = {type(layer): layer for layer in layers if isinstance(layer, RandomShift | RandomFlip | Dropout)}
    drops = [layer for kind, layer in kinds.items() if kind == Dropout]
    return [*(layer for layer in kinds.values() if layer not in drops), Flatten(), *drops, Dense(CLASSES)]


def of_tiny_model(setup: Setup) -> Setup:
    """The same training of the tiny model on examples whose labels are drawn by lot."""
    random = np.random.default_rng(0)
    return replace(
        setup,
        layers=tiny(setup.layers),
        examples=random.standard_normal((EXAMPLES, *SHAPE)).astype(np.float32),
        labels=random.integers(0, CLASSES, EXAMPLES).astype(np.int32),
    )


def over_all_steps(setup: Setup, steps: int, batch_size: int) -> Trace:
    """The losses of so many steps, [steps], and the parameters after them."""
    size = min(batch_size, LARGEST)
    of_tiny = of_tiny_model(replace(setup, optimizer=over(setup.optimizer, steps, learning_rate=SMALL_RATE)))
    trainer, stream, losses = of_tiny.trainer(), of_tiny.stream(seed=0), []
    trainer.reset(of_tiny.parameters(seed=0))
    for first in range(0, steps, LONGEST_CALL):
        count = min(LONGEST_CALL, steps - first)
        losses.append(trainer.train(stream.batches(size, first=first, count=count)).loss)
    return {
        Quantity(Stage.COUNTED, "losses"): np.concatenate(losses),
        **{Quantity(Stage.COUNTED, f"parameter {name}"): each for name, each in trainer.parameters().items()},
    }
