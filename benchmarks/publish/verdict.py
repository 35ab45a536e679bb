"""What certificates say of a cell, as far as drawing and comparing it depends on it."""

import pandas as pd

CERTIFIED = "certified"
STATISTICAL = "statistical"
NOT_CERTIFIED = "not certified"
KINDS = (NOT_CERTIFIED, STATISTICAL, CERTIFIED)
"""From the gravest on. A line of a figure joins cells of one kind alone."""

MARKS = {NOT_CERTIFIED: "†", STATISTICAL: "‡", CERTIFIED: ""}
NOTES = {
    NOT_CERTIFIED: "† not certified to compute the same numbers: never bold.",
    STATISTICAL: "‡ statistical: the framework draws random numbers of its own, so that it agrees with the "
    "others in distribution alone: never bold.",
}


def mark(identity: object) -> str:
    """The sign behind a value whose cell is not certified."""
    return MARKS[identity if identity in (CERTIFIED, STATISTICAL) else NOT_CERTIFIED]


def notes(identity: pd.Series) -> list[str]:
    """What the signs that occur mean."""
    present = set(kinds(identity))
    return [note for kind, note in NOTES.items() if kind in present]


def kinds(identity: pd.Series) -> pd.Series:
    """The kind of each verdict; one that is not there counts as not certified."""
    return identity.where(identity.isin([CERTIFIED, STATISTICAL]), NOT_CERTIFIED).astype(str)


def once(cells: pd.DataFrame, case: list[str]) -> pd.DataFrame:
    """One row for each case, with the gravest verdict of its cells: the first of those that have it."""
    gravest = kinds(cells["identity"]).map(KINDS.index).sort_values(kind="stable").index
    return cells.loc[gravest].drop_duplicates(case).sort_index()
