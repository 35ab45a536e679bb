"""Frameworks: one file each, with the same few names; nothing here imports a framework itself.

The folders of this package hold what several frameworks share, or what one of them is made of.

A framework's file holds

- `configure(threads=, device=, precision=)`, called once, before anything else is built;
- `device() -> Device`, `switches() -> dict` (determinism, TF32, threads, compilation as in force);
- `Trainer(layers=, optimizer=, examples=, labels=, precision=, execution=)` with the
  methods of `frameworks.trainer.Trainer`;
- `synchronise()`, `reset_peak_memory()` and `peak_memory_mib() -> float | None`;
- `is_out_of_memory(error) -> bool`.

To add one, add a file here; its name is the framework's name in a study.
"""

import difflib
import importlib
import pkgutil
from types import ModuleType

from benchmarks.common.errors import Problem

NAMES = sorted(
    module.name.replace("_", "-")
    for module in pkgutil.iter_modules(__path__)
    if module.name not in ("devices", "setup", "trainer") and not module.ispkg
)


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
    """Import a framework; a process does so for one framework alone.

    Raises:
        Problem: there is no such framework, or it is not installed.
    """
    module = module_name(name)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise Problem(
            f"framework '{name}' needs the package '{error.name}', which is not installed",
            fix="pip install -r requirements/cpu.txt (or cuda.txt), or take the framework out of the study",
        ) from error
