"""Throughput from pytest-benchmark's files: one row for each case and process."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

COLUMNS = [
    *("dataset", "model", "framework", "form", "execution", "batch_size", "process", "samples_per_s"),
    *("step_p50_ms", "step_p95_ms", "rounds", "steps_per_round", "compile_s", "first_step_s"),
    *("input_share", "status"),
]
CASE = ["dataset", "model", "framework", "form", "execution", "batch_size", "process"]


def row(benchmark: dict) -> dict:
    """One case of a pytest-benchmark file.

    Throughput is batch size × steps over the median round; the quantiles are of the mean step in a
    round, over rounds.
    """
    info = benchmark["extra_info"]
    step_s = np.asarray(benchmark["stats"]["data"]) / info["steps_per_round"]
    return {
        **{key: info[key] for key in (*CASE, "code", "status", "compile_s", "first_step_s", "input_share")},
        "samples_per_s": info["batch_size"] / float(np.median(step_s)),
        "step_p50_ms": 1e3 * float(np.median(step_s)),
        "step_p95_ms": 1e3 * float(np.quantile(step_s, 0.95)),
        "rounds": len(step_s),
        "steps_per_round": info["steps_per_round"],
    }


def read(folder: Path, *, code: str) -> pd.DataFrame:
    """All measured cases in a folder that were timed with this code, and those that failed."""
    rows = []
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_bytes())
        rows += [row(benchmark) for benchmark in content["benchmarks"]]
        rows += content.get("failures", [])
    table = pd.DataFrame(rows, columns=[*COLUMNS, "code"])
    return table[table["code"] == code].reset_index(drop=True)


class Effort(NamedTuple):
    """Seconds that processes lived, the part spent on measuring, the part that others took of the machine.

    `started` and `ended` hold when each process did, in ISO 8601.
    """

    job_s: float
    measuring_s: float
    others_s: float
    started: list[str]
    ended: list[str]


def effort(folder: Path) -> Effort:
    """What the timing processes of a folder have taken."""
    contents = [json.loads(path.read_bytes()) for path in folder.glob("*.json")]
    timed = [benchmark["extra_info"]["measuring_s"] for c in contents for benchmark in c["benchmarks"]]
    others = [content["job_s"] * content["others_cpu_share"] for content in contents]
    ended = [datetime.fromisoformat(content["datetime"]) for content in contents]
    started = [end - timedelta(seconds=c["job_s"]) for end, c in zip(ended, contents, strict=True)]
    return Effort(
        sum(content["job_s"] for content in contents),
        sum(timed),
        sum(others),
        *([time.isoformat(timespec="seconds") for time in times] for times in (started, ended)),
    )
