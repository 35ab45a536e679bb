"""A trace: everything that one framework computes over the first steps of a training.

A trace has 200 steps of 32 examples out of 500, so that batches often straddle two epochs. The learning
rate changes on the way, since a wrong form of an optimizer may agree as long as the rate is constant.
"""

import math
from dataclasses import replace
from types import ModuleType

import numpy as np

from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Execution, Steps, Trainer
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.models.layer import Spec, walk
from benchmarks.models.parameters import BRANCHES
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import Optimizer, Schedule

STEPS = 200
EARLY = 20
BATCH_SIZE = 32
EXAMPLES = 500
"""Not a multiple of the batch size, so that an implementation that starts each epoch anew is detected."""
FEW_LOADED = 3
"""Batches that pass the input pipeline by themselves."""
KEPT_OUTPUTS = 4
"""Number of examples of the first batch whose layer outputs are kept; all 32 are computed together."""
EVALUATED = 100
"""Number of examples whose outputs are compared in evaluation mode."""
CHANGING = Schedule(shape="step", warm_up=0.1, milestones=[0.4, 0.7], factor=0.5)
"""The schedule that is used for arms whose learning rate is constant."""
NEVER_CLIPS = 1e30
"""A clipping threshold with which frameworks compute the gradient norm and multiply by exactly 1."""


def set_up(
    framework: ModuleType,
    data: Dataset,
    arm: Arm,
    *,
    model: str,
    execution: Execution,
    precision: str,
    first: int | None = EXAMPLES,
) -> Setup:
    """The set-up of one arm of a study on the first examples of a data set, or on all of them.

    Dropout always draws from the shared generator here, even if the arm uses the framework's own.
    """
    return Setup.on(
        data,
        model=model,
        augmentation=arm.augmentation,
        ghost_batch=arm.ghost_batch,
        mixed_precision=arm.mixed_precision,
        first=first,
        framework=framework,
        optimizer=optimizer_of(arm),
        precision=precision,
        execution=execution,
    )


def batches(setup: Setup, steps: int = STEPS) -> np.ndarray:
    """The batches of a trace, [steps, B] example indices."""
    size = min(BATCH_SIZE, len(setup.labels))
    return setup.stream(seed=0).batches(size, first=0, count=steps)


def optimizer_of(arm: Arm) -> Optimizer:
    """The optimizer of an arm over the steps of a trace."""
    return arm.optimizer_at(BATCH_SIZE, total_steps=STEPS)


def is_constant(optimizer: Optimizer) -> bool:
    """Whether the learning rate is the same in every step."""
    return optimizer.schedule.shape == "constant" and not optimizer.schedule.warm_up


def with_changing_rate(optimizer: Optimizer) -> Optimizer:
    """The optimizer itself if its rate changes, otherwise the optimizer with the schedule CHANGING."""
    return altered(optimizer, schedule=CHANGING) if is_constant(optimizer) else optimizer


def rates_of(arm: Arm) -> np.ndarray:
    """The learning rate of every step of an arm's trace, [STEPS]."""
    return with_changing_rate(optimizer_of(arm)).rates(0, STEPS)


def altered(optimizer: Optimizer, **settings) -> Optimizer:
    """The optimizer with some settings replaced, validated again."""
    return Optimizer.model_validate({**dict(optimizer), **settings})


def record_trace(setup: Setup, *, steps: int = STEPS) -> Trace:
    """Every quantity of one training; the framework must have been configured for its precision.

    An arm with a constant rate is also trained for a few steps at that rate, which frameworks may treat
    differently from a changing one.
    """
    varied = replace(setup, optimizer=with_changing_rate(setup.optimizer))
    trainer = varied.trainer()
    return {
        **stream(setup, steps),
        **beginning(setup, trainer),
        **training(setup, trainer, steps),
        **(norms(varied, steps) if varied.optimizer.clip_norm is None else {}),
        **(at_constant_rate(setup) if is_constant(setup.optimizer) else {}),
    }


def stream(setup: Setup, steps: int) -> Trace:
    """Which examples come out of the input pipeline: their indices are passed through it as labels.

    Of the examples themselves it is the last batch, of two lists of batches.
    """
    indices = np.arange(setup.labels.size, dtype=setup.labels.dtype).reshape(setup.labels.shape)
    trainer, drawn = replace(setup, labels=indices).trainer(), batches(setup, steps)
    labels, last = trainer.load_batches(drawn)
    examples = np.stack([last(), trainer.load_batches(drawn[:FEW_LOADED]).last()])
    return {Quantity(Stage.STREAM): labels, Quantity(Stage.STREAM, "by its examples"): examples}


def beginning(setup: Setup, trainer: Trainer) -> Trace:
    """The initial parameters as the framework holds them, and what the model makes of its first examples.

    That is each layer's outputs for the first batch, and the outputs in evaluation mode.
    """
    trainer.reset(setup.parameters(seed=0))
    trace = snapshot(trainer, Stage.INITIAL)
    trace[Quantity(Stage.FIRST_EVALUATION)] = trainer.logits(setup.examples[:EVALUATED])
    outputs = trainer.layer_outputs(setup.examples[batches(setup, 1)[0]])
    for path, kind in layer_kinds(setup.layers, setup.examples.shape[1:]).items():
        if path in outputs:
            trace[Quantity(Stage.OUTPUTS, f"{path} {kind}")] = outputs[path][:KEPT_OUTPUTS]
    return trace


def layer_kinds(layers: Spec, shape: tuple[int, ...]) -> dict[str, str]:
    """The kind of each layer by path, in the order of computation: a residual after the layers inside it."""

    def order(path: str) -> list[float]:
        return [*(float(BRANCHES.get(part, part)) for part in path.split(".")), math.inf]

    kinds = {path: type(layer).__name__ for path, layer, _ in walk(layers, shape)}
    return {path: kinds[path] for path in sorted(kinds, key=order)}


def training(setup: Setup, trainer: Trainer, steps: int) -> Trace:
    """Loss of every step [steps], its norm if the arm clips, and what the parameters and the state become.

    The latter are recorded after the first step, the 20th and the last.
    """
    trainer.reset(setup.parameters(seed=0))
    first, early, rest = np.split(batches(setup, steps), [1, EARLY])
    taken = [trainer.train(first)]
    trace = snapshot(trainer, Stage.FIRST_PARAMETERS, Stage.FIRST_STATE)
    taken.append(trainer.train(early))
    trace |= snapshot(trainer, Stage.EARLY_PARAMETERS, Stage.EARLY_STATE)
    taken.append(trainer.train(rest))
    return {
        Quantity(Stage.FIRST_LOSS): taken[0].loss,
        **trace,
        Quantity(Stage.LOSS): np.concatenate([part.loss for part in taken]),
        **norms_of(taken),
        **snapshot(trainer, Stage.PARAMETERS, Stage.STATE),
        Quantity(Stage.EVALUATION): trainer.logits(setup.examples[:EVALUATED]),
    }


def norms_of(taken: list[Steps]) -> Trace:
    """The gradient norms of these steps, before clipping; nothing if they did not clip."""
    if taken[0].gradient_norm is None:
        return {}
    found = np.concatenate([part.gradient_norm for part in taken])
    return {Quantity(Stage.FIRST_NORM): found[:1], Quantity(Stage.NORM): found}


def norms(setup: Setup, steps: int) -> Trace:
    """The gradient norms of an arm that does not clip, [steps], from a training of their own.

    Frameworks compute norms only where they clip, so this one clips by a threshold that is never reached.
    """
    trainer = replace(setup, optimizer=altered(setup.optimizer, clip_norm=NEVER_CLIPS)).trainer()
    trainer.reset(setup.parameters(seed=0))
    return norms_of([trainer.train(batches(setup, steps))])


def at_constant_rate(setup: Setup) -> Trace:
    """The parameters after 20 steps at the arm's constant rate."""
    trainer = setup.trainer()
    trainer.reset(setup.parameters(seed=0))
    trainer.train(batches(setup, EARLY))
    return snapshot(trainer, Stage.CONSTANT)


def snapshot(trainer: Trainer, parameters: Stage, state: Stage | None = None) -> Trace:
    """The present parameters and, if a stage for it is given, the present optimizer state."""
    trace = {Quantity(parameters, name): value for name, value in trainer.parameters().items()}
    if state is not None:
        trace |= {Quantity(state, name): value for name, value in trainer.optimizer_state().items()}
    return trace


def record_beginning(setup: Setup) -> Trace:
    """What is compared in float32: everything up to the first step, by which it is judged, and the losses.

    As in float64, the rate changes.
    """
    varied = replace(setup, optimizer=with_changing_rate(setup.optimizer))
    trainer = varied.trainer()
    return {**first_step(varied, trainer), **losses(varied, trainer)}


def first_step(setup: Setup, trainer: Trainer) -> Trace:
    """Everything up to the first step, before differences have grown."""
    trace = beginning(setup, trainer)
    trainer.reset(setup.parameters(seed=0))
    taken = trainer.train(batches(setup, 1))
    trace[Quantity(Stage.FIRST_LOSS)] = taken.loss
    trace |= snapshot(trainer, Stage.FIRST_PARAMETERS, Stage.FIRST_STATE)
    found = norms(setup, 1) if taken.gradient_norm is None else norms_of([taken])
    return {**trace, Quantity(Stage.FIRST_NORM): found[Quantity(Stage.FIRST_NORM)]}


def losses(setup: Setup, trainer: Trainer) -> Trace:
    """The learning curve, [STEPS].

    It is trained a few steps at a time: Keras's `fit` reports the mean loss since it began, from which the
    loss of a step is computed as a difference. Over many steps that would lose the digits of float32.
    """
    trainer.reset(setup.parameters(seed=0))
    parts = np.split(batches(setup), STEPS // EARLY)
    return {Quantity(Stage.LOSS): np.concatenate([trainer.train(part).loss for part in parts])}
