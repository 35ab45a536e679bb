"""Write the tables of a study: `python -m benchmarks.tables --results results/default/my-machine`."""

import argparse
from pathlib import Path

import pandas as pd

from benchmarks.errors import told_plainly
from benchmarks.publish import files, results, tables
from benchmarks.record import write_text


def main() -> None:
    """Read the command line and write `tables/*.csv, *.md, *.tex` below the results folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="folder results/<study>/<machine>")
    arguments = parser.parse_args()
    with told_plainly():
        n_tables = write(arguments.results)
        print(f"{n_tables} tables in {arguments.results / 'tables'}")


def write(folder: Path) -> int:
    """Write every table and, in main.csv, the rows of all main tables together; give their number."""
    built = tables.build(results.read(folder))
    for table in built:
        files.write_table(table, folder / "tables")
    rows = pd.concat([table.data for table in built if table.name.startswith("main-")])
    write_text(rows.to_csv(index=False, float_format="%.6g"), folder / "tables" / "main.csv")
    return len(built)


if __name__ == "__main__":
    main()
