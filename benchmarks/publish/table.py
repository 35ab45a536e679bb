"""A table as a value: what it says, before it is written in any format."""

from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from benchmarks.publish import wording


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
    words: bool = False
    """Words stand at the left of a column, numbers at the right."""


@dataclass(frozen=True)
class Table:
    """A table: `rows` are for reading, `data` holds the same in full precision for computing on."""

    name: str
    title: str
    caption: str
    columns: list[Column]
    rows: list[list[Entry]]
    data: pd.DataFrame

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The headings over the column heads, each with the number of columns below it; "" over none."""
        runs = groupby(self.columns, key=lambda column: column.group)
        return [(group, len(list(members))) for group, members in runs]


def timed_columns(*, several: bool) -> list[Column]:
    """The first columns of a table of timings: the workload, and the step kind where a study has several."""
    return [Column("Workload", words=True), *([Column("Step kind", words=True)] if several else [])]


def timed_texts(row: pd.Series, *, several: bool) -> list[str]:
    """What stands in them, for a row with `dataset`, `model` and `step_kind`."""
    return [wording.workload((row["dataset"], row["model"])), *([row["step_kind"]] if several else [])]
