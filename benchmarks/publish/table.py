"""A table as a value: what it says, before it is written in any format."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Entry:
    """One entry of a table, as a reader sees it."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Column:
    """The head of a column: neighbours with the same `group` share a heading, which holds the unit."""

    head: str
    group: str = ""


@dataclass(frozen=True)
class Table:
    """A table: `rows` are for reading, `data` holds the same in full precision for computing on."""

    name: str
    title: str
    caption: str
    columns: list[Column]
    rows: list[list[Entry]]
    data: pd.DataFrame
