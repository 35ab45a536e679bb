"""Machines side by side: which results there are, one row for each machine and cell, and predictions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.common.errors import Problem, problem_from
from benchmarks.compare.schema import COMPARE, KEY, PREDICTED, PREDICTIONS, TRAINING
from benchmarks.summary import hardware, reading, schema
from benchmarks.summary.schema.names import CASE, UNTRAINED
from benchmarks.summary.statistics import throughput_status

GROWS = " growth="
"""Part of the settings of a training whose batch grows, of which the speed at its first size says nothing."""
COMPARED = [name for name in COMPARE.columns if name not in {column.name for column in PREDICTED}]


@dataclass(frozen=True)
class Source:
    """The results of one study on one machine, and the folder that holds them."""

    folder: Path
    summary: pd.DataFrame
    throughput: pd.DataFrame
    provenance: dict[str, Any]

    @property
    def machine(self) -> str:
        """The machine's name in results."""
        return str(self.summary["machine"].iloc[0])

    @property
    def study(self) -> str:
        """The study's name."""
        return str(self.summary["study"].iloc[0])

    @property
    def finished(self) -> str:
        """When its last training ended, in ISO 8601; empty where nothing was trained."""
        return self.provenance.get("finished") or ""

    @property
    def published(self) -> bool:
        """Whether this is the committed copy."""
        return self.folder.parent.parent.name == "published"


def summaries(results: Path) -> list[Path]:
    """Every summary below a results folder: those measured here, and those published; none that is hidden."""
    found = [*results.glob("*/*/summary.csv"), *results.glob("published/*/*/summary.csv")]
    return sorted(
        path for path in found if not any(part[0] == "." for part in path.relative_to(results).parts)
    )


def read(folder: Path) -> Source:
    """Read the results of one study on one machine.

    Raises:
        Problem: a file is missing, cut short, or of another version.
    """
    source = Source(
        folder=folder,
        provenance=reading.provenance(folder),
        summary=reading.table(folder, schema.SUMMARY),
        throughput=reading.table(folder, schema.THROUGHPUT),
    )
    for name in ("machine", "study"):
        if (found := source.summary[name].nunique()) != 1:
            raise Problem(
                f"{folder / 'summary.csv'} holds rows of {found} {name}s, not of one", fix=reading.OLD
            )
    if not isinstance(source.finished, str):
        raise Problem(f"{folder / 'provenance.json'} tells no time at which it ended", fix=reading.OLD)
    try:
        cells(source)
        hardware.of(source.provenance)
    except (AttributeError, KeyError, TypeError, IndexError, ValueError) as error:
        raise Problem(f"{folder} does not hold results of this version: {error}", fix=reading.OLD) from error
    return source


def chosen(sources: list[Source]) -> tuple[list[Source], list[Source]]:
    """The results to compare, and the copies passed over: of two copies of a study the later one counts.

    Where both ended at the same time, the one measured here counts.
    """
    ranked = sorted(sources, key=lambda source: (source.finished, not source.published))
    kept = {(source.machine, source.study): source for source in ranked}
    latest = [kept[name] for name in sorted(kept)]
    return latest, [source for source in ranked if source not in latest]


def cells(source: Source) -> pd.DataFrame:
    """The cells of one source, with the settings of their trainings and whether they could be timed."""
    named = source.summary.merge(pd.DataFrame(_trainings(source.provenance)), how="left")
    timed = source.throughput[source.throughput["execution"] == "fused"].groupby(CASE)["status"]
    statuses = timed.agg(throughput_status).rename("throughput_status").reset_index()
    named = named.merge(statuses, on=CASE, how="left")
    return named.assign(finished=source.finished, taken_from=str(source.folder))[COMPARED]


def _trainings(provenance: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Target, settings and precision of every (dataset, model, arm) of a study.

    The names of data sets come from the record too: a path of another machine means nothing here.
    """
    study, names = provenance["study"], provenance.get("data_names", {})
    for workload in study["workloads"]:
        for arm in study["arms"]:
            settings = {key: value for key, value in arm.items() if key != "name" and value is not None}
            settings |= {"precision": study["precision"]}
            settings |= {
                "evaluations_per_epoch": workload["evaluations_per_epoch"],
                "steps_per_evaluation": workload.get("steps_per_evaluation", 1),
            }
            yield {
                **{
                    "dataset": names.get(workload["dataset"], workload["dataset"]),
                    "model": workload["model"],
                    "arm": arm["name"],
                },
                "target": workload["target"]["validation_accuracy"],
                "precision": study["precision"],
                "training": " ".join(f"{key}={value}" for key, value in settings.items()),
            }


def table(sources: list[Source]) -> pd.DataFrame:
    """One row for each machine and cell.

    Of a cell that several studies of a machine hold, the one that trained it counts, and of those the
    latest.
    """
    rows = pd.concat([cells(source) for source in sources], ignore_index=True)
    order = rows.assign(trained=rows["status"] != UNTRAINED).sort_values(
        ["trained", "finished"], kind="stable"
    )
    kept = order.drop_duplicates(COMPARE.unique, keep="last").drop(columns="trained")
    return kept.sort_values(["machine", *TRAINING, "framework", "batch_size"], ignore_index=True)


THIS_MACHINE = "this machine"


def predictions(cells: pd.DataFrame) -> pd.DataFrame:
    """Every time to target that can be predicted, beside the measured one where there is one.

    `examples_to_target` is the median over the *other* machines that reached the target, so that a
    prediction knows nothing of the training it is held against; `examples_from` names them. Where no
    other machine did, it is the machine's own and `examples_from` says so. The throughput is always the
    machine's own. `error` is predicted / measured - 1.
    """
    rows = [row for _, group in cells.groupby(KEY, sort=False) for row in _of_one_cell(group)]
    return pd.DataFrame(rows, columns=list(PREDICTIONS.columns))


def _of_one_cell(group: pd.DataFrame) -> list[dict]:
    """Predictions for each machine that timed a cell; `group` has one row per machine."""
    group = group[~group["training"].str.contains(GROWS, regex=False)]
    known = group.dropna(subset=["examples_to_target"]).set_index("machine")["examples_to_target"]
    rows = []
    for cell in group.dropna(subset=["throughput_samples_per_s"]).to_dict("records"):
        others = known.drop(cell["machine"], errors="ignore")
        pool = others if len(others) else known
        if len(pool):
            names = f"others: {', '.join(sorted(others.index))}" if len(others) else THIS_MACHINE
            rows.append(_prediction(cell, examples=float(pool.median()), examples_from=names))
    return rows


def _prediction(cell: dict, *, examples: float, examples_from: str) -> dict:
    predicted = examples / cell["throughput_samples_per_s"]
    return {
        **cell,
        "examples_from": examples_from,
        "examples_to_target": examples,
        "time_to_target_predicted_s": predicted,
        "error": predicted / cell["time_to_target_s"] - 1,
    }


def with_predictions(cells: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """The cells with the predicted time to target beside the measured one."""
    key = COMPARE.unique
    extra = predicted[[*key, *(column.name for column in PREDICTED)]]
    return cells.merge(extra, on=key, how="left", validate="one_to_one")


class Found(NamedTuple):
    """The results to compare, the copies passed over for a later one, and what cannot be used, and why."""

    taken: list[Source]
    passed_over: list[Source]
    unusable: list[str]


def find(results: Path) -> Found:
    """All results below a folder. Those that cannot be used, which may be another's, are left out.

    Raises:
        Problem: there are none, or none can be used.
    """
    paths = summaries(results)
    if not paths:
        raise Problem(
            f"no results to compare: there is neither {results}/STUDY/MACHINE/summary.csv nor "
            f"{results}/published/MACHINE/STUDY/summary.csv",
            fix="run a study first (snakemake --cores all), or copy published results there",
        )
    sources, problems = [], []
    for path in paths:
        try:
            sources.append(read(path.parent))
        except Problem as problem:
            problems.append(problem)
        except OSError as error:
            problems.append(problem_from(error))
    if not sources:
        raise problems[0]
    alike, strangers = of_one_machine_each(sources)
    return Found(*chosen(alike), unusable=[*(problem.cause for problem in problems), *strangers])


def of_one_machine_each(sources: list[Source]) -> tuple[list[Source], list[str]]:
    """The results of one machine under each name, and why the others are left out.

    Where several machines go by one name, the one that was measured last counts.
    """
    latest = {
        source.machine: hardware.of(source.provenance)
        for source in sorted(sources, key=lambda source: source.finished)
    }
    differs = [
        hardware.difference(hardware.of(source.provenance), latest[source.machine]) for source in sources
    ]
    each = list(zip(sources, differs, strict=True))
    return [source for source, difference in each if not difference], [
        f"{source.folder} comes from another machine of the name {source.machine}: {difference}"
        for source, difference in each
        if difference
    ]
