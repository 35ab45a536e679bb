"""Models: one file each, holding `layers(n_classes)`, the list of layer values.

To add one, add a file here; its name is the model's name in a study.
"""

import difflib
import importlib
import pkgutil

from benchmarks.errors import Problem
from benchmarks.models.layers import Spec

NAMES = sorted(
    module.name for module in pkgutil.iter_modules(__path__) if module.name not in ("layers", "parameters")
)


def spec(name: str, *, n_classes: int) -> Spec:
    """The layer list of a model.

    Raises:
        Problem: there is no such model.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise Problem(f"there is no model '{name}'", mend=f"{hint}known models: {', '.join(NAMES)}")
    return importlib.import_module(f"benchmarks.models.{name}").layers(n_classes)
