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
from benchmarks.identity import expected_setup, fitted
from benchmarks.identity.counted import of_tiny_model
from benchmarks.identity.noise import noisy_parameters
from benchmarks.identity.quantity import OVER_MANY_STEPS, Quantity, Stage, Trace
from benchmarks.models.parameters import Parameters
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.throughput import fit
from benchmarks.throughput.rounds import of_calls, set_up
from benchmarks.throughput.rows import Case

BATCH_SIZE, CALLS, STEPS, ROUNDS = 8, 3, 7, 2
"""Of the fused execution: calls of a round, and steps of a call."""
EXAMPLES = 116
"""Of `fit` at small batch sizes: the last batch of an epoch is smaller."""
Fits = dict[tuple[int, int], list[int]]
"""Batch size and about how many steps a round of `fit` has; the sizes of the batches of each round."""
FITS: Fits = {(8, 15): [8] * 14 + [4], (8, 2): [8] * 2, (48, 6): [48, 48, 20] * 2}
WHOLE_EXAMPLES = 144
"""All batches are whole. An arm that accumulates gradients has no others, since frameworks differ in what
follows."""
WHOLE_FITS: Fits = {(8, 18): [8] * 18, (8, 2): [8] * 2, (48, 6): [48] * 3 * 2}
FIT_ROUNDS = 4
"""All of a call of `fit`, the first one, which is not counted, among them."""
LONG_STEPS = 500
"""Steps of a call, or of a round of `fit`, of the tiny model: a fault may begin late."""
FEW_STEPS = 20
"""Steps of a call of it at the largest batch size, if a run has fewer."""
LONG_FITS: Fits = {(BATCH_SIZE, LONG_STEPS): [BATCH_SIZE] * LONG_STEPS}
LONG_EXAMPLES = FIT_ROUNDS * LONG_STEPS * BATCH_SIZE
LATE_EXAMPLES = 1204
LATE_FITS: Fits = {(BATCH_SIZE, 150): [BATCH_SIZE] * 150 + [4]}
"""A smaller batch at the end of an epoch, after more batches than a round of `fit` has anywhere else."""
RATE = 2.0**-10
SEED = 0


def case_of(arm: Arm, data: Dataset, *, model: str, execution: Execution) -> Case:
    """A case of the arm's step kind."""
    sizes = {"batch_size": size_of(arm), "call_steps": STEPS}
    return Case(dataset=data.name, model=model, step_kind=arm.step_kind, execution=execution, **sizes)


def size_of(arm: Arm) -> int:
    """The batch size of calls: a micro-batch has as many examples as the batch of another arm."""
    return BATCH_SIZE * (arm.accumulation or 1)


def fits_on(arm: Arm, largest: int) -> dict[int, Fits]:
    """The rounds of `fit` by the number of examples: at small batch sizes, and at the largest of a study."""
    if arm.accumulation:
        return {WHOLE_EXAMPLES: WHOLE_FITS, 2 * largest: {(largest, 2): [largest] * 2}}
    return {EXAMPLES: FITS, WHOLE_EXAMPLES: WHOLE_FITS, largest + 1: {(largest, 2): [largest, 1]}}


def long_fits_on(arm: Arm) -> dict[int, Fits]:
    """Rounds of `fit` of many steps, by the number of examples."""
    return {LONG_EXAMPLES: LONG_FITS} | ({} if arm.accumulation else {LATE_EXAMPLES: LATE_FITS})


def alike(setup: Setup, n: int) -> Setup:
    """The same on so many examples that are all alike, so that their order makes no difference."""
    same = np.zeros(n, int)
    return replace(setup, examples=setup.examples[same], labels=setup.labels[same])


def off_the_bend(setup: Setup) -> Parameters:
    """First parameters with noise.

    Of examples that are all alike a batch norm gives its β, which is 0 at first: a ReLU behind it would lie
    on its bend, where a last digit decides.
    """
    return noisy_parameters(setup.parameters(seed=SEED))


def by_throughput(
    framework: ModuleType, arm: Arm, data: Dataset, *, model: str, execution: Execution, largest: int
) -> Trace:
    """The parameters after timed rounds of the arm's step kind, in float64.

    Raises:
        RuntimeError: in float32 another training is timed.
    """
    case, timed = case_of(arm, data, model=model, execution=execution), shared(arm.for_timing)
    setup, in_float32 = (
        set_up(case, timed, framework, data, precision=precision) for precision in ("float64", "float32")
    )
    if summary(in_float32) != (*summary(setup)[:-1], "float32"):
        raise RuntimeError("throughput sets another training up in float32 than in float64")
    if not len(setup.labels) == len(in_float32.labels) == len(data.train_y):
        raise RuntimeError("throughput sets up other examples than a training has")
    if expected_setup.ghosts(setup.layers) - {arm.ghost_batch}:
        raise RuntimeError("throughput sets up other ghost batches than the arm has")
    if expected_setup.in_bfloat16(setup.layers) != {arm.mixed_precision == "bfloat16"}:
        raise RuntimeError("throughput sets up products in another precision than the arm has")
    if setup.optimizer.accumulation != (arm.accumulation or 1):  # which may change no number
        raise RuntimeError("throughput sets up other micro-batches than the arm has")
    if execution == "fused":
        of_largest = case.model_copy(update={"batch_size": largest})
        return {
            **in_calls(setup, case, execution, of_call=STEPS),
            **in_calls(setup, of_largest, f"at {largest} {execution}", of_call=1),
        }
    trace: Trace = {}
    for n, of_fits in fits_on(arm, largest).items():
        trace |= in_fits(alike(setup, n), of_fits, f"on {n} {execution}")
    return trace


def in_calls(setup: Setup, case: Case, name: str, *, of_call: int) -> Trace:
    """Run the rounds of the fused execution, one after the other."""
    trainer = setup.trainer()
    trainer.reset(setup.parameters(seed=SEED))
    each = of_calls(trainer, setup.stream(seed=SEED), case, calls=CALLS, of_call=of_call, step_s=0.0)
    for _ in range(ROUNDS):
        arguments, options = each.prepare()
        each.run(*arguments, **options)
    return recorded(trainer, name, [each.steps] * ROUNDS)


def in_fits(setup: Setup, fits: Fits, name: str) -> Trace:
    """Run rounds of `fit` at each batch size, one call after the other."""
    trainer = setup.trainer()
    trainer.reset(off_the_bend(setup))
    lengths = [(size, fit.length_of(steps, len(setup.labels), size)) for size, steps in fits]
    for size, length in lengths:
        fit.timed(trainer.fit, size, length)
    return recorded(trainer, name, [length.taken for _, length in lengths])


def over_many_steps(
    framework: ModuleType,
    arm: Arm,
    data: Dataset,
    *,
    model: str,
    execution: Execution,
    precision: str,
    largest: int,
    call_steps: int,
) -> Trace:
    """The tiny model after timed rounds of many steps, in the precision that the framework is set to.

    In calls at the largest batch size too, as long as they are timed: a round may be cut there alone.
    """
    case, name = case_of(arm, data, model=model, execution=execution), f"{OVER_MANY_STEPS} {execution}"
    setup = set_up(case, shared(arm.for_timing), framework, data, precision=precision)
    tiny = of_tiny_model(setup, BATCH_SIZE)
    if execution == "idiomatic":
        trace = fitted.by_fit(setup)
        for n, of_fits in long_fits_on(arm).items():
            trace |= in_fits(alike(tiny, n), of_fits, f"on {n} {name}")
        return trace
    wide, of_largest = of_tiny_model(setup, largest), case.model_copy(update={"batch_size": largest})
    return {
        **in_calls(tiny, case, name, of_call=LONG_STEPS),
        **in_calls(wide, of_largest, f"at {largest} {name}", of_call=max(FEW_STEPS, call_steps)),
    }


def summary(setup: Setup) -> tuple:
    """What a set-up is of, without its arrays; the precision is last."""
    return (setup.layers, setup.optimizer, setup.execution, len(setup.labels), setup.precision)


def fault_of_step_kinds(arms: list[Arm]) -> str:
    """The first two arms that are timed as one though their steps differ; empty if there are none."""
    for one, other in itertools.combinations(arms, 2):
        if one.step_kind == other.step_kind and stepped(one) != stepped(other):
            return f"throughput is timed once for {one.name} and {other.name}, whose steps differ"
    return ""


def stepped(arm: Arm) -> tuple:
    """What the time of a step depends on, by the settings of an arm."""
    decoupled = arm.weight_decay and (arm.decay == "decoupled" or arm.optimizer == "adamw")
    of_step = (arm.optimizer, bool(arm.weight_decay), bool(decoupled), bool(arm.clip_norm))
    of_model = (arm.randomness, arm.ghost_batch, arm.mixed_precision, arm.accumulation)
    return (*of_step, *of_model, tuple(arm.augmentation))


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
        "accumulation": arm.accumulation or 1,
    }
    return Optimizer(name=arm.optimizer, learning_rate=RATE, **settings)


def by_the_arm(setup: Setup, arm: Arm, *, largest: int, call_steps: int) -> Trace:
    """The same by plain steps of a trainer that the arm alone sets up; `setup` is on all examples."""
    made = replace(setup, optimizer=stated(arm))
    tiny = of_tiny_model(made, BATCH_SIZE)
    trace = by_steps(made, "fused", size_of(arm), of_call=STEPS)
    trace |= by_steps(made, f"at {largest} fused", largest, of_call=1)
    trace |= by_steps(tiny, f"{OVER_MANY_STEPS} fused", size_of(arm), of_call=LONG_STEPS)
    wide = of_tiny_model(made, largest)
    of_call = max(FEW_STEPS, call_steps)
    trace |= by_steps(wide, f"at {largest} {OVER_MANY_STEPS} fused", largest, of_call=of_call)
    trace |= fitted.by_steps(made)
    for n, of_fits in long_fits_on(arm).items():
        trace |= by_single_steps(alike(tiny, n), of_fits, f"on {n} {OVER_MANY_STEPS} idiomatic")
    for n, of_fits in fits_on(arm, largest).items():
        trace |= by_single_steps(alike(made, n), of_fits, f"on {n} idiomatic")
    return trace


def by_steps(setup: Setup, name: str, batch_size: int, *, of_call: int) -> Trace:
    """What `in_calls` should come to."""
    trainer, steps = setup.trainer(), CALLS * of_call
    trainer.reset(setup.parameters(seed=SEED))
    trainer.train(setup.stream(seed=SEED).batches(batch_size, first=0, count=ROUNDS * steps))
    return recorded(trainer, name, [steps] * ROUNDS)


def by_single_steps(setup: Setup, fits: Fits, name: str) -> Trace:
    """What `in_fits` should come to: a step for each batch of each round."""
    trainer = setup.trainer()
    trainer.reset(off_the_bend(setup))
    for size in itertools.chain(*(sizes * FIT_ROUNDS for sizes in fits.values())):
        trainer.train(np.arange(size, dtype=np.int32)[np.newaxis])
    return recorded(trainer, name, [sum(sizes) / size for (size, _), sizes in fits.items()])


def recorded(trainer: Trainer, name: str, steps: list[float]) -> Trace:
    """How many steps each round counts, and what the parameters became; executions take different steps."""
    return {
        Quantity(Stage.TIMED, f"steps {name}"): np.array(steps, np.float64),
        **{
            Quantity(Stage.TIMED, f"parameter {parameter} {name}"): value
            for parameter, value in trainer.parameters().items()
        },
    }
