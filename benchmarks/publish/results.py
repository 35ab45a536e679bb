"""The results folder of one study on one machine, as tables, figures and the report read it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.errors import Problem

MEND = "run the summarise step of this study again"
CASE = ["dataset", "model", "framework", "batch_size"]
COLUMNS = {
    "summary": [*CASE, "arm", "status", "identity", "n_runs", "n_reached", "throughput_samples_per_s"],
    "throughput": [*CASE, "execution", "process", "samples_per_s", "status"],
    "curves": [*CASE, "arm", "seed", "status", "epochs", "validation_accuracy"],
    "goals": ["dataset", "model", "validation_accuracy", "source", "epochs", "seconds"],
    "memory_fit": ["dataset", "model", "framework", "a_mib", "b_mib_per_example"],
}
MAY_BE_ABSENT = ("curves", "goals", "memory_fit")
"""A study that times throughput alone has nothing to put in these."""


@dataclass(frozen=True)
class Results:
    """The tables that `summarise` left, as it left them, and the provenance of the study."""

    summary: pd.DataFrame
    throughput: pd.DataFrame
    curves: pd.DataFrame
    goals: pd.DataFrame
    memory_fit: pd.DataFrame
    provenance: dict[str, Any]

    @property
    def trained(self) -> pd.DataFrame:
        """The cells of the summary that were trained, whatever came of it."""
        return self.summary[self.summary["status"] != "untrained"]

    @property
    def workloads(self) -> list[tuple[str, str]]:
        """(dataset, model), in the order of the study."""
        pairs = self.summary[["dataset", "model"]].drop_duplicates()
        return list(pairs.itertuples(index=False, name=None))

    @property
    def frameworks(self) -> list[str]:
        """The frameworks, in the order of the study."""
        return list(self.summary["framework"].unique())

    @property
    def arms(self) -> list[str]:
        """The arms that were trained, in the order of the study."""
        return list(self.trained["arm"].unique())


def of_workload(frame: pd.DataFrame, workload: tuple[str, str]) -> pd.DataFrame:
    """The rows of one (dataset, model)."""
    dataset, model = workload
    return frame[(frame["dataset"] == dataset) & (frame["model"] == model)]


def read(folder: Path) -> Results:
    """Read the results folder of a study.

    Raises:
        Problem: a file is missing, cut short, or of another version.
    """
    tables = {name: _table(folder / f"{name}.csv") for name in COLUMNS}
    if tables["summary"].empty:
        raise Problem(f"{folder / 'summary.csv'} has no rows: nothing was measured", mend=MEND)
    return Results(**tables, provenance=_provenance(folder / "provenance.json"))


def _table(path: Path) -> pd.DataFrame:
    expected = COLUMNS[path.stem]
    if not path.exists() and path.stem in MAY_BE_ABSENT:
        return pd.DataFrame(columns=expected)
    try:
        frame = pd.read_csv(path)
    except FileNotFoundError as error:
        raise Problem(f"{path} does not exist", mend=MEND) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise Problem(f"{path} is not a table: {error}", mend=MEND) from error
    missing = [column for column in expected if column not in frame]
    if missing:
        raise Problem(f"{path} lacks the columns {', '.join(missing)}", mend=MEND)
    return frame


def _provenance(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise Problem(f"{path} does not exist", mend=MEND) from error
    except json.JSONDecodeError as error:
        raise Problem(f"{path} is not JSON: {error}", mend=MEND) from error
