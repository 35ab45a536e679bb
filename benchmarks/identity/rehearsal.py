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
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.recipe.optimizer import Optimizer, Schedule
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
EXAGGERATED_STEPS = 60
HARSH_STEPS = 4
HARSH_SHARE = 0.25
"""What decay takes off the weights in a harsh step, so that the next loss shows it in float32 too."""
SCORED = 1000
"""Training and test examples that the driver scores at the end; all test examples are evaluated after it."""
SMALL_NORM = 2**-6
"""A clipping threshold that the gradients of an untrained model exceed in every step."""
STRONG_DECAY = 2**-5


def record_rehearsal(setup: Setup, data: Dataset, sizes: list[int]) -> Trace:
    """Two runs of the study's driver at the smallest of the batch sizes, a few steps at each, and many calls.

    `setup` is on all training examples.
    """
    trainer = setup.trainer()
    plan = plan_of(setup, min(sizes))
    return {
        **warmed_up_run(trainer, setup, data, plan),
        **at_sizes(trainer, setup, sizes),
        **in_many_calls(trainer, setup, data, min(sizes)),
        **{again(name): value for name, value in run(trainer, setup, data, plan).items()},
    }


def plan_of(setup: Setup, batch_size: int) -> Plan:
    """The plan of a run of STEPS steps that is evaluated on the way, as the study's runs are."""
    return Plan(
        cell={**dict.fromkeys(("dataset", "model", "framework", "arm"), ""), "batch_size": batch_size},
        seed=0,
        device="auto",
        precision=setup.precision,
        optimizer=over(setup.optimizer, STEPS),
        augmentation=[],
        randomness="shared",
        target=1.0,
        budget=Budget(epochs=1e9, seconds=1e9),
        evaluate_every=EVALUATED_AFTER * batch_size,
    )


def over(optimizer: Optimizer, steps: int, **settings) -> Optimizer:
    """The optimizer over a budget of that many steps, with some settings replaced; validated again."""
    return Optimizer.model_validate({**dict(optimizer), "total_steps": steps, **settings})


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


def at_sizes(trainer: Trainer, setup: Setup, sizes: list[int]) -> Trace:
    """The losses and parameters of a few steps at each of these batch sizes."""
    trace = {}
    for size in sizes:
        trainer.reset(setup.parameters(seed=0))
        trainer.compile(size)
        losses = trainer.train(setup.stream(seed=0).batches(size, first=0, count=FEW)).loss
        trace[Quantity(Stage.SIZES, f"loss at {size}")] = losses
        for name, value in trainer.parameters().items():
            trace[Quantity(Stage.SIZES, f"parameter at {size} {name}")] = value
    return trace


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


def repeated(setup: Setup, batch_size: int) -> Trace:
    """The parameters after the same few steps, twice with one trainer: equal to the bit if it repeats."""
    trainer, trace = setup.trainer(), {}
    batches = setup.stream(seed=0).batches(batch_size, first=0, count=EXAGGERATED_STEPS)
    for stage in (Stage.RUN, Stage.RUN_AGAIN):
        trainer.reset(setup.parameters(seed=0))
        trainer.train(batches)
        trace |= {Quantity(stage, f"parameter {name}"): each for name, each in trainer.parameters().items()}
    return trace


def exaggerated(optimizer: Optimizer) -> Optimizer:
    """The optimizer with its clipping, decay and warm-up, if it has them, so strong that each shows."""
    schedule = optimizer.schedule
    if schedule.warm_up:
        schedule = schedule.model_copy(update={"warm_up": max(schedule.warm_up, 0.25)})
    if schedule.milestones:
        schedule = schedule.model_copy(update={"milestones": [0.4, 0.7]})
    stronger = {
        "clip_norm": SMALL_NORM if optimizer.clip_norm else None,
        "weight_decay": (max(optimizer.weight_decay, STRONG_DECAY) if optimizer.weight_decay else 0.0),
    }
    return over(optimizer, EXAGGERATED_STEPS, **stronger, schedule=schedule)


def with_settings_exaggerated(setup: Setup, batch_size: int) -> Trace:
    """The parameters after a training with the settings of the arm exaggerated."""
    trainer = replace(setup, optimizer=exaggerated(setup.optimizer)).trainer()
    trainer.reset(setup.parameters(seed=0))
    trainer.train(setup.stream(seed=0).batches(batch_size, first=0, count=EXAGGERATED_STEPS))
    return {
        Quantity(Stage.EXAGGERATED, f"parameter {name}"): value
        for name, value in trainer.parameters().items()
    }


def with_harsh_settings(setup: Setup, batch_size: int) -> Trace:
    """The losses of a few steps with clipping and decay so strong that float32 is held to them too.

    Nothing for an arm that has neither.
    """
    plain = setup.optimizer
    if not (plain.clip_norm or plain.weight_decay):
        return {}
    settings = {
        "clip_norm": SMALL_NORM if plain.clip_norm else None,
        "weight_decay": HARSH_SHARE / plain.learning_rate if plain.weight_decay else 0.0,
    }
    trainer = replace(setup, optimizer=over(plain, HARSH_STEPS, **settings, schedule=Schedule())).trainer()
    trainer.reset(setup.parameters(seed=0))
    batches = setup.stream(seed=0).batches(batch_size, first=0, count=HARSH_STEPS)
    return {Quantity(Stage.HARSH): trainer.train(batches).loss}
