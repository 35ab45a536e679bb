"""What explains a training from the inside: measured at checkpoints, the parameters that it had on its way.

To add a measurement, add a file here with `ROLES`, the checkpoints that it is made at, the `PRECISION` that
it computes in, and `numbers(loss, theta, seed=…)`, what it finds there by the names of columns; name it in
`study.study.Analysis` and `study.preview.ANALYSED`, and its columns in `summary.schema.CHECKPOINTS`.
`interpolation` looks at two trainings, `landscape` around one, and `branching` goes on with it.
"""

from importlib import import_module
from types import ModuleType


def module_name(name: str) -> str:
    """The module of an analysis."""
    return f"{__name__}.{name.replace('-', '_')}"


def module(name: str) -> ModuleType:
    """The same, imported."""
    return import_module(module_name(name))
