"""Random trainings, and the processes that train them: one for each framework.

What is drawn is held away, by construction, from trainings that magnify rounding for reasons of their own;
each limit below says why.
"""

import math
import multiprocessing
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
from hypothesis import strategies as st
from planting import in_bfloat16

from benchmarks import frameworks
from benchmarks.common.errors import Problem
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.identity.trace import snapshot
from benchmarks.models import layers as spec
from benchmarks.models.layer import Layer, Shape, output_shape
from benchmarks.models.parameters import initial_parameters
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.optimizer import Optimizer, Schedule

STEPS, EXAMPLES, DEPTH = 10, 24, 6
CLASSES, VOCABULARY, POSITIONS = 3, 7, 5

EPSILON = 2.0**-7
"""Of norms. On numbers that are all alike (dead, dropped or shifted in) a norm is as steep as 1 / √ε: with
1e-5 a step there is thrown a hundred times too far, and ten of them are chaotic."""
ADAM_EPSILONS = (2.0**-10, 2.0**-7)
"""Adam divides a gradient by its own size. Where a gradient is nothing but rounding (a bias in front of a
norm, the key bias of attention) the quotient is noise of size 1, unless ε is well above the rounding."""
FEWEST_NORMALISED = 4
"""Numbers in a norm's mean: two of them become ±1 whatever they were, and one becomes 0, so that the
gradient that comes back is rounding alone."""
GHOST = 4
"""Examples of a ghost batch."""
FEWEST_CHANNELS = 2
"""In a group norm: its only shift, where there is one channel, is a number that is added everywhere. What
follows hardly depends on that, so its gradient is a sum that cancels."""
RATES = (2.0**-5, 2.0**-7)
"""Small enough for no training to diverge: there rounding grows without bound."""


@dataclass(frozen=True)
class Training:
    """One training to compare: [N, …] examples are drawn from `seed`."""

    layers: tuple[Layer, ...]
    shape: Shape
    optimizer: Optimizer
    execution: str
    batch_size: int
    seed: int

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Examples and labels: images of normal numbers, which tie nowhere, or text."""
        random = np.random.default_rng(self.seed)
        if len(self.shape) == 1:
            text = random.integers(0, VOCABULARY, (EXAMPLES, POSITIONS + 1)).astype(np.int32)
            return np.ascontiguousarray(text[:, :-1]), np.ascontiguousarray(text[:, 1:])
        images = random.normal(size=(EXAMPLES, *self.shape)).astype(np.float32)
        return images, random.integers(0, CLASSES, EXAMPLES).astype(np.int32)


def _norms(shape: Shape, batch_size: int) -> list[Layer]:
    """The norms that have enough numbers to normalise on this shape."""
    found: list[Layer] = []
    if batch_size * math.prod(shape[:-1]) >= FEWEST_NORMALISED:
        found += [spec.BatchNorm(epsilon=EPSILON), spec.BatchNorm(momentum=0.75, epsilon=EPSILON)]
    if batch_size % GHOST == 0 and GHOST * math.prod(shape[:-1]) >= FEWEST_NORMALISED:
        found.append(spec.BatchNorm(epsilon=EPSILON, ghost=GHOST))
    if shape[-1] >= FEWEST_NORMALISED:
        found.append(spec.LayerNorm(epsilon=EPSILON))
    for groups in (1, 2) if shape[-1] >= FEWEST_CHANNELS else ():
        if shape[-1] % groups == 0 and math.prod(shape) // groups >= FEWEST_NORMALISED:
            found.append(spec.GroupNorm(groups, epsilon=EPSILON))
    return found


def _keeping_shape(shape: Shape, batch_size: int) -> list[Layer]:
    """Layers that leave a shape as it is."""
    found = [spec.ReLU(), spec.GELU(), spec.Dropout(0.25), spec.Dropout(0.5), *_norms(shape, batch_size)]
    if len(shape) == 2:
        found += [spec.PositionEmbedding(), spec.Attention(1), spec.Attention(2)]
    if len(shape) == 3:
        found += [spec.RandomShift(1), spec.RandomFlip(), spec.Conv(shape[-1]), spec.Conv(shape[-1], size=1)]
    return [*found, spec.Dense(shape[-1])]


def _changing_shape(shape: Shape) -> list[Layer]:
    """Layers that may not."""
    if len(shape) < 3:
        return [spec.Dense(4), spec.Dense(8), spec.Dense(8, bias=False)]
    found: list[Layer] = [
        *(
            spec.Conv(4, stride=2),
            spec.Conv(4, bias=False),
            spec.Conv(8, size=5),
            spec.Conv(4, size=1, stride=2),
        ),
        *(spec.Flatten(), spec.GlobalAveragePool(), spec.Dense(4)),
    ]
    if min(shape[:2]) > 1:
        found += [
            spec.MaxPool(2),
            spec.AveragePool(2),
            spec.MaxPool(3, stride=2),
            spec.MaxPool(3, stride=2, padded=True),
            spec.AveragePool(3, stride=1),
        ]
    return found


@st.composite
def _residual(draw: st.DrawFn, shape: Shape, batch_size: int) -> spec.Residual:
    """A body, and a shortcut or none, that both keep the shape; or both change it alike."""
    keeping = st.sampled_from(_keeping_shape(shape, batch_size))
    body = tuple(draw(st.lists(keeping, min_size=1, max_size=3)))
    if len(shape) == 3 and draw(st.booleans()):
        return spec.Residual((*body, spec.Conv(4, stride=2)), (spec.Conv(4, size=1, stride=2, bias=False),))
    return spec.Residual(body, tuple(draw(st.lists(keeping, max_size=1))))


@st.composite
def _specs(draw: st.DrawFn, shape: Shape, batch_size: int) -> tuple[Layer, ...]:
    """Up to DEPTH layers, counted without those inside a residual, that end in a dense one."""
    text = len(shape) == 1
    layers: list[Layer] = [spec.Embedding(VOCABULARY, draw(st.sampled_from([4, 8])))] if text else []
    for _ in range(draw(st.integers(0, DEPTH - 2 - len(layers)))):
        here = output_shape(layers, shape)
        kinds = [*_keeping_shape(here, batch_size), *_changing_shape(here)]
        layers.append(draw(st.one_of(st.sampled_from(kinds), _residual(here, batch_size))))
    if len(output_shape(layers, shape)) == 3:
        layers.append(draw(st.sampled_from([spec.Flatten(), spec.GlobalAveragePool()])))
    whole = (*layers, spec.Dense(VOCABULARY if text else CLASSES))
    return in_bfloat16(whole) if draw(st.booleans()) else whole


@st.composite
def _optimizers(draw: st.DrawFn, accumulation: int) -> Optimizer:
    """Any of the five, with decay, clipping and schedule."""
    name = draw(st.sampled_from(["sgd", "momentum", "nesterov", "adam", "adamw"]))
    shape = draw(st.sampled_from(["constant", "step", "cosine"]))
    steps = {"milestones": [0.4, 0.7], "factor": 0.5} if shape == "step" else {}
    schedule = Schedule(shape=shape, warm_up=draw(st.sampled_from([0.0, 0.3])), **steps)
    return Optimizer(
        name=name,
        learning_rate=draw(st.sampled_from(RATES)) / (4 if name.startswith("adam") else 1),
        momentum=0.875 if name in ("momentum", "nesterov") else 0.0,
        beta_1=draw(st.sampled_from([0.5, 0.9])),
        beta_2=draw(st.sampled_from([0.9, 0.999])),
        epsilon=draw(st.sampled_from(ADAM_EPSILONS)),
        weight_decay=draw(st.sampled_from([0.0, 2.0**-5])),
        decay="coupled" if name == "adamw" else draw(st.sampled_from(["coupled", "decoupled"])),
        clip_norm=draw(st.sampled_from([None, 0.5, 1e30])),
        accumulation=accumulation,
        schedule=schedule,
        total_steps=STEPS,
    )


@st.composite
def trainings(draw: st.DrawFn) -> Training:
    """Everything that defines a training."""
    extent = st.integers(3, 6)
    images = st.tuples(extent, extent, st.sampled_from([1, 3, 4]))
    shape = draw(st.one_of(images, st.just((POSITIONS,))))
    batch_size = draw(st.sampled_from([1, 2, 5, 7, 8, 24]))
    parts = draw(st.sampled_from([1, *(n for n in (2, 4) if batch_size % n == 0)]))
    return Training(
        layers=draw(_specs(shape, batch_size // parts)),
        shape=shape,
        optimizer=draw(_optimizers(parts)),
        execution=draw(st.sampled_from(["idiomatic", "fused"])),
        batch_size=batch_size,
        seed=draw(st.integers(0, 10**6)),
    )


def trained(framework, training: Training) -> Trace:
    """What ten steps come to; the framework is configured for float64."""
    examples, labels = training.arrays
    trainer = framework.Trainer(
        layers=list(training.layers),
        optimizer=training.optimizer,
        examples=examples,
        labels=labels,
        precision="float64",
        execution=training.execution,
    )
    trainer.reset(initial_parameters(training.layers, training.shape, seed=training.seed))
    stream = BatchStream(EXAMPLES, seed=training.seed)
    steps = trainer.train(stream.batches(training.batch_size, first=0, count=STEPS))
    norms = {} if steps.gradient_norm is None else {Quantity(Stage.NORM): steps.gradient_norm}
    return {
        Quantity(Stage.LOSS): steps.loss,
        **norms,
        **snapshot(trainer, Stage.PARAMETERS, Stage.STATE),
        Quantity(Stage.EVALUATION): trainer.logits(examples),
    }


def loaded(name: str):
    """A framework, configured for float64."""
    framework = frameworks.load(name)
    framework.configure(threads=1, device="cpu", precision="float64")
    return framework


def serve(name: str, pipe: Connection) -> None:
    """Train what comes in and send what it comes to, or what went wrong, until None comes."""
    try:
        framework = loaded(name)
    except Problem as problem:
        pipe.send(problem.cause)
        return
    pipe.send(None)
    while (training := pipe.recv()) is not None:
        try:
            pipe.send(trained(framework, training))
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {error}")


class Workers:
    """One process for each framework that is installed, kept for all draws."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.started = {}
        for name in frameworks.NAMES:
            if name != "numpy":
                pipe, theirs = context.Pipe()
                process = context.Process(target=serve, args=(name, theirs), daemon=True)
                process.start()
                theirs.close()  # so that the end of the process is the end of the pipe
                self.started[name] = process, pipe
        self.pipes = {name: pipe for name, (_, pipe) in self.started.items() if pipe.recv() is None}

    def train(self, training: Training) -> dict[str, Trace | str]:
        """What each framework makes of a training, all at the same time; the message where one fails."""
        for pipe in self.pipes.values():
            pipe.send(training)
        return {name: self._received(name) for name in self.pipes}

    def _received(self, name: str) -> Trace | str:
        """The answer of one process, or how it ended."""
        process, pipe = self.started[name]
        try:
            return pipe.recv()
        except EOFError:
            process.join()
            return f"the process ended with exit code {process.exitcode}"

    def stop(self) -> None:
        """Let the processes end."""
        for pipe in self.pipes.values():
            pipe.send(None)
        for process, _ in self.started.values():
            process.join()
