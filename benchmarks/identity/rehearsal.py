"""A rehearsal: what a study does with a trainer, recorded so that it can be compared with the reference.

A trace looks at the first steps of a training closely. Faults may also lie in what surrounds the steps: a
state that survives a reset, an evaluation that changes the training, the seam between two calls or two
compiled blocks, an example that only the whole data set has, a batch size of its own. So the study's own
driver trains here, on all training examples, twice in a row with the same trainer.
"""

import time
from dataclasses import replace

import numpy as np

from benchmarks.common.quiet import Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks import evaluation
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer
from benchmarks.identity.exaggerated import over
from benchmarks.identity.noise import noisy_images, noisy_parameters
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.recipe.plan import Budget, Evaluations, Plan
from benchmarks.throughput.rounds import MOST_LOADED
from benchmarks.training.run import run_to_target

EVALUATED_AFTER = 530
"""Steps between two evaluations: more than frameworks take in one compiled block, which is 512."""
STEPS = 560
"""Steps of a rehearsal, so that an evaluation, and a new call after it, lie within it."""
WARM_UP_STEPS = 3
FEW, MOST = 3, 24
"""The fewest and the most steps at each batch size; between them, as many as have EXAMPLES examples."""
EXAMPLES = 6000
CALLS = 40
"""Calls of a few steps each, with an evaluation after each: as many as a run of ten epochs has."""
EVALUATED_BETWEEN = 100
SMALL_RATE = 2.0**-10
"""A learning rate at which rounding of float64 does not grow beyond the bound over a thousand steps."""
TINY_RATE = 2.0**-17
"""One at which that of float32 stays small beside what training changes, over some dozens of steps."""
NO_RATE = 2.0**-100
"""One at which no parameter moves."""
SECOND_STEPS = 100
"""Steps of the second run, with one evaluation on the way: only a reset lies between it and the first."""
SLOW_CALLS, SLOW_STEPS = 6, 60
"""Calls and steps of a training that is done twice, with an evaluation after each call."""
COMPILING, PAUSE_S = 0.8, 0.05
"""The least share of the seconds of a compilation that it has to tell, but for a pause of the machine."""
BEYOND = 200
"""Examples that are evaluated beyond those of one forward pass, so that another one follows."""


def record_rehearsal(setup: Setup, data: Dataset, sizes: list[int]) -> Trace:
    """Two runs of the study's driver at the smallest of the batch sizes, and many calls.

    `setup` is on all training examples, with the optimizer that the arm has at the smallest batch size.
    """
    smallest = min(sizes)
    return {
        **two_runs(slowed(setup, STEPS), data, smallest, max(sizes)),
        **in_many_calls(setup, data, smallest),
    }


def slowed(setup: Setup, steps: int, rate: float = SMALL_RATE) -> Setup:
    """The same training at a small rate, over a budget of so many steps.

    Over many steps at the rate of an arm, rounding can grow beyond any bound. What lies around the steps does
    not depend on the rate, and what does is seen in the trace, at every size and in many calls.
    """
    return replace(setup, optimizer=over(setup.optimizer, steps, learning_rate=rate))


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
        evaluations=Evaluations(examples=evaluated_after * batch_size),
    )


def warmed_up_run(trainer: Trainer, setup: Setup, data: Dataset, plan: Plan) -> Trace:
    """A run after the same warm-up as in a study."""
    trainer.reset(setup.parameters(seed=0))
    trainer.compile(plan.cell.batch_size)
    trainer.train(setup.stream(seed=0).batches(plan.cell.batch_size, first=0, count=WARM_UP_STEPS))
    trainer.logits(data.validation_x)
    return run(trainer, setup, data, plan)


def evaluated(setup: Setup) -> int:
    """Training and test examples that are evaluated: as a study does it, in more than one forward pass."""
    return evaluation.rows(setup.layers, setup.examples.shape[1:]) + BEYOND


def run(trainer: Trainer, setup: Setup, data: Dataset, plan: Plan) -> Trace:
    """Everything that comes of a run, with the outputs for all validation and test examples."""
    trainer.reset(setup.parameters(seed=0))
    count = evaluated(setup)
    scored = replace(
        data,
        **{"train_x": data.train_x[:count], "train_y": data.train_y[:count]},
        **{"test_x": data.test_x[:count], "test_y": data.test_y[:count]},
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


def at_sizes(trainer: Trainer, setup: Setup, data: Dataset, sizes: list[int]) -> Trace:
    """Some steps at each batch size, and the outputs for all validation examples."""
    trainer.reset(setup.parameters(seed=0))
    trace = {
        Quantity(Stage.SIZES, "validation outputs"): trainer.logits(data.validation_x),
        Quantity(Stage.SIZES, "outputs of many"): trainer.logits(setup.examples[: evaluated(setup)]),
    }
    for size in sizes:
        stage = Stage.SMALLEST if size == min(sizes) else Stage.SIZES
        found = at_size(trainer, setup, size)
        trace |= {Quantity(stage, name): value for name, value in found.items()}
    return trace


def at_size(trainer: Trainer, setup: Setup, size: int) -> dict[str, np.ndarray]:
    """Losses, parameters and optimizer state of some steps at one batch size; what is loaded for them.

    Of the examples of the last batch it is the number in the middle: it tells which they are.
    """
    steps = max(FEW, min(MOST, EXAMPLES // size))
    trainer.reset(noisy_parameters(setup.parameters(seed=0)))
    compile_and_time(trainer, size)
    batches = setup.stream(seed=0).batches(size, first=0, count=steps)
    losses = trainer.train(batches).loss
    after = {f"parameter at {size} {name}": value for name, value in trainer.parameters().items()}
    state = {f"state at {size} {name}": value for name, value in trainer.optimizer_state().items()}
    labels, last = trainer.load_batches(
        setup.stream(seed=0).batches(size, first=0, count=max(FEW, min(MOST_LOADED, EXAMPLES // size)))
    )
    examples = last()
    numbers = examples.reshape(len(examples), -1)
    loaded = {
        f"loaded labels at {size}": labels,
        f"loaded examples at {size}": numbers[:, numbers.shape[1] // 2],
    }
    return {f"first loss at {size}": losses[:1], f"loss at {size}": losses, **after, **state, **loaded}


def compile_and_time(trainer: Trainer, size: int) -> None:
    """Compile for a batch size.

    Raises:
        RuntimeError: the seconds that it tells are not those that it takes.
    """
    began = time.perf_counter()
    told_s = trainer.compile(size)
    took_s = time.perf_counter() - began
    if told_s is not None and not COMPILING * took_s - PAUSE_S <= told_s <= took_s:
        raise RuntimeError("the seconds of a compilation are not those that it takes")


def twice(trainer: Trainer, setup: Setup, data: Dataset, batch_size: int) -> Trace:
    """The losses of some dozens of steps with evaluations in between, and of the same after a reset.

    With what the parameters became, by which it is told whether a training repeats to the bit.
    """
    trace: Trace = {}
    batches = setup.stream(seed=0).batches(batch_size, first=0, count=SLOW_STEPS)
    for stage in (Stage.SLOW, Stage.SLOW_AGAIN):
        trainer.reset(noisy_parameters(setup.parameters(seed=0)))
        losses = []
        for of_call in np.split(batches, SLOW_CALLS):
            losses.append(trainer.train(of_call).loss)
            trainer.logits(data.validation_x[:EVALUATED_BETWEEN])
        trace[Quantity(stage, "losses")] = np.concatenate(losses)
        trace |= {Quantity(stage, f"parameter {name}"): each for name, each in trainer.parameters().items()}
    return trace


def in_many_calls(setup: Setup, data: Dataset, batch_size: int) -> Trace:
    """The parameters after many calls of one to three steps, with an evaluation after each."""
    trainer = setup.trainer()
    trainer.reset(setup.parameters(seed=0))
    stream, first = setup.stream(seed=0), 0
    for call in range(CALLS):
        steps = 1 + call % 3
        trainer.train(stream.batches(batch_size, first=first, count=steps))
        trainer.logits(data.validation_x[:EVALUATED_BETWEEN])
        first += steps
    return {Quantity(Stage.CALLS, f"parameter {name}"): value for name, value in trainer.parameters().items()}


def held_in_float32(setup: Setup, data: Dataset, sizes: list[int], *, rate: float = TINY_RATE) -> Trace:
    """What float32 too is judged by: by one trainer steps at each batch size, and a training done twice."""
    slow = replace(slowed(setup, STEPS, rate), examples=noisy_images(setup.examples))
    trainer = slow.trainer()
    return {**at_sizes(trainer, slow, data, sizes), **twice(trainer, slow, data, min(sizes))}


def losses_at_rest(setup: Setup, data: Dataset, sizes: list[int]) -> Trace:
    """Those losses where no parameter moves."""
    resting = held_in_float32(setup, data, sizes, rate=NO_RATE)
    return {name.at_rest: losses for name, losses in resting.items() if name.of.startswith("loss")}
