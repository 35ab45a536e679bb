"""The results folder of one study on one machine, as tables, figures and the report read it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.common.errors import Problem
from benchmarks.publish import wording
from benchmarks.summary.cells import CELL
from benchmarks.summary.cells import TIMED as CASE
from benchmarks.summary.statistics import FITTED

FIX = "run the summarise step of this study again"
OLD = "another version of Batch Atlas wrote it: run this study again with this version"
COLUMNS = {
    "summary": [
        *(*CASE, "arm", "status", "identity", "n_runs", "n_reached", "epochs_trained"),
        *("throughput_samples_per_s", "throughput_idiomatic_samples_per_s"),
    ],
    "throughput": [*CASE, "execution", "process", "samples_per_s", "status"],
    "curves": [*CELL, "seed", "status", "epochs", "training_s", "validation_accuracy"],
    "targets": ["dataset", "model", "validation_accuracy", "source", "epochs", "seconds"],
    "memory_fit": [*FITTED, "a_mib", "b_mib_per_example"],
}
IDENTITY = {
    "certificates": [
        *("dataset", "model", "arm", "framework", "execution", "verdict", "differs_by"),
        *("largest_difference", "differences", "float32_parts_at_step"),
    ],
    "equivalence": [
        *("dataset", "model", "arm", "batch_size", "framework", "other", "quantity"),
        *("n", "estimate", "lo", "hi", "p", "verdict"),
    ],
}
BOUNDS = ("bound", "steps", "float32_bound")
SIDE_BY_SIDE = 2
MAY_BE_ABSENT = ("curves", "targets", "memory_fit")
"""A study that times throughput alone has nothing to put in these."""


@dataclass(frozen=True)
class Results:
    """The tables that `summarise` left, as it left them, the certificates and the provenance of the study.

    What times and memory depend on of an arm is its *step kind*: a workload is timed once in each.
    """

    summary: pd.DataFrame
    throughput: pd.DataFrame
    curves: pd.DataFrame
    targets: pd.DataFrame
    memory_fit: pd.DataFrame
    identity: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def trained(self) -> pd.DataFrame:
        """The cells of the summary that were trained, whatever came of it."""
        return self.summary[self.summary["status"] != "untrained"]

    @property
    def certificates(self) -> pd.DataFrame:
        """What the certificates say of each (dataset, model, arm, framework, execution)."""
        return pd.DataFrame(self.identity["certificates"], columns=IDENTITY["certificates"])

    @property
    def equivalence(self) -> pd.DataFrame:
        """How far pairs of frameworks agree in what their trainings came to, a row per cell and quantity."""
        return pd.DataFrame(self.identity["equivalence"], columns=IDENTITY["equivalence"])

    @property
    def workloads(self) -> list[tuple[str, str]]:
        """(dataset, model), in the order of the study."""
        pairs = self.summary[["dataset", "model"]].drop_duplicates()
        return list(pairs.itertuples(index=False, name=None))

    @property
    def several_step_kinds(self) -> bool:
        """Whether the arms have several step kinds, so that a timing names its own."""
        return self.summary["step_kind"].nunique() > 1

    @property
    def side_by_side(self) -> bool:
        """Whether the frameworks are few enough to stand side by side in a row, and together in a panel."""
        return len(self.frameworks) <= SIDE_BY_SIDE

    @property
    def timed(self) -> dict[tuple[str, str, str], str]:
        """(dataset, model, step kind), in the order of the study, with its title."""
        keys = self.summary[["dataset", "model", "step_kind"]].drop_duplicates()
        titles = keys.itertuples(index=False, name=None)
        return {key: wording.timed(key, several=self.several_step_kinds) for key in titles}

    @property
    def cases(self) -> pd.MultiIndex:
        """Every case, in the order of the study, its batch sizes ascending."""
        cases = self.summary[CASE].drop_duplicates().sort_values("batch_size", kind="stable")
        places = cases[["dataset", "model", "step_kind"]].apply(tuple, axis=1).map(list(self.timed).index)
        return pd.MultiIndex.from_frame(cases.loc[places.sort_values(kind="stable").index])

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


def of_timed(frame: pd.DataFrame, key: tuple[str, str, str]) -> pd.DataFrame:
    """The rows of one (dataset, model, step kind)."""
    own = of_workload(frame, key[:2])
    return own[own["step_kind"] == key[2]]


def read(folder: Path) -> Results:
    """Read the results folder of a study.

    Raises:
        Problem: a file is missing, cut short, or of another version.
    """
    tables = {name: _table(folder / f"{name}.csv") for name in COLUMNS}
    if tables["summary"].empty:
        raise Problem(f"{folder / 'summary.csv'} has no rows: nothing was measured", fix=FIX)
    identity, provenance = _identity(folder / "identity.json"), _json(folder / "provenance.json")
    return Results(**tables, identity=identity, provenance=provenance)


def _table(path: Path) -> pd.DataFrame:
    expected = COLUMNS[path.stem]
    if not path.exists() and path.stem in MAY_BE_ABSENT:
        return pd.DataFrame(columns=expected)
    try:
        frame = pd.read_csv(path)
    except FileNotFoundError as error:
        raise Problem(f"{path} does not exist", fix=FIX) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise Problem(f"{path} is not a table: {error}", fix=FIX) from error
    missing = [column for column in expected if column not in frame]
    if missing:
        raise Problem(f"{path} lacks the columns {', '.join(missing)}", fix=OLD)
    return frame


def _identity(path: Path) -> dict[str, Any]:
    found = _json(path)
    missing = [key for key in (*BOUNDS, *IDENTITY) if key not in found]
    for part, columns in IDENTITY.items():
        rows = found.get(part, [])
        missing += [f"{part}.{column}" for column in columns if any(column not in row for row in rows)]
    if missing:
        raise Problem(f"{path} lacks {', '.join(missing)}", fix=OLD)
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise Problem(f"{path} does not exist", fix=FIX) from error
    except json.JSONDecodeError as error:
        raise Problem(f"{path} is not JSON: {error}", fix=FIX) from error
