"""Each layer of products alone: what one product rounds, before others have rounded it further.

In a whole model a number that was rounded the other way leads to more of them, so that after a few layers a
product that is rounded wrongly can no longer be told from one that is not.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.frameworks.setup import Setup
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.models.layer import Layer, Place, output_shape, walk
from benchmarks.models.layers import Attention, Flatten, LayerNorm, PositionEmbedding, Product
from benchmarks.models.parameters import Parameters, trained
from benchmarks.recipe.optimizer import Optimizer

MIDDLE, LARGEST = 30, 500
"""Batch sizes: beside the smallest of a study, one in the middle and its largest up to this. They are no
powers of two, by which the gradient of a loss over many classes is divided without any rounding."""
KEPT = 16
"""Rows of an output that are kept, spread over the batch."""
MOST_LOGITS = 2**24
"""A layer with more outputs has smaller batches: they all are logits, several times in memory."""
MOMENTUM = Optimizer(name="momentum", learning_rate=2.0**-10, momentum=0.5, total_steps=1)
"""Its state after a step is the gradient, whatever the arm's optimizer makes of it."""


def distinct(setup: Setup) -> Iterator[tuple[Place, bool]]:
    """The layers of products that differ in settings or in shape.

    Each with whether it is the first that is trained, so that nothing asks for the gradient of its input.
    """
    seen, first = set(), True
    for place in walk(setup.layers, setup.examples.shape[1:]):
        if isinstance(place.layer, Product) and (first, place.layer, place.shape) not in seen:
            yield place, first
            seen.add((first, place.layer, place.shape))
        first = first and not trained(place.layer.parameter_shapes(place.shape))


def of_layer(setup: Setup, place: Place, *, first: bool, batch_size: int) -> Setup:
    """A training of this layer on noise, whose outputs are the logits.

    One that is not the first has a layer in front to pass its gradient on to: a table, or for images a norm.
    One without a bias gets one: in a model a norm follows it, and never the loss.
    """
    random = np.random.default_rng(0)
    shape = output_shape([place.layer], place.shape)
    flat = [Flatten()] if len(shape) == 3 else []
    front = LayerNorm() if len(place.shape) == 3 else PositionEmbedding()
    n_classes, positions = output_shape([place.layer, *flat], place.shape)[-1], shape[:-1] if not flat else ()
    return replace(
        setup,
        optimizer=MOMENTUM,
        layers=[*([] if first else [front]), with_bias(place.layer), *flat],
        examples=random.standard_normal((batch_size, *place.shape)).astype(np.float32),
        labels=random.integers(0, n_classes, (batch_size, *positions)).astype(np.int32),
    )


def with_bias(layer: Layer) -> Layer:
    """The layer with a bias."""
    return layer if isinstance(layer, Attention) else replace(layer, bias=True)


def with_biases_drawn(parameters: Parameters) -> Parameters:
    """The same with biases of size 1: at 0, one that is rounded with the product would not show."""
    random = np.random.default_rng(0)
    return {
        name: random.standard_normal(array.shape) if name.endswith("bias") else array
        for name, array in parameters.items()
    }


def alone(setup: Setup, sizes: list[int]) -> Trace:
    """Of each such layer at some batch sizes: its output, in evaluation too, and what comes of a step.

    That is the loss, and the gradient of each parameter. Of a batch in micro-batches it is one of these.
    """
    trace: Trace = {}
    smallest, largest = (edge(sizes) // setup.optimizer.accumulation for edge in (min, max))
    for place, first in distinct(setup):
        most = max(1, MOST_LOGITS // math.prod(output_shape([place.layer], place.shape)))
        for size in sorted({min(size, most) for size in (smallest, MIDDLE, min(largest, LARGEST))}):
            found = of_step(of_layer(setup, place, first=first, batch_size=size), "0" if first else "1")
            name = f"layer {place.path} at {size}"
            trace |= {Quantity(Stage.PRODUCTS, f"{name}, {each}"): value for each, value in found.items()}
    return trace


def of_step(setup: Setup, path: str) -> dict[str, np.ndarray]:
    """What comes of a step on all examples, with the output of the layer of this path before it."""
    trainer, parameters = setup.trainer(), with_biases_drawn(setup.parameters(seed=0))
    rows = slice(None, None, -(-len(setup.labels) // KEPT))
    trainer.reset(parameters)
    outputs = {"output": trainer.layer_outputs(setup.examples)[path][rows]}
    trainer.reset(parameters)
    outputs["output in evaluation"] = trainer.logits(setup.examples)[rows]
    loss = trainer.train(np.arange(len(setup.labels), dtype=np.int32)[np.newaxis]).loss
    return {**outputs, "loss": loss, **trainer.optimizer_state()}
