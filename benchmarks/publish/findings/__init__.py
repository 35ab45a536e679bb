"""What papers found, and whether a study that follows them finds it too.

To add a finding, add it to `findings.yaml` with its criterion, before the study is run.
"""

from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import yaml
from pydantic import Field

from benchmarks.frameworks import ANALYSED_WITH
from benchmarks.publish.claims.arms import certified
from benchmarks.publish.claims.claim import Criterion
from benchmarks.publish.claims.evidence import Place, exactly, of_mean, of_ratio
from benchmarks.publish.results import Results, with_role
from benchmarks.summary.statistics import UNKNOWN, Estimate

FINDINGS = Path(__file__).with_name("findings.yaml")
REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
NOT_TOLD, NOT_COMPARABLE = "not told", "not comparable"
BEST = "best"
"""In place of an arm: at each batch size the one with the best validation accuracy."""
FEWEST = 3
"""Seeds that an interval needs."""


class Finding(Criterion):
    """A number of a paper; `findings.yaml` says what the fields are."""

    study: str
    paper: str
    sentence: str
    theirs: str
    table: Literal["runs", "checkpoints", "critical_batch"]
    quantity: str
    role: str = ""
    arm: str = ""
    over: str = ""
    sizes: tuple[int, int] | None = None
    of: Literal["smallest", "largest", "ratio", "points", "path", "law"]
    differs: str
    scale: float = Field(default=1.0, gt=0)


class Found(NamedTuple):
    """What a study found: the estimate, of how many seeds, and the verdict by the criterion."""

    finding: Finding
    ours: Estimate
    n: int
    verdict: str


@cache
def findings() -> tuple[Finding, ...]:
    """Every finding, in the order of the file."""
    return tuple(Finding(**each) for each in yaml.safe_load(FINDINGS.read_text(encoding="utf-8")))


def of_study(results: Results) -> list[Found]:
    """What a study says of the findings that it is there for."""
    name = results.provenance["study"]["study"]
    return [judged(results, each) for each in findings() if each.study == name]


def judged(results: Results, finding: Finding) -> Found:
    """Reproduced where the whole interval lies within the criterion, and not where all of it lies outside.

    It is not told where some seeds lack the value: those that have it are chosen by what they reached. Where
    a cell is not certified, nothing can be compared.
    """
    if finding.of == "law":
        estimate, n = _of_law(results, finding), int(results.runs["seed"].nunique())
    else:
        values = _by_seed(results, finding)
        estimate, n = _mean(values, finding), len(values)
    verdict = _verdict(estimate, finding, n) if _certified(results, finding) else NOT_COMPARABLE
    some_lack_it = n < results.runs["seed"].nunique() and verdict != NOT_COMPARABLE
    return Found(finding, estimate, n, NOT_TOLD if some_lack_it else verdict)


def _certified(results: Results, finding: Finding) -> bool:
    """Whether the trainings of the arms that it is of are known to be those of the study."""
    arms = [finding.arm, finding.over] if finding.over else [finding.arm]
    return all(certified(results, Place("", "", ANALYSED_WITH, "" if arm == BEST else arm)) for arm in arms)


def _verdict(ours: Estimate, finding: Finding, n: int) -> str:
    """By the ends of the interval that the criterion needs; one that is open decides nothing."""
    least, most = finding.region
    needed = [end for end, of in ((ours.lo, least), (ours.hi, most)) if np.isfinite(of)]
    if n < FEWEST or not np.isfinite(ours.value) or np.isnan(needed).any():
        return NOT_COMPARABLE
    if (least == -np.inf or least < ours.lo) and (most == np.inf or ours.hi < most):
        return REPRODUCED
    return NOT_REPRODUCED if ours.hi < least or ours.lo > most else NOT_TOLD


def _of_law(results: Results, finding: Finding) -> Estimate:
    """The quantity of the law, with its own interval; unknown where the study has no law, or several.

    Over that of another arm, the interval is that of all ratios of what either may be.
    """
    one, other = (_law(results, finding, arm) for arm in (finding.arm, finding.over))
    if not finding.over:
        return one
    return Estimate(one.value / other.value, one.lo / other.hi, one.hi / other.lo)


def _law(results: Results, finding: Finding, arm: str) -> Estimate:
    laws = _of_arm(_measured(results.critical_batch), arm)
    ends = [f"{finding.quantity}{end}" for end in ("", "_lo", "_hi")]
    return Estimate(*laws.iloc[0][ends].astype(float)) if len(laws) == 1 else UNKNOWN


def _by_seed(results: Results, finding: Finding) -> pd.Series:
    """The value of each seed, over that of another arm where one is named."""
    one, other = (_of_one(results, finding, arm) for arm in (finding.arm, finding.over))
    return (one / other).dropna() if finding.over else one


def _of_one(results: Results, finding: Finding, arm: str) -> pd.Series:
    """The value of each seed of an arm; none of several workloads, or of several arms if none is named."""
    rows = _of_arm(_measured(getattr(results, finding.table)), arm)
    if len(rows[["dataset", "model", "arm"]].drop_duplicates()) != 1:
        return pd.Series(dtype=float)
    if finding.of == "path":
        return _along_path(rows, finding.quantity)
    if finding.role:
        rows = rows[with_role(rows, finding.role)]
    table = finding.scale * rows.pivot(index="seed", columns="batch_size", values=finding.quantity)
    sizes = finding.sizes or (table.columns.min(), table.columns.max())
    if table.empty or not {*sizes} <= {*table.columns}:
        return pd.Series(dtype=float)
    small, large = (table[size] for size in sizes)
    found = {"smallest": small, "largest": large, "ratio": large / small, "points": small - large}
    return found[finding.of].dropna()


def _measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Those of the framework that trainings are measured from the inside with."""
    return rows[rows["framework"] == ANALYSED_WITH] if "framework" in rows else rows


def _of_arm(rows: pd.DataFrame, arm: str) -> pd.DataFrame:
    if arm == BEST:
        return _of_best(rows)
    return rows[rows["arm"] == arm] if arm else rows


def _of_best(runs: pd.DataFrame) -> pd.DataFrame:
    """At each batch size the runs of the arm that validates best; a run that diverged counts as 0."""
    place = ["dataset", "model", "batch_size"]
    validated = runs.fillna({"validation_accuracy": 0.0}).groupby([*place, "arm"], as_index=False, sort=False)
    means = validated["validation_accuracy"].mean()
    chosen = means.loc[means.groupby(place)["validation_accuracy"].idxmax(), [*place, "arm"]]
    return runs.merge(chosen).assign(arm=BEST)


def _along_path(rows: pd.DataFrame, quantity: str) -> pd.Series:
    """The geometric mean along the whole path of each training with the smallest batch size."""
    path = rows[(rows["batch_size"] == rows["batch_size"].min()) & with_role(rows, "path")]
    return np.exp(np.log(path[quantity]).groupby(path["seed"]).mean()).dropna()


def _mean(values: pd.Series, finding: Finding) -> Estimate:
    """The mean of the seeds with Student's interval; the geometric one of ratios."""
    if finding.of in ("ratio", "path") or finding.over:
        return of_ratio(exactly(np.log(values)), finding.region, fewest=FEWEST).effect
    return of_mean(exactly(values), finding.region, fewest=FEWEST).effect
