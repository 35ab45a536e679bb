"""The tables of synthetic studies, and how tests find their rows and entries."""

import functools

import numpy as np
import pandas as pd
import synthetic
import synthetic_grid

from benchmarks.publish import results, tables
from benchmarks.publish.table import Column


def with_tables(tmp_path_factory):
    """The folder of the synthetic study with its tables."""
    path = synthetic.write(tmp_path_factory.mktemp("tables"))
    tables.write(path)
    return path


def with_tables_of_five(tmp_path_factory):
    """The same of five frameworks and three step kinds."""
    path = synthetic.write(tmp_path_factory.mktemp("rich"), grid=synthetic_grid.RICH)
    tables.write(path)
    return path


def rewrite(folder, name, change):
    """Change a CSV of a results folder in place."""
    path = folder / f"{name}.csv"
    frame = pd.read_csv(path)
    change(frame)
    frame.to_csv(path, index=False)


def where(frame, **values):
    """The rows with these values."""
    return np.logical_and.reduce([frame[key] == value for key, value in values.items()])


@functools.cache
def built(folder, written):
    """The tables of a folder by their names."""
    return {table.name: table for table in tables.build(results.read(folder))}


def named(folder, name):
    """A table of a folder; all are built again only where one of its files has been written since."""
    return built(folder, tuple(path.stat().st_mtime_ns for path in sorted(folder.glob("*.*"))))[name]


def main_table(folder, name="main-mnist-mlp-linear-lr"):
    return named(folder, name)


def texts(table):
    return [[entry.text for entry in row] for row in table.rows]


def row(table, size):
    return next(entries for entries in table.rows if entries[0].text == size)


def entry(table, size, group, head):
    place = table.columns.index(Column(head, group))
    return row(table, size)[place]
