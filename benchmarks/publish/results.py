"""The results folder of one study on one machine, as tables, figures and the report read it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.common.errors import Problem
from benchmarks.publish import wording
from benchmarks.summary import columns, reading, schema
from benchmarks.summary.schema.names import CASE, UNTRAINED
from benchmarks.summary.statistics import counted

SIDE_BY_SIDE = 2
MAY_BE_ABSENT = {
    "runs": schema.RUNS,
    "curves": schema.CURVES,
    "targets": schema.TARGETS,
    "memory_fit": schema.MEMORY_FIT,
}
MAY_BE_ABSENT |= {"rates": schema.RATES, "trials": schema.TRIALS}
MAY_BE_ABSENT |= {"critical_batch": schema.CRITICAL_BATCH, "batch_sizes": schema.BATCH_SIZES}
MAY_BE_ABSENT |= {"checkpoints": schema.CHECKPOINTS, "interpolation": schema.INTERPOLATION}
MAY_BE_ABSENT |= {"landscape": schema.LANDSCAPE}
"""A study that times throughput alone, has no tuned arm or analyses, or names its batch sizes, lacks some."""


@dataclass(frozen=True)
class Results:
    """The tables that `summarise` wrote, the certificates and the provenance of the study.

    Times and memory depend on an arm through its *step kind* alone: a workload is timed once in each kind.
    `throughput` has the timings that count (`summary.statistics.counted`).
    """

    summary: pd.DataFrame
    throughput: pd.DataFrame
    runs: pd.DataFrame
    curves: pd.DataFrame
    targets: pd.DataFrame
    memory_fit: pd.DataFrame
    rates: pd.DataFrame
    trials: pd.DataFrame
    critical_batch: pd.DataFrame
    batch_sizes: pd.DataFrame
    checkpoints: pd.DataFrame
    interpolation: pd.DataFrame
    landscape: pd.DataFrame
    certificates: pd.DataFrame
    equivalence: pd.DataFrame
    identity: dict[str, Any]
    """What the certificates were made with: their bounds and their steps."""
    provenance: dict[str, Any]
    limits: dict[str, Any]
    """The limits of the machine by framework."""

    @property
    def trained(self) -> pd.DataFrame:
        """The cells of the summary that were trained, whether or not they reached the target."""
        return self.summary[self.summary["status"] != UNTRAINED]

    @property
    def workloads(self) -> list[tuple[str, str]]:
        """(dataset, model), in the order of the study."""
        pairs = self.summary[["dataset", "model"]].drop_duplicates()
        return list(pairs.itertuples(index=False, name=None))

    @property
    def several_step_kinds(self) -> bool:
        """Whether the arms have several step kinds, so that a timing must name its kind."""
        return self.summary["step_kind"].nunique() > 1

    @property
    def side_by_side(self) -> bool:
        """Whether the frameworks are few enough to share a row of a table and a panel of a figure."""
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


def overlapping(best: pd.Series, rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """The rows whose interval of a quantity overlaps that of `best`; a missing interval overlaps all."""
    lo, hi = f"{quantity}_lo", f"{quantity}_hi"
    apart = (rows[hi] < best[lo]) | (rows[lo] > best[hi])
    return rows[rows[quantity].notna() & ~apart]


def of_workload(frame: pd.DataFrame, workload: tuple[str, str]) -> pd.DataFrame:
    """The rows of one (dataset, model)."""
    dataset, model = workload
    return frame[(frame["dataset"] == dataset) & (frame["model"] == model)]


def with_role(checkpoints: pd.DataFrame, role: str) -> pd.Series:
    """Whether each checkpoint has this role."""
    return checkpoints["roles"].str.split().map(lambda roles: role in roles).astype(bool)


def of_timed(frame: pd.DataFrame, key: tuple[str, str, str]) -> pd.DataFrame:
    """The rows of one (dataset, model, step kind)."""
    rows = of_workload(frame, key[:2])
    return rows[rows["step_kind"] == key[2]]


def read(folder: Path) -> Results:
    """Read the results folder of a study.

    Raises:
        Problem: a file is missing, cut short, or of another version.
    """
    provenance = reading.provenance(folder)
    summary = reading.table(folder, schema.SUMMARY)
    if summary.empty:
        raise Problem(f"{folder / 'summary.csv'} has no rows: nothing was measured", fix=reading.FIX)
    identity = reading.identity(folder)
    return Results(
        summary=summary,
        throughput=counted(reading.table(folder, schema.THROUGHPUT)),
        **{
            name: reading.table(folder, table) if (folder / table.name).exists() else columns.frame([], table)
            for name, table in MAY_BE_ABSENT.items()
        },
        certificates=identity.certificates,
        equivalence=identity.equivalence,
        identity=identity.bounds,
        provenance=provenance,
        limits=reading.limits(folder),
    )
