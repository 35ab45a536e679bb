"""Results read back from the folder of a study, each table held to the schema."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandera.errors import SchemaError
from pandera.pandas import DataFrameSchema

from benchmarks.common.errors import Problem
from benchmarks.summary import columns, schema

FIX = "run the summarise step of this study again"
OLD = "run its study again with this version of Batch Atlas, or delete that folder"
BOUNDS = ("bound", "steps", "float32_bound", "first_float32_bound")
PARTS = {"certificates": schema.CERTIFICATES, "equivalence": schema.EQUIVALENCE}


class Identity(NamedTuple):
    """What `identity.json` holds: what the certificates were made with, and the rows of both tables."""

    bounds: dict[str, Any]
    certificates: pd.DataFrame
    equivalence: pd.DataFrame


def table(folder: Path, table: DataFrameSchema) -> pd.DataFrame:
    """A table of a results folder, with the types of its schema. Columns that the schema lacks are allowed.

    Raises:
        Problem: the file is missing, cut short, or of another version.
    """
    path, types = folder / table.name, columns.types(table)
    # Only where it is no text does an empty field mean nothing: a name may be "NA".
    empty = {name: [""] for name, kind in types.items() if kind is not str}
    try:
        with np.errstate(invalid="raise"):  # of a number too large for its type, pandas only warns
            frame = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=empty)
    except FileNotFoundError as error:
        raise Problem(f"{path} does not exist", fix=FIX) from error
    except (ValueError, ArithmeticError) as error:  # of the parser, of a type, of an encoding
        raise Problem(f"{path} is not such a table: {error}", fix=FIX) from error
    _demand(path, [name for name in types if name not in frame])
    return _held(frame, table, path)


def identity(folder: Path) -> Identity:
    """Certificates and tests of equivalence.

    Raises:
        Problem: the file is missing, cut short, or of another version.
    """
    path = folder / "identity.json"
    content = _json(path)
    missing = [key for key in (*BOUNDS, *PARTS) if key not in content]
    for part, table in PARTS.items():
        rows = content.get(part, [])
        missing += [f"{part}.{name}" for name in table.columns if any(name not in row for row in rows)]
    _demand(path, missing)
    tables = {
        name: _held(columns.frame(content.pop(name), table), table, path) for name, table in PARTS.items()
    }
    return Identity(bounds=content, **tables)


def provenance(folder: Path) -> dict[str, Any]:
    """The content of `provenance.json`.

    Raises:
        Problem: the file is missing or cut short, or the results are of another version.
    """
    path = folder / "provenance.json"
    content = _json(path)
    version = content.get("schema_version", 1)
    if version != schema.VERSION:
        raise Problem(f"{path} is of another version: {version} and not {schema.VERSION}", fix=OLD)
    return content


def limits(folder: Path) -> dict[str, Any]:
    """The limits of the machine by framework, from `machine.json`; empty for results that have none.

    Raises:
        Problem: the file is cut short.
    """
    path = folder / "machine.json"
    return _json(path).get("limits", {}) if path.exists() else {}


def _demand(path: Path, missing: list[str]) -> None:
    if missing:
        raise Problem(f"{path} is of another version: it lacks the columns {', '.join(missing)}", fix=OLD)


def _held(frame: pd.DataFrame, table: DataFrameSchema, path: Path) -> pd.DataFrame:
    try:
        return table.validate(frame)
    except SchemaError as error:
        raise Problem(f"{path} does not hold what the schema says: {error}", fix=OLD) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Problem(f"{path} does not exist", fix=FIX) from error
    except (ValueError, RecursionError) as error:
        raise Problem(f"{path} is not JSON: {error}", fix=FIX) from error
    if not isinstance(content, dict):
        raise Problem(f"{path} is no JSON object", fix=FIX)
    return content
