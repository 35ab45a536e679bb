"""A timed round as throughput makes it, held to the training that it stands for.

What is timed is set up by code of its own, with an arm of its own for each step kind, and `fit` shuffles for
itself. If it left the augmentation out, or took fewer steps, its rate would be that of another training.
"""

import itertools
from dataclasses import replace
from types import ModuleType

import numpy as np

from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Execution, Trainer
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.throughput.rounds import Round, length_of, of_calls, of_fit, set_up
from benchmarks.throughput.rows import Case

BATCH_SIZE, CALLS, STEPS, ROUNDS = 8, 3, 7, 2
"""Of the fused execution: calls of a round, and steps of a call."""
EXAMPLES = 116
"""Of `fit`: the last batch of an epoch is smaller, at either size."""
FITS = {(8, 15): [8] * 14 + [4], (8, 4): [8] * 4, (48, 6): [48, 48, 20] * 2}
"""Batch size and about how many steps `fit` is asked for; the sizes of the batches that it then takes."""
RATE = 2.0**-10
SEED = 0


def case_of(arm: Arm, data: Dataset, *, model: str, execution: Execution) -> Case:
    """A case of the arm's step kind."""
    sizes = {"batch_size": BATCH_SIZE, "call_steps": STEPS}
    return Case(dataset=data.name, model=model, step_kind=arm.step_kind, execution=execution, **sizes)


def alike(data: Dataset) -> Dataset:
    """Data whose training examples are all the same, so that their order makes no difference."""
    few = np.zeros(EXAMPLES, int)
    return replace(data, train_x=data.train_x[few], train_y=data.train_y[few])


def by_throughput(
    framework: ModuleType, arm: Arm, data: Dataset, *, model: str, execution: Execution
) -> Trace:
    """The parameters after timed rounds of the arm's step kind, in float64.

    Raises:
        RuntimeError: in float32 another training is timed.
    """
    case, timed = case_of(arm, data, model=model, execution=execution), shared(arm.for_timing)
    used = data if execution == "fused" else alike(data)
    setup = set_up(case, timed, framework, used, precision="float64")
    in_float32 = set_up(case, timed, framework, used, precision="float32")
    if summary(in_float32) != (*summary(setup)[:-1], "float32"):
        raise RuntimeError("throughput sets another training up in float32 than in float64")
    trainer = setup.trainer()
    rounds = calls(trainer, setup, case) if execution == "fused" else fits(trainer, case)
    trainer.reset(setup.parameters(seed=SEED))
    for each in rounds:
        arguments, options = each.prepare()
        each.run(*arguments, **options)
    return recorded(trainer, execution, [each.steps for each in rounds])


def calls(trainer: Trainer, setup: Setup, case: Case) -> list[Round]:
    """The rounds of the fused execution, which are one after the other."""
    return [of_calls(trainer, setup.stream(seed=SEED), case, calls=CALLS, of_call=STEPS)] * ROUNDS


def fits(trainer: Trainer, case: Case) -> list[Round]:
    """The rounds of the idiomatic execution."""
    rounds = []
    for size, wanted in FITS:
        length, steps = length_of(wanted, EXAMPLES, size)
        of_size = case.model_copy(update={"batch_size": size})
        rounds.append(of_fit(trainer, of_size, length, steps=steps, start_s=0.0))
    return rounds


def summary(setup: Setup) -> tuple:
    """What a set-up is of, without its arrays; the precision is last."""
    return (setup.layers, setup.optimizer, setup.execution, len(setup.labels), setup.precision)


def shared(arm: Arm) -> Arm:
    """The arm with random numbers that the frameworks share."""
    return arm.model_copy(update={"randomness": "shared"})


def stated(arm: Arm) -> Optimizer:
    """An optimizer whose steps are of the arm's kind, worked out from the arm itself."""
    settings = {
        "momentum": 0.875 if arm.momentum else 0.0,
        "weight_decay": RATE if arm.weight_decay else 0.0,
        "decay": arm.decay or "coupled",
        "clip_norm": 1.0 if arm.clip_norm else None,
    }
    return Optimizer(name=arm.optimizer, learning_rate=RATE, **settings)


def by_the_arm(setup: Setup, arm: Arm, data: Dataset) -> Trace:
    """The same by plain steps of a trainer that the arm alone sets up."""
    trainer = replace(setup, optimizer=stated(arm)).trainer()
    trainer.reset(setup.parameters(seed=SEED))
    trainer.train(setup.stream(seed=SEED).batches(BATCH_SIZE, first=0, count=ROUNDS * CALLS * STEPS))
    of_alike = alike(data)
    same = replace(setup, optimizer=stated(arm), examples=of_alike.train_x, labels=of_alike.train_y).trainer()
    same.reset(setup.parameters(seed=SEED))
    for size in itertools.chain(*FITS.values()):
        same.train(np.arange(size, dtype=np.int32)[np.newaxis])
    full = [sum(sizes) / size for (size, _), sizes in FITS.items()]
    fused = recorded(trainer, "fused", [CALLS * STEPS] * ROUNDS)
    return fused | recorded(same, "idiomatic", full)


def recorded(trainer: Trainer, execution: Execution, steps: list[float]) -> Trace:
    """How many steps each round counts, and what the parameters became; executions take different steps."""
    return {
        Quantity(Stage.TIMED, f"steps {execution}"): np.array(steps, np.float64),
        **{
            Quantity(Stage.TIMED, f"parameter {name} {execution}"): value
            for name, value in trainer.parameters().items()
        },
    }
