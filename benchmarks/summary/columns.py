"""What a column of results is: its type, its unit, what it means, and whether it may be empty.

A table is a pandera schema, so that what is read is held to what is said here. A schema is a value with a
list of columns and not a class: an estimate then is one line for its three columns.
"""

import numpy as np
import pandas as pd
from pandera.pandas import Check, Column, DataFrameSchema

from benchmarks.common.value import INERT

SHARE = "share of 1"


def text(name: str, meaning: str, *, one_of: tuple[str, ...] = (), nullable: bool = False) -> Column:
    """A column of text; where `one_of` lists words, no other text is allowed, and else only inert text."""
    words = f"{meaning} One of {', '.join(f'`{word}`' for word in one_of)}." if one_of else meaning
    checks = [Check.isin(one_of)] if one_of else [Check.str_matches(INERT)]
    checks += [] if nullable or one_of else [Check.str_length(min_value=1)]
    return _column(str, "text", name, "", words, nullable=nullable, checks=checks)


def whole(name: str, unit: str, meaning: str, *, nullable: bool = False) -> Column:
    """A column of whole numbers."""
    dtype, checks = "Int64" if nullable else "int64", [Check.ge(0)]
    return _column(dtype, "whole number", name, unit, meaning, nullable=nullable, checks=checks)


def number(name: str, unit: str, meaning: str, *, nullable: bool = True) -> Column:
    """A column of numbers, infinity among them."""
    return _column("float64", "number", name, unit, meaning, nullable=nullable)


def finite(name: str, unit: str, meaning: str) -> Column:
    """A column of numbers, none of them infinite."""
    checks = [Check(np.isfinite, error="a finite number")]
    return _column("float64", "number", name, unit, meaning, nullable=True, checks=checks)


def flag(name: str, meaning: str) -> Column:
    """A column of true and false."""
    return _column(bool, "true or false", name, "", meaning)


def by_name(name: str, unit: str, meaning: str) -> Column:
    """A column of JSON objects, which hold a number or null under each name."""
    return _column(object, "numbers by name", name, unit, meaning)


def _column(
    dtype: type | str, kind: str, name: str, unit: str, meaning: str, *, nullable: bool = False, checks=()
) -> Column:
    details = {"type": f"{kind}, may be empty" if nullable else kind, "unit": unit}
    return Column(dtype, list(checks), nullable=nullable, name=name, description=meaning, metadata=details)


def estimate(name: str, unit: str, meaning: str) -> list[Column]:
    """A number with the ends of its interval, which may be infinite where it is not resolved."""
    ends = {"_lo": "The lower end of its interval.", "_hi": "The upper end of its interval."}
    return [finite(name, unit, meaning), *(number(f"{name}{end}", unit, ends[end]) for end in ends)]


def table(place: str, meaning: str, columns: list[Column], *, key: list[str]) -> DataFrameSchema:
    """The schema of a table, in which no two rows have the same values in all columns of the `key`.

    `place` is where it lies in the results folder of a study. Further columns are allowed.
    """
    known = {column.name: column for column in columns}
    return DataFrameSchema(known, name=place, description=meaning, unique=key)


def types(schema: DataFrameSchema) -> dict[str, type | str]:
    """The type that pandas reads each column as. Text stays text, even where it looks like a number."""
    return {
        name: str if column.metadata["type"].startswith("text") else str(column.dtype)
        for name, column in schema.columns.items()
    }


def frame(rows: list[dict], schema: DataFrameSchema) -> pd.DataFrame:
    """Rows as a table with the columns of a schema, in its order and of its types."""
    return pd.DataFrame(rows, columns=list(schema.columns)).astype(types(schema))


INTRODUCTION = """# Columns of the results

Every table of results, column by column: version {version} of the schema. `python -m benchmarks columns`
prints this page. The first tables lie in `results/STUDY/MACHINE/`, the last two in `results/compare/`.
A name is text even where it looks like a number. Infinity is written `inf`. An end of an interval that is
empty or infinite is unbounded. No two rows of a table have the same key.

"""


def reference(tables: list[DataFrameSchema], *, version: int) -> str:
    """The reference of all columns, in Markdown."""
    return INTRODUCTION.format(version=version) + "\n".join(map(_described, tables))


def _escaped(column: Column) -> str:
    """What a column means, for a table in Markdown."""
    return column.description.replace("|", "\\|")


def _described(schema: DataFrameSchema) -> str:
    """The section of one table in the reference."""
    lines = [
        f"| `{name}` | {column.metadata['type']} | {column.metadata['unit']} | {_escaped(column)} |"
        for name, column in schema.columns.items()
    ]
    key = ", ".join(f"`{name}`" for name in schema.unique)
    heads = ["| Column | Type | Unit | Meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([f"## {schema.name}", "", f"{schema.description} Key: {key}.", "", *heads, *lines, ""])
