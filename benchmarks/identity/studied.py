"""Short runs by the study's own code: planned, forked, configured, warmed up, trained and recorded by it.

The rest of a rehearsal is set up from the arm. If the study set a framework up otherwise, without the arm's
augmentation say, or did not start its run anew, only a run that the study makes would show it. The reference
is `identity.expected_run`, on a trainer that the arm alone sets up.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np

from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.keras_parts.xla import KEEP_ROUNDING
from benchmarks.frameworks.setup import Setup
from benchmarks.identity import expected_setup
from benchmarks.identity.exaggerated import over
from benchmarks.identity.expected_run import expected_run
from benchmarks.identity.noise import noisy_images
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.recipe.growth import Phase, Phases
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.recipe.plan import Evaluations, Plan
from benchmarks.training import measure
from benchmarks.training.forked import one_run
from benchmarks.training.record import Run, Status

STEPS, FEWEST_STEPS = 24, 3
MOST_TRAINED = 6000
"""Training examples of a run at a large batch size, unless its fewest steps have more."""
EVALUATIONS = 5
SEEDS = (1, 0, 2)
"""Of the runs at the batch sizes in turn; the first is not 0, which a set-up that ignores it might take."""
RATE = 2.0**-20
"""In float32: one at which losses keep their first digits, whatever the model."""
TARGET = 0.2
"""An accuracy that a run often reaches on its way."""
EVALUATED = 1200
"""Validation and test examples: more than one forward pass takes."""
THREADS = ("intra_op_threads", "xla_cpu_threads", "blas_threads")
"""The switches in which frameworks report with how many threads they compute."""
TRAINED = 3000
"""Training examples of all runs but one, or a batch if that is more."""


def rehearsed(plan: Plan, precision: str, *, seed: int, most: int) -> Plan:
    """A plan of the study in this precision, of `most` steps at most; in float32 at a tiny rate.

    Random numbers are those that frameworks share.
    """
    size = plan.cell.batch_size
    steps = max(FEWEST_STEPS, len(plan.phases.of), min(most, MOST_TRAINED // size))
    return plan.model_copy(
        update={
            "growth": grown_within(plan, steps),
            **{"seed": seed, "precision": precision, "randomness": "shared", "target": TARGET},
            "optimizer": rehearsed_optimizer(plan.optimizer, steps, precision),
            "evaluations": Evaluations(examples=-(-steps // EVALUATIONS) * size),
            "budget": plan.budget.model_copy(update={"seconds": 1e9}),
        }
    )


def grown_within(plan: Plan, steps: int) -> list[Phase]:
    """The phases in which the batch of a plan is larger, spread evenly over so many steps."""
    found, sizes = plan.phases.of[:1], plan.phases.batch_sizes
    for place, size in enumerate(sizes[1:], start=1):
        at = place * steps // len(sizes)
        found.append(Phase(first_step=at, examples=Phases(of=found).examples(at), batch_size=size))
    return found[1:]


def rehearsed_optimizer(optimizer: Optimizer, steps: int, precision: str) -> Optimizer:
    """The optimizer over so many steps, in float32 at a tiny rate."""
    return over(optimizer, steps, **({"learning_rate": RATE} if precision == "float32" else {}))


def few(data: Dataset, plan: Plan, *, trained: int | None) -> Dataset:
    """The first examples, of those for training `trained` or all; in float32 with noise."""
    sizes = {"train": trained, "validation": EVALUATED, "test": EVALUATED}
    names = {f"{part}_{which}": size for part, size in sizes.items() for which in "xy"}
    arrays = {name: getattr(data, name)[:size] for name, size in names.items()}
    if plan.precision == "float32":
        arrays |= {name: noisy_images(array) for name, array in arrays.items() if name.endswith("x")}
    return replace(data, **arrays)


def rehearsals(plans: list[Plan], data: Dataset, precision: str) -> Iterator[tuple[Plan, Dataset]]:
    """What is rehearsed in a precision: a plan for each batch size, and the data that it is trained on.

    In float64 the run at the smallest batch size is trained on all data; at the others, where the rate of an
    arm may be such that rounding soon grows, it is of few steps.
    """
    smallest = min(plan.cell.batch_size for plan in plans)
    for plan, seed in zip(plans, itertools.cycle(SEEDS), strict=False):
        size, single = plan.cell.batch_size, precision == "float32"
        most = STEPS if single or size == smallest else FEWEST_STEPS
        made = rehearsed(plan, precision, seed=seed, most=most)
        whole = size == smallest and not single
        yield made, few(data, made, trained=None if whole else max(TRAINED, *made.phases.batch_sizes))


def by_the_study(
    framework: ModuleType, plans: list[Plan], data: Dataset, *, precision: str, threads: int
) -> Trace:
    """What comes of the plans of an arm if they are rehearsed; the framework has not been configured.

    Raises:
        RuntimeError: a run failed, or its record is not of its plan, or it starts from something else.
    """
    check_setups(framework, plans, data, precisions={precision, "float32"})
    trace: Trace = {}
    late: list[bool] = []
    for plan, used in rehearsals(plans, data, precision):
        made = one_run(framework, plan, used, threads=threads)
        if made.run.status in (Status.FAILED, Status.OUT_OF_MEMORY):
            raise RuntimeError(f"a run by the study's own code failed: {made.run.message}")
        if (made.cell, made.settings) != (plan.cell, plan.settings):
            raise RuntimeError("a run by the study's own code recorded other settings than those of its plan")
        if not seconds_agree(made.run):
            raise RuntimeError(
                "a run by the study's own code recorded seconds that its evaluations do not have"
            )
        if wrong := wrong_threads(made.provenance, threads):
            raise RuntimeError(f"a run by the study's own code {wrong}")
        if plan.mixed_precision and not keeps_rounding(made.provenance["switches"]):
            raise RuntimeError("a run by the study's own code may leave out roundings to bfloat16")
        late += [compiles_late(made.start)]
        trace |= results(made.run, plan)
    if all(late):
        raise RuntimeError(
            "the seconds of a first step are those of compilation, in a run by the study's own code"
        )
    return trace


def compiles_late(start: dict[str, float | None]) -> bool:
    """Whether a first step took longer than all compilation before it, where anything is compiled."""
    compile_s = start.get("compile_s")
    return bool(compile_s) and (start.get("first_step_s") or 0.0) > compile_s


def seconds_agree(run: Run) -> bool:
    """Whether the seconds of a run are those at its last evaluation, and those to the target at that one.

    A run that diverged ended after its last evaluation, if it had any.
    """
    at = {point.examples: point.training_s for point in run.curve}
    last_s = max(at.values(), default=0.0)
    at_the_end = run.training_s == at[run.examples] if run.examples in at else run.training_s > last_s
    return at_the_end and run.time_to_target_s == at.get(run.examples_to_target)


def wrong_threads(provenance: dict, threads: int) -> str:
    """What a record says of threads that the study does not; empty if there is nothing.

    The framework reports with how many it computes.
    """
    reported = {name: provenance["switches"].get(name) for name in THREADS} | {
        "threads": provenance["threads"]
    }
    wrong = {name: number for name, number in reported.items() if number not in (None, threads)}
    return f"computed with {wrong}, and the study has {threads}" if wrong else ""


def keeps_rounding(switches: dict) -> bool:
    """Whether a framework was told to round to bfloat16 as a model says, and to sum in float32."""
    by_xla = KEEP_ROUNDING in switches.get("xla_flags", KEEP_ROUNDING)
    return by_xla and not switches.get("sums_in_bfloat16", False)


def check_setups(framework: ModuleType, plans: list[Plan], data: Dataset, *, precisions: set[str]) -> None:
    """Hold what the study's runs start from to their plans.

    In float32, arms that differ by their learning rates share their runs, and this tells them apart: beside
    the runs in float64, of which each arm has its own, it is done in both precisions.

    Raises:
        RuntimeError: one starts from something else.
    """
    for precision, plan in itertools.product(precisions, plans):
        plan = plan.model_copy(update={"precision": precision})
        if cause := expected_setup.fault(measure.set_up(framework, plan, data), plan, data):
            raise RuntimeError(f"set-up at batch size {plan.cell.batch_size}: {cause}")


def by_the_arm(setup: Setup, data: Dataset, plans: list[Plan], optimizers: dict[int, Optimizer]) -> Trace:
    """The same runs in both precisions where the arm says what they are, with a trainer new for each.

    The trainer is in float64, but for products in bfloat16, which only float32 rounds. `optimizers` are
    those that the arm has at each batch size; the examples of `setup` are not used.
    """
    trace: Trace = {}
    for precision in ("float64", "float32"):
        for plan, used in rehearsals(plans, data, precision):
            optimizer = optimizers[plan.cell.batch_size]
            trainer = replace(
                setup,
                **{"examples": used.train_x, "labels": used.train_y},
                optimizer=rehearsed_optimizer(optimizer, plan.optimizer.total_steps, precision),
                precision=precision if plan.mixed_precision else setup.precision,
            ).trainer()
            trainer.reset(setup.parameters(seed=plan.seed))
            trace |= results(expected_run(trainer, used, plan), plan)
    return trace


def results(run: Run, plan: Plan) -> Trace:
    """What a run computed, as arrays; what is None, or no finite number, is −1.

    In float32 a last digit may decide which class is predicted, and with it which evaluation is best.
    """
    curve = [point.model_dump(exclude={"training_s"}) for point in run.curve]
    arrays = {
        "examples": [run.seed, run.steps, run.examples, *(point["examples"] for point in curve)],
        "training loss": [point["train_loss"] for point in curve],
        "validation loss": [point["validation_loss"] for point in curve],
        "accuracies": [point["validation_accuracy"] for point in curve],
        "accuracies at the end": [run.validation_accuracy, run.test_accuracy, run.train_accuracy],
    }
    if plan.precision == "float64":
        to_target = (run.examples_to_target, run.steps_to_target, run.status == Status.REACHED)
        arrays["target and best"] = [*to_target, run.best_examples]
    stage = Stage.STUDIED if plan.precision == "float64" else Stage.STUDIED_SIZES
    return {
        Quantity(stage, f"{name} at {plan.cell.batch_size}"): np.array(
            [-1.0 if value is None else value for value in values]
        )
        for name, values in arrays.items()
    }
