"""A short run by the study's own code: planned, set up, warmed up, paced, trained and evaluated by it.

The rest of a rehearsal is set up from the arm. If the study set a framework up otherwise, without the arm's
augmentation say, or did not start its run anew, only a run that the study makes would show it.
"""

from dataclasses import replace
from types import ModuleType

import numpy as np

from benchmarks.common.quiet import Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.identity.exaggerated import over
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.identity.rehearsal import plan_of
from benchmarks.recipe.plan import Plan
from benchmarks.training import measure
from benchmarks.training.record import Run, Status
from benchmarks.training.run import run_to_target

STEPS = 24
EVALUATED_AFTER = 9
SEED = 1
"""Not 0, which a set-up that ignores the seed might take."""
EXAMPLES = 1200
"""Examples of each part of the data, or a batch of training examples if that is more."""


def first_of(data: Dataset, batch_size: int) -> Dataset:
    """The first examples of each part of a data set."""
    sizes = {"train": max(EXAMPLES, batch_size), "validation": EXAMPLES, "test": EXAMPLES}
    names = {f"{part}_{which}": size for part, size in sizes.items() for which in "xy"}
    return replace(data, **{name: getattr(data, name)[:size] for name, size in names.items()})


def by_the_study(framework: ModuleType, plan: Plan, data: Dataset, *, precision: str) -> Trace:
    """What comes of a plan of the study over a few steps; random numbers are those that frameworks share.

    Raises:
        RuntimeError: the run failed.
    """
    size = plan.cell.batch_size
    changed = {
        **{"seed": SEED, "precision": precision, "randomness": "shared", "target": 1.0},
        **{"optimizer": over(plan.optimizer, STEPS), "evaluate_every": EVALUATED_AFTER * size},
        "budget": plan.budget.model_copy(update={"seconds": 1e9}),
    }
    made = measure.measure(framework, plan.model_copy(update=changed), first_of(data, size), Watch()).run
    if made.status in (Status.FAILED, Status.OUT_OF_MEMORY):
        raise RuntimeError(f"a run by the study's own code failed: {made.message}")
    return results(made)


def by_the_arm(setup: Setup, data: Dataset, batch_size: int) -> Trace:
    """The same run where the arm says what it is, with a trainer that has done nothing before.

    `setup` has the optimizer of the batch size; its examples are not used.
    """
    few = first_of(data, batch_size)
    of_few = replace(setup, examples=few.train_x, labels=few.train_y)
    plan = plan_of(of_few, batch_size, steps=STEPS, evaluated_after=EVALUATED_AFTER)
    trainer = replace(of_few, optimizer=plan.optimizer).trainer()
    trainer.reset(of_few.parameters(seed=SEED))
    return results(run_to_target(trainer, of_few.stream(seed=SEED), few, plan, watch=Watch()))


def results(run: Run) -> Trace:
    """What a run computed, as arrays; a loss that is no finite number is −1."""
    points = {
        "examples": [point.examples for point in run.curve],
        "training loss": [point.train_loss for point in run.curve],
        "validation loss": [point.validation_loss for point in run.curve],
        "validation accuracy": [point.validation_accuracy for point in run.curve],
        "accuracies": [run.train_accuracy, run.test_accuracy],
    }
    numbers = {
        name: np.array([-1.0 if value is None else value for value in values])
        for name, values in points.items()
    }
    return {Quantity(Stage.STUDIED, name): values for name, values in numbers.items()}
