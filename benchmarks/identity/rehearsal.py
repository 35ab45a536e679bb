"""A rehearsal: what a study does with a trainer, recorded so that it can be compared with the reference.

A trace looks at the first steps of a training closely. Faults may also lie in what surrounds the steps: a
state that survives a reset, an evaluation that changes the training, the seam between two calls or two
compiled blocks, an example that only the whole data set has, a batch size of its own. So the study's own
driver trains here, on all training examples, twice in a row with the same trainer.
"""

from dataclasses import replace

import numpy as np

from benchmarks.common.quiet import Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer
from benchmarks.identity.exaggerated import over
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.recipe.plan import Budget, Plan
from benchmarks.training.run import run_to_target

EVALUATED_AFTER = 530
"""Steps between two evaluations: more than frameworks take in one compiled block, which is 512."""
STEPS = 560
"""Steps of a rehearsal, so that an evaluation, and a new call after it, lie within it."""
WARM_UP_STEPS = 3
FEW = 3
"""Steps at each of the other batch sizes."""
CALLS = 40
"""Calls of a few steps each, with an evaluation after each: as many as a run of ten epochs has."""
EVALUATED_BETWEEN = 100
LONG = 1060
"""Steps in one call: more than two compiled blocks."""
SMALL_RATE = 2.0**-10
SECOND_STEPS = 100
"""Steps of the second run, with one evaluation on the way: only a reset lies between it and the first."""
REPEATED_STEPS = 60
SCORED = 1200
"""Training and test examples that the driver scores at the end: more than one forward pass takes."""


def record_rehearsal(setup: Setup, data: Dataset, optimizers: dict[int, Optimizer]) -> Trace:
    """Two runs of the study's driver at the smallest of the batch sizes, a few steps at each, and many calls.

    `setup` is on all training examples. `optimizers` are those that the arm has at each batch size.
    """
    smallest, trainer = min(optimizers), setup.trainer()
    return {
        **two_runs(slowed(setup, STEPS), data, smallest, max(optimizers)),
        **at_sizes(trainer, setup, data, optimizers),
        **in_many_calls(trainer, setup, data, smallest),
        **in_one_long_call(setup, smallest),
    }


def slowed(setup: Setup, steps: int) -> Setup:
    """The same training at a small rate, over a budget of so many steps.

    Over many steps at the rate of an arm, rounding can grow beyond any bound. What lies around the steps does
    not depend on the rate, and what does is seen in the trace, at every size and in many calls.
    """
    return replace(setup, optimizer=over(setup.optimizer, steps, learning_rate=SMALL_RATE))


def two_runs(setup: Setup, data: Dataset, smallest: int, largest: int) -> Trace:
    """Two runs with one trainer, which takes a few steps at the largest batch size in between."""
    trainer = setup.trainer()
    first = plan_of(setup, smallest, steps=STEPS, evaluated_after=EVALUATED_AFTER)
    second = plan_of(setup, smallest, steps=SECOND_STEPS, evaluated_after=SECOND_STEPS // 2 + 1)
    trace = warmed_up_run(trainer, setup, data, first)
    trainer.train(setup.stream(seed=0).batches(largest, first=0, count=FEW))
    return trace | {again(name): value for name, value in run(trainer, setup, data, second).items()}


def plan_of(setup: Setup, batch_size: int, *, steps: int, evaluated_after: int) -> Plan:
    """The plan of a run of so many steps that is evaluated on the way, as the study's runs are."""
    return Plan(
        cell={**dict.fromkeys(("dataset", "model", "framework", "arm"), ""), "batch_size": batch_size},
        seed=0,
        device="auto",
        precision=setup.precision,
        optimizer=over(setup.optimizer, steps),
        augmentation=[],
        randomness="shared",
        target=1.0,
        budget=Budget(epochs=1e9, seconds=1e9),
        evaluate_every=evaluated_after * batch_size,
    )


def warmed_up_run(trainer: Trainer, setup: Setup, data: Dataset, plan: Plan) -> Trace:
    """A run after the same warm-up as in a study."""
    trainer.reset(setup.parameters(seed=0))
    trainer.compile(plan.cell.batch_size)
    trainer.train(setup.stream(seed=0).batches(plan.cell.batch_size, first=0, count=WARM_UP_STEPS))
    trainer.logits(data.validation_x)
    return run(trainer, setup, data, plan)


def run(trainer: Trainer, setup: Setup, data: Dataset, plan: Plan) -> Trace:
    """Everything that comes of a run, with the outputs for all validation and test examples."""
    trainer.reset(setup.parameters(seed=0))
    scored = replace(
        data,
        **{"train_x": data.train_x[:SCORED], "train_y": data.train_y[:SCORED]},
        **{"test_x": data.test_x[:SCORED], "test_y": data.test_y[:SCORED]},
    )
    result = run_to_target(trainer, setup.stream(seed=0), scored, plan, watch=Watch())
    curve = {
        "training loss": [point.train_loss for point in result.curve],
        "validation loss": [point.validation_loss for point in result.curve],
        "accuracies": [result.train_accuracy, result.test_accuracy],
    }
    return {
        **{Quantity(Stage.RUN, name): np.array(values, np.float64) for name, values in curve.items()},
        **{Quantity(Stage.RUN, f"parameter {name}"): value for name, value in trainer.parameters().items()},
        Quantity(Stage.RUN, "validation outputs"): trainer.logits(data.validation_x),
        Quantity(Stage.RUN, "test outputs"): trainer.logits(data.test_x),
    }


def again(name: Quantity) -> Quantity:
    """The same quantity in the second of two runs."""
    return Quantity(Stage.RUN_AGAIN, name.of)


def at_sizes(trainer: Trainer, setup: Setup, data: Dataset, optimizers: dict[int, Optimizer]) -> Trace:
    """A few steps at each batch size with its own optimizer, and the outputs for all validation examples.

    `trainer` is used wherever its optimizer is the one of the size.
    """
    trainer.reset(setup.parameters(seed=0))
    trace = {Quantity(Stage.SIZES, "validation outputs"): trainer.logits(data.validation_x)}
    for size, optimizer in optimizers.items():
        same = optimizer == setup.optimizer
        stage = Stage.SMALLEST if size == min(optimizers) else Stage.SIZES
        found = at_size(trainer if same else replace(setup, optimizer=optimizer).trainer(), setup, size)
        trace |= {Quantity(stage, name): value for name, value in found.items()}
    return trace


def at_size(trainer: Trainer, setup: Setup, size: int) -> dict[str, np.ndarray]:
    """Losses, parameters and optimizer state of a few steps at one batch size."""
    trainer.reset(setup.parameters(seed=0))
    trainer.compile(size)
    losses = trainer.train(setup.stream(seed=0).batches(size, first=0, count=FEW)).loss
    after = {f"parameter at {size} {name}": value for name, value in trainer.parameters().items()}
    state = {f"state at {size} {name}": value for name, value in trainer.optimizer_state().items()}
    return {f"first loss at {size}": losses[:1], f"loss at {size}": losses, **after, **state}


def in_many_calls(trainer: Trainer, setup: Setup, data: Dataset, batch_size: int) -> Trace:
    """The parameters after many calls of one to three steps, with an evaluation after each."""
    trainer.reset(setup.parameters(seed=0))
    stream, first = setup.stream(seed=0), 0
    for call in range(CALLS):
        steps = 1 + call % 3
        trainer.train(stream.batches(batch_size, first=first, count=steps))
        trainer.logits(data.validation_x[:EVALUATED_BETWEEN])
        first += steps
    return {Quantity(Stage.CALLS, f"parameter {name}"): value for name, value in trainer.parameters().items()}


def in_one_long_call(setup: Setup, batch_size: int) -> Trace:
    """The parameters after one call of more steps than two compiled blocks have."""
    trainer = slowed(setup, LONG).trainer()
    trainer.reset(setup.parameters(seed=0))
    trainer.train(setup.stream(seed=0).batches(batch_size, first=0, count=LONG))
    return {Quantity(Stage.LONG, f"parameter {name}"): value for name, value in trainer.parameters().items()}


def in_float32(setup: Setup, data: Dataset, optimizers: dict[int, Optimizer]) -> Trace:
    """What float32 is judged by at each batch size; and the same steps twice, to see if they repeat."""
    trainer, smallest = setup.trainer(), min(optimizers)
    trace = at_sizes(trainer, setup, data, optimizers)
    batches = setup.stream(seed=0).batches(smallest, first=0, count=REPEATED_STEPS)
    for stage in (Stage.RUN, Stage.RUN_AGAIN):
        trainer.reset(setup.parameters(seed=0))
        trainer.train(batches)
        trace |= {Quantity(stage, f"parameter {name}"): each for name, each in trainer.parameters().items()}
    return trace
