"""Each layer of products alone: what one product rounds, before others have rounded it further.

In a whole model a number that was rounded the other way leads to more of them, so that after a few layers a
product that is rounded wrongly can no longer be told from one that is not.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.frameworks.setup import Setup
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.models.layer import Layer, Place, output_shape, walk
from benchmarks.models.layers import Attention, Flatten, LayerNorm, Product

BATCH_SIZE = 32


def distinct(setup: Setup) -> Iterator[tuple[Place, bool]]:
    """The layers of products that differ in settings or in shape, each with whether it is the first."""
    seen = set()
    for place in walk(setup.layers, setup.examples.shape[1:]):
        if isinstance(place.layer, Product) and (place.layer, place.shape) not in seen:
            yield place, not seen
            seen.add((place.layer, place.shape))


def of_layer(setup: Setup, place: Place, *, first: bool) -> Setup:
    """A training of this layer on noise, whose outputs are the logits.

    One that is not the first has a norm to pass its gradient on to. One without a bias gets one: in a model a
    norm follows it, and never the loss.
    """
    random = np.random.default_rng(0)
    shape = output_shape([place.layer], place.shape)
    flat = [Flatten()] if len(shape) == 3 else []
    n_classes, positions = output_shape([place.layer, *flat], place.shape)[-1], shape[:-1] if not flat else ()
    return replace(
        setup,
        layers=[*([] if first else [LayerNorm()]), with_bias(place.layer), *flat],
        examples=random.standard_normal((BATCH_SIZE, *place.shape)).astype(np.float32),
        labels=random.integers(0, n_classes, (BATCH_SIZE, *positions)).astype(np.int32),
    )


def with_bias(layer: Layer) -> Layer:
    """The layer with a bias."""
    return layer if isinstance(layer, Attention) else replace(layer, bias=True)


def alone(setup: Setup) -> Trace:
    """Of each such layer: its output, the loss of a step, and the optimizer's state after it."""
    trace: Trace = {}
    for place, first in distinct(setup):
        made = of_layer(setup, place, first=first)
        trainer, parameters = made.trainer(), made.parameters(seed=0)
        trainer.reset(parameters)
        output = trainer.layer_outputs(made.examples)["0" if first else "1"]
        trainer.reset(parameters)
        loss = trainer.train(np.arange(BATCH_SIZE, dtype=np.int32)[np.newaxis]).loss
        found = {"output": output, "loss": loss, **trainer.optimizer_state()}
        trace |= {
            Quantity(Stage.PRODUCTS, f"layer {place.path}, {name}"): value for name, value in found.items()
        }
    return trace
