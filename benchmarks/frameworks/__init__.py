"""Frameworks: one file for each, all with the same few names. This file imports none of them.

The folders of this package hold the parts of a framework, or what several frameworks share.

A framework's file has

- `configure(threads=, device=, precision=)`, which is called once, before anything else;
- `device() -> Device`, and `switches() -> dict` with the settings in force (threads, TF32, compilation,
  determinism);
- `Trainer(layers=, optimizer=, examples=, labels=, precision=, execution=)` with the methods of
  `frameworks.trainer.Trainer`;
- `synchronise()`, `reset_peak_memory()` and `peak_memory_mib() -> float | None`;
- `is_out_of_memory(error) -> bool`;
- `product(size, precision)` and `scaling(n, precision)`, which show the limits of a machine: each gives a
  function that does the operation so many times and waits for the last, a product of two matrices
  [size, size] or an array [n] times a number.

To add a framework, add a file here; its name, with `-` for `_`, is the framework's name in a study.
"""

import difflib
import importlib
import pkgutil
from types import ModuleType

from benchmarks.common.errors import Problem

NAMES = sorted(
    module.name.replace("_", "-")
    for module in pkgutil.iter_modules(__path__)
    if module.name not in ("devices", "evaluation", "setup", "trainer") and not module.ispkg
)


ANALYSED_WITH = "pytorch"
"""The framework that measures trainings from the inside, and trains what it measures."""


def module_name(name: str) -> str:
    """The module that holds a framework.

    Raises:
        Problem: there is no such framework.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise Problem(f"there is no framework '{name}'", fix=f"{hint}known frameworks: {', '.join(NAMES)}")
    return f"benchmarks.frameworks.{name.replace('-', '_')}"


def load(name: str) -> ModuleType:
    """Import a framework. A process must import only one.

    Raises:
        Problem: there is no such framework, or it is not installed.
    """
    module = module_name(name)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise Problem(
            f"framework '{name}' needs the package '{error.name}', which is not installed",
            fix="pip install -r requirements/cpu.txt (or cuda.txt), or remove the framework from the study",
        ) from error
