"""One tidy row per cell, from its record, its timings and its certificate."""

import statistics
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.common.errors import Problem
from benchmarks.summary.schema import SUMMARY
from benchmarks.summary.schema.names import BROKEN, CASE, MEASURED, UNTRAINED
from benchmarks.summary.statistics import Estimate, geometric_mean, median_of_censored
from benchmarks.training.record import Record, Run, Status

UNKNOWN = "not certified: no certificate"
OTHER = "not certified: the certificate is of other code, data, settings or threads"
MEASURED_BESIDE = ("peak_memory_mib", "device_memory_mib")
"""The columns that a measurement of a record fills."""
TIMED_MEDIANS = ["step_ms", "flops_per_example", "peak_share", "compile_s", "first_step_s", "input_share"]


class Verdict(NamedTuple):
    """The verdict of a certificate, and the digests of what it holds for, between spaces."""

    text: str
    conditions: str


def identity(verdict: Verdict | None, records: list[Record]) -> str:
    """The verdict of a cell: that of its certificate, if this holds for every record that trained."""
    if verdict is None:
        return UNKNOWN
    trained = [record for record in records if record.run.status not in BROKEN]
    same = all(record.certified_conditions in verdict.conditions.split() for record in trained)
    return verdict.text if same else OTHER


def cell_status(runs: list[Run]) -> str:
    """`reached` where the median run reached the target, otherwise the most frequent of the failures."""
    statuses = [run.status for run in runs]
    if 2 * statuses.count(Status.REACHED) > len(statuses):
        return Status.REACHED.value
    failures = [status for status in statuses if status != Status.REACHED]
    return max(Status, key=failures.count).value


def to_target(runs: list[Run], field: str) -> Estimate:
    """Median over runs of a quantity to target; it is infinite for a run that never reached the target."""
    values = [getattr(run, field) for run in runs]
    median = median_of_censored(np.array([np.inf if value is None else value for value in values]))
    return median if np.isfinite(median.value) else Estimate(np.nan, np.nan, np.nan)


def resolution(runs: list[Run]) -> float:
    """The median, over runs that reached the target, of the examples since the evaluation before."""
    return median(np.array([run.examples_resolution for run in runs if run.examples_resolution], float))


def evaluation_share(runs: list[Run]) -> float:
    """The median over runs that trained of evaluation's part of the time of training and evaluation."""
    shares = [run.evaluation_s / (run.evaluation_s + run.training_s) for run in runs if run.training_s]
    return median(np.array(shares))


def accuracy(runs: list[Run], field: str) -> tuple[float, float]:
    """Mean and sample standard deviation of an accuracy over the runs that measured it."""
    values = [getattr(run, field) for run in runs if getattr(run, field) is not None]
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
    return (float(np.mean(values)) if values else np.nan), spread


def spread_out(name: str, estimate: Estimate) -> dict[str, float]:
    """The three columns that an estimate fills: its value and the ends of its interval."""
    return {name: estimate.value, f"{name}_lo": estimate.lo, f"{name}_hi": estimate.hi}


def trained_columns(records: list[Record], *, n_training: int, calm: float) -> dict:
    """The columns that come from training: `epochs_trained` is that of the run that ended first.

    `calm` are the milliseconds of the fixed work in calm runs of the study.
    """
    runs = [record.run for record in records]
    examples = to_target(runs, "examples_to_target")
    test, test_sd = accuracy(runs, "test_accuracy")
    epochs = Estimate(*(value / n_training for value in examples))
    return {
        "n_runs": len(runs),
        "n_reached": sum(run.status == Status.REACHED for run in runs),
        "status": cell_status(runs),
        "learning_rate": records[0].settings["optimizer"]["learning_rate"],
        **measurements(records),
        **speeds(records),
        "grows": grows(records[0]),
        "disturbances": reasons(records, calm),
        **spread_out("epochs_to_target", epochs),
        "examples_to_target": examples.value,
        "steps_to_target": to_target(runs, "steps_to_target").value,
        "epochs_resolution": resolution(runs) / n_training,
        **spread_out("time_to_target_s", to_target(runs, "time_to_target_s")),
        "start_s": start_s(records),
        "evaluation_share": evaluation_share(runs),
        "epochs_trained": min(run.examples for run in runs) / n_training,
        "test_accuracy": test,
        "test_accuracy_sd": test_sd,
        "train_accuracy": accuracy(runs, "train_accuracy")[0],
    }


def speeds(records: list[Record]) -> dict[str, float]:
    """The columns of the trainings' own speed."""
    rates = geometric_mean(training_rates(records))
    over_calls = geometric_mean(training_over_calls(records)).value
    return {**spread_out("training_samples_per_s", rates), "training_over_calls": over_calls}


def grows(record: Record) -> bool:
    """Whether the batch of a run grows, so that its speed is none of one batch size."""
    return bool(record.settings.get("growth"))


def training_rates(records: list[Record]) -> np.ndarray:
    """Examples per second of training of each run that trained at one batch size, [n]."""
    runs = [record.run for record in records if not grows(record)]
    return np.array([run.examples / run.training_s for run in runs if run.training_s > 0])


def training_over_calls(records: list[Record]) -> np.ndarray:
    """The speed of each run over that of calls just before and after it, their geometric mean, [n]."""
    paced = [record for record in records if record.step_ms and not grows(record)]
    beside = [(record.run, list(record.step_ms.values())) for record in paced]
    return np.array(
        [
            statistics.geometric_mean(step_ms) * run.steps / (1e3 * run.training_s)
            for run, step_ms in beside
            if run.steps
        ]
    )


def reasons(records: list[Record], calm: float) -> list[str]:
    """What disturbed each of these runs, the gravest first; empty texts for those that nothing disturbed."""
    seen = [record.disturbance for record in records if record.disturbance]
    return [each.reason_beside(calm) for each in sorted(seen, key=lambda each: -each.degree)]


def disturbed(reasons: list[str]) -> str:
    """How many of these measurements were disturbed, and by what the first; empty if none was."""
    told = [reason for reason in reasons if reason]
    return f"{len(told)} of {len(reasons)}: {told[0]}" if told else ""


def start_s(records: list[Record]) -> float:
    """The median over the runs that took a first step of the seconds before it, NaN where none did."""
    started = [record.start for record in records if "first_step_s" in record.start]
    return median(np.array([sum(filter(None, start.values())) for start in started]))


def measurements(records: list[Record]) -> dict[str, float]:
    """The median over runs of what was measured beside the training, and the range of its peak memory.

    NaN where nothing was measured.

    Raises:
        Problem: a measurement has the name of a column with another meaning.
    """
    names = dict.fromkeys(name for record in records for name in record.measurements)
    if taken := {*names} & {*SUMMARY.columns} - {*MEASURED_BESIDE}:
        raise Problem(
            f"{records[0].cell.label}: a measurement is named like the column {', '.join(sorted(taken))}",
            fix="give it another name in benchmarks/training/peak_memory.py",
        )
    values = {name: [record.measurements.get(name) for record in records] for name in names}
    known = {name: np.array([v for v in found if v is not None]) for name, found in values.items()}
    peaks = known.get("peak_memory_mib", np.array([]))
    ends = {"_lo": peaks.min(), "_hi": peaks.max()} if len(peaks) > 1 else {}
    return {name: median(found) for name, found in known.items()} | {
        f"peak_memory_mib{end}": float(value) for end, value in ends.items()
    }


def timed_columns(rows: list[dict]) -> dict:
    """The columns that come from timing; `rows` are its rows in throughput.csv, from all processes."""
    measured = [row for row in rows if row["status"] == MEASURED]
    fused = [row for row in measured if row["execution"] == "fused"]
    idiomatic = [row for row in measured if row["execution"] == "idiomatic"]
    return {
        **spread_out("throughput_samples_per_s", geometric_mean(column(fused, "samples_per_s"))),
        **spread_out(
            "throughput_idiomatic_samples_per_s", geometric_mean(column(idiomatic, "samples_per_s"))
        ),
        **{name: median(column(fused, name)) for name in TIMED_MEDIANS},
        "input_share_idiomatic": median(column(idiomatic, "input_share")),
    }


def column(rows: list[dict], name: str) -> np.ndarray:
    """The values of a column that are not missing, [n]."""
    values = np.array([row[name] for row in rows], float)
    return values[~np.isnan(values)]


def median(values: np.ndarray) -> float:
    """Median of values [n]; NaN where there are none."""
    return float(np.median(values)) if len(values) else np.nan


def predicted_columns(row: dict) -> dict:
    """Time to target as examples over throughput, its ratio to the measured one, and that of the speeds.

    They are empty where the batch grows: what was timed is the batch size that it begins with.
    """
    speed = np.nan if row["grows"] else row["throughput_samples_per_s"]
    predicted = row["examples_to_target"] / speed
    return {
        "time_to_target_predicted_s": predicted,
        "time_ratio": predicted / row["time_to_target_s"],
        "training_over_throughput": row["training_samples_per_s"] / speed,
    }


def summary(
    rows: list[dict], throughput: pd.DataFrame, *, study: str, machine: str, threads: int | None
) -> pd.DataFrame:
    """The whole table: `rows` hold each cell's names, its identity, and its trained columns, if it has any.

    A measurement that the schema does not list has its column behind the others.
    """
    timings: dict[tuple, list[dict]] = {}
    for timing in throughput.to_dict("records"):
        timings.setdefault(tuple(timing[key] for key in CASE), []).append(timing)
    table = []
    for row in rows:
        timed = timings.get(tuple(row[key] for key in CASE), [])
        full = dict.fromkeys(SUMMARY.columns, np.nan) | {
            "study": study,
            "machine": machine,
            "threads": threads,
        }
        full |= {"n_runs": 0, "n_reached": 0, "status": UNTRAINED, "identity": UNKNOWN}
        full |= {**row, **timed_columns(timed)}
        full["disturbed"] = disturbed([*full.pop("disturbances", []), *of_fused(timed)])
        full |= predicted_columns({"grows": False, **full})
        full.pop("grows", None)
        table.append(full)
    measured = dict.fromkeys(name for row in table for name in row if name not in SUMMARY.columns)
    return pd.DataFrame(table, columns=[*SUMMARY.columns, *measured])


def of_fused(timed: list[dict]) -> list[str]:
    """What disturbed each timing of the execution that a cell's speed is of."""
    fused = [row for row in timed if (row["execution"], row["status"]) == ("fused", MEASURED)]
    return [row["disturbed"] for row in fused]


RUN_COLUMNS = ("seed", "examples", "examples_to_target", "examples_resolution", "time_to_target_s")
ACCURACIES = ("validation_accuracy", "test_accuracy", "train_accuracy")


def run_row(record: Record, *, calm: float) -> dict:
    """The row of a run in the table of all runs."""
    run = record.run
    return {
        **record.cell.model_dump(),
        "status": run.status.value,
        **{name: getattr(run, name) for name in (*RUN_COLUMNS, *ACCURACIES)},
        "training_samples_per_s": next(iter(training_rates([record])), None),
        "peak_memory_mib": record.measurements.get("peak_memory_mib"),
        "disturbed": record.disturbance.reason_beside(calm) if record.disturbance else "",
    }


def curves(record: Record, *, n_training: int) -> list[dict]:
    """Every point of the learning curve of a run."""
    return [
        {
            **record.cell.model_dump(),
            "seed": record.run.seed,
            "status": record.run.status.value,
            "epochs": point.examples / n_training,
            **point.model_dump(),
        }
        for point in record.run.curve
    ]
