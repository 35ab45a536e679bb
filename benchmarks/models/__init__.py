"""Models: one file for each, with a function `layers(n_classes)` that returns the list of layers.

To add a model, add a file here; the file's name is the model's name in a study.
"""

import dataclasses
import difflib
import importlib
import pkgutil
from collections.abc import Sequence

from benchmarks.common.errors import Problem
from benchmarks.models.layer import Layer, Spec
from benchmarks.models.layers import Dropout, Embedding, RandomFlip, RandomShift, Residual

_SHARED = ("flops", "layer", "layers", "parameters", "resnet")
NAMES = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _SHARED)
AUGMENTATIONS: dict[str, Layer] = {"shift": RandomShift(), "flip": RandomFlip()}


def spec(
    name: str, *, n_classes: int, augmentation: Sequence[str] = (), randomness: str = "shared"
) -> list[Layer]:
    """The layers of a model, preceded by the augmentation; `randomness` is where its dropout draws from.

    Raises:
        Problem: there is no such model.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise Problem(f"there is no model '{name}'", fix=f"{hint}known models: {', '.join(NAMES)}")
    layers = importlib.import_module(f"benchmarks.models.{name}").layers(n_classes)
    return [*(AUGMENTATIONS[each] for each in augmentation), *_with_dropout_from(layers, randomness)]


def _with_dropout_from(layers: Spec, source: str) -> tuple[Layer, ...]:
    """The layers, with their dropout drawing its random numbers from this source."""

    def replaced(layer: Layer) -> Layer:
        match layer:
            case Dropout():
                return dataclasses.replace(layer, source=source)
            case Residual():
                return Residual(
                    _with_dropout_from(layer.body, source), _with_dropout_from(layer.shortcut, source)
                )
        return layer

    return tuple(replaced(layer) for layer in layers)


def takes_tokens(layers: Spec) -> bool:
    """Whether the model's input is text, as tokens, rather than images."""
    return isinstance(layers[0], Embedding)


def is_statistical(layers: Spec) -> bool:
    """Whether dropout draws from a framework's own generator, so that frameworks agree only statistically."""
    return any(
        (isinstance(layer, Dropout) and layer.source == "framework")
        or any(is_statistical(part) for part in layer.parts().values())
        for layer in layers
    )
