"""Models: one file each, holding `layers(n_classes)`, the list of layer values.

To add one, add a file here; its name is the model's name in a study.
"""

import dataclasses
import difflib
import importlib
import pkgutil
from collections.abc import Sequence

from benchmarks.common.errors import Problem
from benchmarks.models.layer import Layer, Spec
from benchmarks.models.layers import Dropout, Embedding, RandomFlip, RandomShift, Residual

_SHARED = ("layer", "layers", "parameters", "resnet")
NAMES = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _SHARED)
AUGMENTATIONS: dict[str, Layer] = {"shift": RandomShift(), "flip": RandomFlip()}


def spec(
    name: str, *, n_classes: int, augmentation: Sequence[str] = (), randomness: str = "shared"
) -> list[Layer]:
    """The layer list of a model, with the augmentation in front and the source of its random numbers.

    Raises:
        Problem: there is no such model.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise Problem(f"there is no model '{name}'", fix=f"{hint}known models: {', '.join(NAMES)}")
    found = importlib.import_module(f"benchmarks.models.{name}").layers(n_classes)
    return [*(AUGMENTATIONS[each] for each in augmentation), *_drawing(found, randomness)]


def _drawing(layers: Spec, source: str) -> tuple[Layer, ...]:
    """The layers with their dropout taking its random numbers from this source."""

    def changed(layer: Layer) -> Layer:
        match layer:
            case Dropout():
                return dataclasses.replace(layer, source=source)
            case Residual():
                return Residual(_drawing(layer.body, source), _drawing(layer.shortcut, source))
        return layer

    return tuple(changed(layer) for layer in layers)


def takes_tokens(layers: Spec) -> bool:
    """Whether the model reads text (whole numbers) and not images."""
    return isinstance(layers[0], Embedding)


def is_statistical(layers: Spec) -> bool:
    """Whether a random generator inside the framework makes two trainings differ in every bit."""
    return any(
        (isinstance(layer, Dropout) and layer.source == "framework")
        or any(is_statistical(part) for part in layer.parts().values())
        for layer in layers
    )
