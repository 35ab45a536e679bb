"""The tables. A new one is a new file here with a function `tables(results)` that gives a list of them."""

from importlib import import_module
from pkgutil import iter_modules

from benchmarks.publish.results import Results
from benchmarks.publish.table import Table

FIRST = "main"


def build(results: Results) -> list[Table]:
    """Every table that these results can fill, the main ones first."""
    names = sorted((module.name for module in iter_modules(__path__)), key=lambda name: (name != FIRST, name))
    return [table for name in names for table in import_module(f"{__name__}.{name}").tables(results)]
