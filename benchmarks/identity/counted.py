"""A tiny model trained over as many steps as a study has at each batch size, with the settings of an arm.

Whatever depends on the number of a step or of a draw, as schedules, counters and random layers do, may go
astray only after many steps. With a model that is next to nothing all of them can be taken, and one that is
convex has no differences that grow by themselves.
"""

import itertools
from dataclasses import replace

import numpy as np

from benchmarks.frameworks.setup import Setup
from benchmarks.identity.exaggerated import over
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.identity.rehearsal import SMALL_RATE
from benchmarks.models.layer import Spec
from benchmarks.models.layers import Dense, Dropout, Flatten, RandomFlip, RandomShift

SHAPE, CLASSES, EXAMPLES = (4, 4, 1), 2, 150
"""There are as many examples, or one more than are in a batch."""
AGAIN = 3
"""Steps after a reset."""
RATES, RATES_OF_ADAM = (2.0**-6, 2.0**0), (2.0**-9, 2.0**-3)
"""Learning rates between which a trainer is retuned, as those that a search tries and chooses."""
RATED_SIZE, RATED_CALLS, RATED_STEPS = 32, 3, 10
"""Batch size, calls at each of these rates, and steps of a call."""
TINY = 2.0**-22
"""By which examples are multiplied so that gradients are as small as Adam's ε."""


def tiny(layers: Spec) -> Spec:
    """A linear classifier with the random layers that a model has."""
    kinds = {type(layer): layer for layer in layers if isinstance(layer, RandomShift | RandomFlip | Dropout)}
    drops = [layer for kind, layer in kinds.items() if kind == Dropout]
    return [*(layer for layer in kinds.values() if layer not in drops), Flatten(), *drops, Dense(CLASSES)]


def of_tiny_model(setup: Setup, batch_size: int) -> Setup:
    """The same training of the tiny model on examples whose labels are drawn by lot."""
    random, n_examples = np.random.default_rng(0), max(EXAMPLES, batch_size + 1)
    return replace(
        setup,
        layers=tiny(setup.layers),
        examples=random.standard_normal((n_examples, *SHAPE)).astype(np.float32),
        labels=random.integers(0, CLASSES, n_examples).astype(np.int32),
    )


def over_all_steps(setup: Setup, ends: dict[int, list[int]]) -> Trace:
    """What the calls of a run come to at each batch size, which end with these steps."""
    trace: Trace = {}
    for size, of_calls in ends.items():
        optimizer = over(setup.optimizer, of_calls[-1], learning_rate=SMALL_RATE)
        made = in_calls(of_tiny_model(replace(setup, optimizer=optimizer), size), size, of_calls)
        trace |= {Quantity(Stage.COUNTED, f"{name} at {size}"): value for name, value in made.items()}
    return trace


def in_calls(setup: Setup, batch_size: int, ends: list[int]) -> dict[str, np.ndarray]:
    """The losses of these calls, and of a few steps after a reset; the parameters in between and at the end.

    Those in between are kept from the first call to the last, as a run keeps its best.
    """
    trainer, stream, losses, kept = setup.trainer(), setup.stream(seed=0), [], {}
    trainer.reset(setup.parameters(seed=0))
    for first, end in itertools.pairwise([0, *ends]):
        losses.append(trainer.train(stream.batches(batch_size, first=first, count=end - first)).loss)
        kept = kept or trainer.parameters()
    trainer.reset(setup.parameters(seed=0))
    losses.append(trainer.train(stream.batches(batch_size, first=0, count=AGAIN)).loss)
    after = {f"parameter {name}": each for name, each in trainer.parameters().items()}
    after |= {f"parameter between {name}": each for name, each in kept.items()}
    return {"losses": np.concatenate(losses), **after}


def with_tiny_gradients(setup: Setup) -> Trace:
    """How far the kernel of the tiny model moves in some steps whose gradients are as small as Adam's ε.

    It starts from 0, so that float32 has digits for what it moves.
    """
    optimizer = over(setup.optimizer, RATED_STEPS, learning_rate=SMALL_RATE)
    made = of_tiny_model(replace(setup, optimizer=optimizer), RATED_SIZE)
    trainer = replace(made, examples=made.examples * TINY).trainer()
    trainer.reset({name: np.zeros_like(value) for name, value in made.parameters(seed=0).items()})
    trainer.train(made.stream(seed=0).batches(RATED_SIZE, first=0, count=RATED_STEPS))
    return {
        Quantity(Stage.COUNTED, f"movement by tiny gradients of {name}"): value / SMALL_RATE
        for name, value in trainer.parameters().items()
        if name.endswith("kernel")
    }


def at_rates(setup: Setup) -> Trace:
    """The losses at a low, a high and the low rate again, of one trainer that is retuned as in a search.

    The reference makes a new trainer for each. Examples are small, so that the high rate is stable.
    """
    steps, trace = RATED_CALLS * RATED_STEPS, {}
    made = of_tiny_model(replace(setup, optimizer=over(setup.optimizer, steps)), RATED_SIZE)
    made = replace(made, examples=made.examples / 2)
    trainer, drawn = made.trainer(), made.stream(seed=0).batches(RATED_SIZE, first=0, count=steps)
    low, high = RATES_OF_ADAM if setup.optimizer.name.startswith("adam") else RATES
    for name, rate in {f"{low:g}": low, f"{high:g}": high, f"{low:g} once more": low}.items():
        optimizer = over(setup.optimizer, steps, learning_rate=rate)
        if setup.execution == "fused":
            trainer.retune(optimizer)
        else:
            trainer = replace(made, optimizer=optimizer).trainer()
        trainer.reset(made.parameters(seed=0))
        losses = [trainer.train(of_call).loss for of_call in np.split(drawn, RATED_CALLS)]
        trace[Quantity(Stage.COUNTED, f"curve at the rate {name}")] = np.concatenate(losses)
    return trace
