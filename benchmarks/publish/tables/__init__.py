"""The tables. To add one, add a file here with a function `tables(results)` that returns a list of them."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pandas as pd

from benchmarks.common.files import write_text
from benchmarks.publish import results, writing
from benchmarks.publish.results import Results
from benchmarks.publish.table import Table

FIRST = "main"


def build(known: Results) -> list[Table]:
    """Every table that these results can fill, the main ones first."""
    names = sorted((module.name for module in iter_modules(__path__)), key=lambda name: (name != FIRST, name))
    return [table for name in names for table in import_module(f"{__name__}.{name}").tables(known)]


def write(folder: Path) -> int:
    """Write every table of the results in a folder into `tables/` there, and return their number.

    `main.csv` holds the rows of all main tables together.
    """
    built = build(results.read(folder))
    for table in built:
        writing.write_table(table, folder / "tables")
    rows = pd.concat([table.data for table in built if table.name.startswith("main-")])
    write_text(rows.to_csv(index=False, float_format="%.6g"), folder / "tables" / "main.csv")
    return len(built)
