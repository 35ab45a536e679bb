"""Models: one file for each, with a function `layers(n_classes)` that returns the list of layers.

To add a model, add a file here; the file's name is the model's name in a study.
"""

import dataclasses
import difflib
import importlib
import pkgutil
from collections.abc import Iterator, Sequence

from benchmarks.common.errors import Problem
from benchmarks.models.layer import Layer, Spec
from benchmarks.models.layers import BatchNorm, Dropout, Embedding, Product, RandomFlip, RandomShift, Residual

_SHARED = ("flops", "layer", "layers", "parameters", "resnet")
NAMES = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _SHARED)
AUGMENTATIONS: dict[str, Layer] = {"shift": RandomShift(), "flip": RandomFlip()}


def spec(
    name: str,
    *,
    n_classes: int,
    augmentation: Sequence[str] = (),
    randomness: str = "shared",
    ghost_batch: int | None = None,
    mixed_precision: str | None = None,
) -> list[Layer]:
    """The layers of a model, preceded by the augmentation.

    `randomness` is where its dropout draws from, `ghost_batch` the examples of a ghost batch in batch norm;
    with `mixed_precision`, its products are in bfloat16.

    Raises:
        Problem: there is no such model.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise Problem(f"there is no model '{name}'", fix=f"{hint}known models: {', '.join(NAMES)}")
    layers = importlib.import_module(f"benchmarks.models.{name}").layers(n_classes)
    settings = (randomness, ghost_batch, mixed_precision is not None)
    return [*(AUGMENTATIONS[each] for each in augmentation), *_set(layers, *settings)]


def _set(layers: Spec, source: str, ghost: int | None, bfloat16: bool) -> tuple[Layer, ...]:
    """The layers, with this source of the random numbers of dropout, these ghost batches and products."""

    def replaced(layer: Layer) -> Layer:
        match layer:
            case Dropout():
                return dataclasses.replace(layer, source=source)
            case BatchNorm():
                return dataclasses.replace(layer, ghost=ghost)
            case Residual():
                return Residual(*(_set(part, source, ghost, bfloat16) for part in layer.parts().values()))
            case Product():
                return dataclasses.replace(layer, bfloat16=bfloat16)
        return layer

    return tuple(replaced(layer) for layer in layers)


def takes_tokens(layers: Spec) -> bool:
    """Whether the model's input is text, as tokens, rather than images."""
    return isinstance(layers[0], Embedding)


def all_layers(layers: Spec) -> Iterator[Layer]:
    """The layers, and those in the branches of a residual."""
    for layer in layers:
        yield layer
        for part in layer.parts().values():
            yield from all_layers(part)


def is_statistical(layers: Spec) -> bool:
    """Whether dropout draws from a framework's own generator, so that frameworks agree only statistically."""
    return any(isinstance(layer, Dropout) and layer.source == "framework" for layer in all_layers(layers))
