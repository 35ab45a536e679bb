"""The figures. To add one, add a file here with the same functions as the others:

`TITLE`, `applies(results)`: whether these results hold what it shows, `draw(results)`: the figure,
`caption(results)`: what a reader needs to read it. Its file is named after the module.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from benchmarks.common import process, processor
from benchmarks.publish import results, writing
from benchmarks.publish.results import Results

ORDER = ("throughput", "step_time", "peak_memory", "epochs_to_target", "time_to_target", "test_accuracy")
"""Told first, in this order; any other figure follows by name."""


def modules() -> dict[str, ModuleType]:
    """Every figure's module by the name of its files."""
    names = [module.name for module in iter_modules(__path__)]
    names.sort(key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    return {name.replace("_", "-"): import_module(f"{__name__}.{name}") for name in names}


def applicable(known: Results) -> dict[str, ModuleType]:
    """The figures that these results can fill."""
    return {name: module for name, module in modules().items() if module.applies(known)}


def write(folder: Path) -> list[str]:
    """Draw every figure that the results in a folder can fill into `figures/` there, and return the names.

    One is drawn on each core at a time.
    """
    known = results.read(folder)
    names = list(applicable(known))
    workers = max(1, min(processor.cores(), len(names)))
    with ProcessPoolExecutor(workers, process.FORKS, initializer=process.end_with_parent) as pool:
        list(pool.map(partial(_write, known, folder / "figures"), names))
    return names


def _write(known: Results, folder: Path, name: str) -> None:
    writing.write_figure(modules()[name].draw(known), folder, name=name)
