"""Summarise a study on one machine: its records, timings and certificates into a few tidy files."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.common import machine, provenance
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.common.quiet import calm_ms
from benchmarks.study import batch_sizes, rates
from benchmarks.study.rates import Tuned
from benchmarks.study.study import Study, Workload
from benchmarks.summary import (
    analyses,
    cells,
    columns,
    hardware,
    reading,
    scaling,
    schema,
    searches,
    statistics,
)
from benchmarks.summary.schema.names import CELL, NO_RATE
from benchmarks.throughput.rows import Process, processes
from benchmarks.training import view
from benchmarks.training.record import Record, Status


def grid(study: Study) -> list[dict]:
    """The names of every cell, whether trained or only timed, with the step kind that its arm is timed as."""
    return [
        {
            **{"dataset": workload.slug, "model": workload.model, "framework": framework},
            **{"arm": arm.name, "step_kind": arm.step_kind, "batch_size": size},
        }
        for workload in study.workloads
        for size in workload.sizes
        for arm in study.arms
        for framework in study.frameworks
    ]


def targets(workloads: list[Workload]) -> pd.DataFrame:
    """The target and budget of each workload."""
    rows = [
        {
            **{"dataset": w.slug, "model": w.model, "n_training": w.n_training},
            **w.target.model_dump(),
            **w.budget.model_dump(),
        }
        for w in workloads
    ]
    return columns.frame(rows, schema.TARGETS)


def verdicts(certificates: pd.DataFrame) -> dict[tuple, cells.Verdict]:
    """The graver verdict of the two executions, by dataset, model, framework and arm."""
    gravest: dict[tuple, cells.Verdict] = {}
    for c in certificates.itertuples():
        key = (c.dataset, c.model, c.framework, c.arm)
        if key not in gravest or not c.certified:
            gravest[key] = cells.Verdict(c.verdict, c.conditions)
    return gravest


class Totals:
    """What is collected over all records and timing processes while they are read one by one."""

    def __init__(self) -> None:
        self.job_s = self.measuring_s = self.others_s = 0.0
        self.machine: dict = {}
        self.devices: dict[str, dict] = {}
        self.kinds: set[str] = set()
        self.data: dict[str, str] = {}
        self.commits: set[str] = set()
        self.threads: set[int] = set()
        self.started: list[str] = []
        self.finished: list[str] = []
        self.counted: set[str] = set()
        self.limits: dict[str, list[dict]] = {}
        self.probe_ms: dict[str, list[float]] = {"timed": [], "trained": []}

    def add_record(self, of_run: Record) -> None:
        """Count the record of one run in, unless another arm had the same run."""
        if of_run.conditions in self.counted:
            return
        self.counted |= {of_run.conditions} - {""}  # of a run that failed nobody knows
        if of_run.disturbance:
            self.probe_ms["trained"].append(of_run.disturbance.probe_ms)
        origin = of_run.provenance
        data = {of_run.cell.dataset: origin["data_sha256"]} if "device" in origin else {}
        self._add(
            of_run.cell.framework,
            of_run.job_s,
            of_run.measuring_s,
            {**origin, "data_sha256": data},
        )

    def add_process(self, timed: Process) -> None:
        """Count one timing process in."""
        self.probe_ms["timed"] += timed.probe_ms
        if found := timed.provenance.get("limits"):
            self.limits.setdefault(timed.framework, []).append(found)
        self._add(timed.framework, timed.job_s, timed.measuring_s, timed.provenance)

    def _add(self, framework: str, job_s: float, measuring_s: float, origin: dict) -> None:
        self.job_s += job_s
        self.measuring_s += measuring_s
        self.others_s += job_s * origin.get("others_cpu_share", 0.0)
        if "device" in origin:  # of a training that was killed nothing is known
            self.machine = origin["machine"]
            self.devices[framework] = {key: origin[key] for key in ("device", "versions", "switches")}
            self.kinds.add(origin["device"]["kind"])
            self.data |= origin["data_sha256"]
            self.threads.add(origin["threads"])
            self.commits.add(f"{origin['git_commit']}{' (edited)' if origin['git_dirty'] else ''}")
            self.started.append(origin["started"])
            self.finished.append(origin["finished"])

    def check_alike(self) -> None:
        """Refuse to compare a framework on a GPU with one on a CPU, or results of several numbers of threads.

        Raises:
            Problem: the results come from devices of both kinds, or were computed with several numbers.
        """
        if len(self.threads) > 1:
            numbers = " and ".join(map(str, sorted(self.threads)))
            raise Problem(
                f"the results of this study were computed with {numbers} threads",
                fix="run the same command again; what differs is measured again",
            )
        if len(self.kinds) > 1:
            raise Problem(
                f"the results of this study come from different devices: {' and '.join(sorted(self.kinds))}",
                fix="delete runs/ and throughput/ of the study and run it again on one",
            )


def measured_on(totals: Totals) -> dict:
    """The machine that the results come from, which need not be this one; this one if there are none."""
    return totals.machine or machine.describe()


def pace(totals: Totals) -> dict[str, float | None]:
    """Milliseconds of the fixed work while the study was timed and while it trained: geometric means."""
    means = {name: statistics.geometric_mean(probes).value for name, probes in totals.probe_ms.items()}
    return {name: mean if math.isfinite(mean) else None for name, mean in means.items()}


def described_machine(totals: Totals, slug: str) -> dict:
    """The machine, and its limits in each framework."""
    found = {framework: hardware.limits(measured) for framework, measured in totals.limits.items()}
    return {"schema_version": schema.VERSION, "slug": slug, **measured_on(totals), "limits": found}


def capacity_mib(totals: Totals) -> float:
    """Memory of the device that the results come from; NaN where its driver does not tell."""
    found = measured_on(totals)
    of_device = found["gpus"][0]["memory_mib"] if "gpu" in totals.kinds else found["memory_mib"]
    return math.nan if of_device is None else of_device


def summarise(study: Study, folder: Path, *, cards: Sequence[Path], slug: str) -> dict[str, str]:
    """Text of every file that the summary consists of, by name; `cards` are those of the data sets."""
    totals, runs, curves = Totals(), [], []
    certified = verdicts(reading.identity(folder).certificates)
    rows = {
        tuple(row[key] for key in CELL): {**row, "identity": cells.identity(_of(certified, row), [])}
        for row in grid(study)
    }
    for process in processes(folder / "throughput"):
        totals.add_process(process)
    n_training = {(w.slug, w.model): w.n_training for w in study.workloads}
    found = rates.read(folder / rates.NAME) if study.tunes else []
    unreached = {
        (each.dataset, each.model, each.arm, each.batch_size)
        for each in found
        if searches.status(each) == NO_RATE
    }
    of_cells = list(view.of_study(folder, study))
    calm = calm_ms([each.disturbance for _, records in of_cells for each in records if each.disturbance])
    for cell, records in of_cells:
        n = n_training[cell.dataset, cell.model]
        row = rows[tuple(cell.model_dump().values())]
        row |= cells.trained_columns(records, n_training=n, calm=calm)
        row |= _in_vain(row, unreached)
        row["identity"] = cells.identity(_of(certified, row), records)
        for each in records:
            totals.add_record(each)
            runs.append(cells.run_row(each, calm=calm))
            curves += cells.curves(each, n_training=n)
    totals.check_alike()
    throughput = statistics.counted(reading.table(folder, schema.THROUGHPUT))
    table = cells.summary(
        list(rows.values()),
        throughput,
        study=study.study,
        machine=slug,
        threads=next(iter(totals.threads), None),
    )
    return {
        **of_searches(found, table, study),
        **of_batch_sizes(folder),
        **of_analyses(study, folder, n_training),
        "summary.csv": table.to_csv(index=False),
        "runs.csv": columns.frame(runs, schema.RUNS).to_csv(index=False),
        "curves.csv": columns.frame(curves, schema.CURVES).to_csv(index=False),
        "targets.csv": targets(study.workloads).to_csv(index=False),
        "memory_fit.csv": statistics.memory_fits(table, capacity_mib=capacity_mib(totals)).to_csv(
            index=False
        ),
        "machine.json": json.dumps(described_machine(totals, slug), indent=1) + "\n",
        "provenance.json": json.dumps({**describe(study, totals, slug), **described(cards)}, indent=1) + "\n",
    }


def of_searches(found: list[Tuned], summary: pd.DataFrame, study: Study) -> dict[str, str]:
    """Text of the files that a study with tuned arms has besides.

    The law of the critical batch size is one of the fewest steps: no arm that looks for accuracy has one.
    """
    if not found:
        return {}
    rates = columns.frame(searches.rates(found), schema.RATES)
    for_steps = rates[rates["arm"].isin([arm.name for arm in study.arms if arm.tuned_for("steps")])]
    laws = scaling.fits(summary, for_steps, targets(study.workloads))
    made = {
        "rates.csv": rates,
        "trials.csv": columns.frame(searches.trials(found), schema.TRIALS),
        "critical_batch.csv": columns.frame(laws, schema.CRITICAL_BATCH),
    }
    return {name: rows.to_csv(index=False) for name, rows in made.items()}


def of_batch_sizes(folder: Path) -> dict[str, str]:
    """Text of the file that a study has besides whose batch sizes were found by trial."""
    if not (folder / batch_sizes.NAME).exists():
        return {}
    rows = [each.model_dump() for each in batch_sizes.read(folder)]
    return {"batch_sizes.csv": columns.frame(rows, schema.BATCH_SIZES).to_csv(index=False)}


def of_analyses(study: Study, folder: Path, n_training: dict[tuple, int]) -> dict[str, str]:
    """Text of the files that a study has besides whose trainings were measured from the inside."""
    if not study.analyses:
        return {}
    made = [
        (schema.CHECKPOINTS, analyses.checkpoints(study, folder, n_training)),
        (schema.INTERPOLATION, analyses.interpolation(study, folder)),
        (schema.LANDSCAPE, analyses.landscape(study, folder)),
    ]
    return {table.name: columns.frame(rows, table).to_csv(index=False) for table, rows in made}


def _in_vain(row: dict, unreached: set[tuple]) -> dict:
    """The status of a cell that missed its target as all learning rates did that were tried."""
    missed = row["status"] in (Status.MISSED, Status.TIME_LIMIT, Status.DIVERGED)
    tried = tuple(row[name] for name in ("dataset", "model", "arm", "batch_size")) in unreached
    return {"status": NO_RATE} if missed and tried else {}


def _of(certified: dict[tuple, cells.Verdict], row: dict) -> cells.Verdict | None:
    """The verdict of a row's arm, if there is one."""
    return certified.get(tuple(row[key] for key in CELL[:4]))


def describe(study: Study, totals: Totals, slug: str) -> dict:
    """The provenance of the whole study."""
    return {
        "schema_version": schema.VERSION,
        "machine": {"slug": slug, **measured_on(totals)},
        "frameworks": totals.devices,
        "versions": provenance.versions(),
        **provenance.source(),
        "measured_at_commits": sorted(totals.commits),
        "started": min(totals.started, default=None),
        "finished": max(totals.finished, default=None),
        "job_s": totals.job_s,
        "measuring_s": totals.measuring_s,
        "others_cpu_share": totals.others_s / totals.job_s if totals.job_s else None,
        "probe_ms": pace(totals),
        "measuring_share": totals.measuring_s / totals.job_s if totals.job_s else None,
        "data": totals.data,
        "data_names": {w.dataset: w.slug for w in study.workloads},
        "study": study.model_dump(mode="json"),
    }


def described(cards: Sequence[Path]) -> dict:
    """The cards of the data sets, as `cards`.

    Raises:
        Problem: a card is damaged.
    """
    try:
        return {"cards": [json.loads(path.read_bytes()) for path in cards]}
    except ValueError as error:
        files = " or ".join(map(str, cards))
        raise Problem(
            f"{files} is damaged: {error}", fix="delete it and run the same command again"
        ) from error


def write(study: Study, folder: Path, *, cards: Sequence[Path], slug: str) -> list[Path]:
    """Read everything, then write the summary's files and return their paths.

    Files of searches or trials that the study no longer has are removed, so that none is taken for its own.
    """
    texts = summarise(study, folder, cards=cards, slug=slug)
    for name in {table.name for table in schema.OF_SOME} - texts.keys():
        (folder / name).unlink(missing_ok=True)
    for name, text in texts.items():
        write_text(text, folder / name)
    return [folder / name for name in texts]
