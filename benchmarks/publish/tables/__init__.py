"""The tables. A new one is a new file here with a function `tables(results)` that gives a list of them."""

from importlib import import_module
from pkgutil import iter_modules

from benchmarks.publish.results import Results
from benchmarks.publish.table import Table


def build(results: Results) -> list[Table]:
    """Every table that these results can fill, in the order of their files' names."""
    modules = sorted(module.name for module in iter_modules(__path__))
    return [table for name in modules for table in import_module(f"{__name__}.{name}").tables(results)]
