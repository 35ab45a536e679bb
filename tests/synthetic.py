"""A results folder as a finished study leaves it, from formulas in place of measurements."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd

WORKLOADS = {
    ("mnist", "mlp"): {"sizes": [1, 4, 16, 64, 256, 1024, 4096, 16384, 55000], "n": 55000, "goal": 0.97},
    ("digits", "cnn"): {"sizes": [1, 4, 8, 16, 32, 64, 128, 256, 1437], "n": 1437, "goal": 0.97},
}
FRAMEWORKS = {"keras": (2.2e3, 2.3e5), "pytorch": (3.1e3, 1.6e5)}
ARMS = ["fixed-lr", "linear-lr"]
EPOCHS = 4
SECONDS = 12.0
PROCESSES = 3
SEEDS = 3
TO_TARGET = ["epochs_to_target", "epochs_to_target_lo", "epochs_to_target_hi", "examples_to_target"]
TO_TARGET += ["steps_to_target", "time_to_target_s", "time_to_target_s_lo", "time_to_target_s_hi"]
TO_TARGET += ["time_to_target_predicted_s", "time_ratio"]


def write(folder: Path, *, trained: bool = True, certified: bool = True) -> Path:
    """Fill `folder` with every file that the tables, figures and report read."""
    folder.mkdir(parents=True, exist_ok=True)
    throughput = pd.DataFrame(_throughput())
    summary = pd.DataFrame(_summary(throughput, trained=trained, certified=certified))
    curves = pd.DataFrame(_curves(summary) if trained else [], columns=CURVE)
    fits = pd.DataFrame(_fits())
    goals = pd.DataFrame(_goals())
    tables = {"summary": summary, "throughput": throughput, "curves": curves, "memory_fit": fits}
    for name, table in (tables | {"goals": goals}).items():
        table.to_csv(folder / f"{name}.csv", index=False)
    (folder / "provenance.json").write_text(json.dumps(PROVENANCE))
    (folder / "identity.json").write_text("{}")
    return folder


def _speed(framework: str, execution: str, size: int) -> float:
    first, most = FRAMEWORKS[framework]
    gain = 1.0 if execution == "fused" else (0.15 if framework == "keras" else 0.6)
    return gain / (1 / (first * size) + 1 / most)


def _throughput() -> list[dict]:
    noise = np.random.default_rng(1)
    rows = []
    for (dataset, model), workload in WORKLOADS.items():
        for framework in FRAMEWORKS:
            for execution in ("idiomatic", "fused"):
                for size in workload["sizes"]:
                    for process in range(PROCESSES):
                        key = (dataset, model, framework, execution, size, process)
                        rows.append(_timed(key, noise.lognormal(0, 0.05)))
    return rows


def _timed(key: tuple, factor: float) -> dict:
    dataset, model, framework, execution, size, process = key
    row = {"dataset": dataset, "model": model, "framework": framework, "execution": execution}
    row |= {"batch_size": size, "process": process, "rounds": 5, "steps_per_round": 10}
    if dataset == "mnist" and framework == "pytorch" and execution == "idiomatic" and size == 55000:
        return row | {"status": "out-of-memory"}
    speed = _speed(framework, execution, size) * factor * (0.5 if model == "cnn" else 1)
    step = 1000 * size / speed
    times = {"samples_per_s": speed, "step_p50_ms": step, "step_p95_ms": step * 1.2}
    times |= {"compile_s": 0.8 if framework == "keras" else 0.0, "first_step_s": 0.1}
    share = (0.02 if execution == "fused" else 0.4) / (1 + size / 512)
    return row | times | {"input_share": share, "status": "measured"}


def _status(dataset: str, framework: str, arm: str, size: int) -> str:
    if dataset == "mnist" and size == 1:
        return "time-limit"
    if arm == "linear-lr" and size in (4096, 16384, 256):
        return "diverged" if size > 256 else "reached"
    if size == 55000:
        return "out-of-memory" if framework == "pytorch" else "missed"
    if size == 1437 and arm == "linear-lr":
        return "failed" if framework == "keras" else "diverged"
    return "missed" if size in (4096, 16384, 1437) else "reached"


def _summary(throughput: pd.DataFrame, *, trained: bool, certified: bool) -> list[dict]:
    noise = np.random.default_rng(2)
    rows = []
    for (dataset, model), workload in WORKLOADS.items():
        for size in workload["sizes"]:
            for arm in ARMS:
                for framework in FRAMEWORKS:
                    row = {"study": "synthetic", "machine": "formula", "dataset": dataset, "model": model}
                    row |= {"framework": framework, "arm": arm, "batch_size": size, "n_runs": SEEDS}
                    row |= _timings(throughput, row)
                    status = _status(dataset, framework, arm, size) if trained else "untrained"
                    row |= _training(row, status, workload, noise)
                    doubt = not certified and framework == "keras" and size >= 256 and model == "cnn"
                    row["identity"] = "not certified: 2e-3 apart" if doubt else "certified"
                    rows.append(row)
    return rows


def _timings(throughput: pd.DataFrame, row: dict) -> dict:
    own = throughput
    for key in ("dataset", "model", "framework", "batch_size"):
        own = own[own[key] == row[key]]
    values = {}
    for execution, name in (("fused", ""), ("idiomatic", "idiomatic_")):
        speeds = own.loc[own["execution"] == execution, "samples_per_s"]
        values[f"throughput_{name}samples_per_s"] = speeds.median()
        values[f"throughput_{name}samples_per_s_lo"] = speeds.min() * 0.95
        values[f"throughput_{name}samples_per_s_hi"] = speeds.max() * 1.05
    fused = own[own["execution"] == "fused"]
    for column in ("step_p50_ms", "step_p95_ms", "compile_s", "first_step_s", "input_share"):
        values[column] = fused[column].median()
    values["input_share_idiomatic"] = own.loc[own["execution"] == "idiomatic", "input_share"].median()
    return values


def _training(row: dict, status: str, workload: dict, noise: np.random.Generator) -> dict:
    size, speed = row["batch_size"], row["throughput_samples_per_s"]
    empty = dict.fromkeys([*TO_TARGET, "test_accuracy", "test_accuracy_sd", "train_accuracy"], math.nan)
    values = empty | {"status": status, "device_memory_mib": math.nan, "peak_memory_mib": math.nan}
    if status == "untrained":
        return values | {"n_runs": 0, "n_reached": 0}
    values["n_reached"] = SEEDS if status == "reached" else 0
    if status != "out-of-memory":
        base = 150 if row["framework"] == "keras" else 90
        values["peak_memory_mib"] = base + 0.021 * size + noise.uniform(0, 5)
    if status in ("reached", "missed", "time-limit"):
        accuracy = 0.981 - 0.004 * abs(math.log10(size / 32)) ** 2.5 + noise.normal(0, 1e-3)
        values |= {"test_accuracy": accuracy, "test_accuracy_sd": 0.0015, "train_accuracy": 0.99}
    if status != "reached":
        return values
    if size == 256:
        values["n_reached"] = 2
    epochs = 0.75 * (1 + size / 1500) * (1 + 0.5 / size) * noise.lognormal(0, 0.05)
    seconds = epochs * workload["n"] / speed
    high = math.inf if size == 256 else 1.3
    to_target = [epochs, epochs * 0.8, epochs * high, epochs * workload["n"], epochs * workload["n"] / size]
    to_target += [seconds * 1.05, seconds * 0.85, seconds * high, seconds, 1 / 1.05]
    return values | dict(zip(TO_TARGET, to_target, strict=True))


CURVE = ["dataset", "model", "framework", "arm", "batch_size", "seed", "status", "examples", "epochs"]
CURVE += ["training_s", "train_loss", "validation_loss", "validation_accuracy"]


def _curves(summary: pd.DataFrame) -> list[list]:
    noise = np.random.default_rng(3)
    rows = []
    for cell in summary.itertuples():
        if cell.status in ("out-of-memory", "failed"):
            continue
        n = WORKLOADS[cell.dataset, cell.model]["n"]
        every = max(n // 4, cell.batch_size)
        last = n * (1 if cell.status in ("diverged", "time-limit") else EPOCHS)
        for seed in range(SEEDS):
            for examples in range(every, last + 1, every):
                pace = 3e4 * (1 + cell.batch_size / 3000) * n / 55000 / 6
                error = max(0.02, 0.9 * math.exp(-examples / pace)) * noise.lognormal(0, 0.06)
                key = [cell.dataset, cell.model, cell.framework, cell.arm, cell.batch_size, seed]
                losses = [examples / 1e4, error * 3, error * 3.2]
                rows.append([*key, cell.status, examples, examples / n, *losses, 1 - error])
    return rows


def _fits() -> list[dict]:
    fit = {"b_mib_per_example": 0.021, "residual_share": 0.03, "capacity_mib": 16000, "n_points": 16}
    bases = {"keras": 152.0, "pytorch": 92.0}
    return [
        {"dataset": dataset, "model": model, "framework": framework, "a_mib": bases[framework]}
        | fit
        | {"largest_batch": int((16000 - bases[framework]) / 0.021)}
        for dataset, model in WORKLOADS
        for framework in FRAMEWORKS
    ]


def _goals() -> list[dict]:
    budget = {"epochs": EPOCHS, "seconds": SECONDS}
    return [
        {"dataset": dataset, "model": model, "validation_accuracy": workload["goal"]}
        | {"source": "chosen for the test & nothing else <see there>", "n_training": workload["n"]}
        | budget
        for (dataset, model), workload in WORKLOADS.items()
    ]


PROVENANCE = {
    "machine": {"slug": "formula", "cpu": "Formula CPU", "cores": 2, "memory_mib": 16000, "gpus": []},
    "frameworks": {"keras": {"device": "cpu", "versions": {"keras": "3.15.1"}, "switches": {"tf32": False}}},
    "git_commit": "0123456789abcdef",
    "git_dirty": False,
    "started": "2026-01-01T00:00:00+00:00",
    "finished": "2026-01-01T00:15:00+00:00",
    "job_s": 800.0,
    "measuring_s": 640.0,
    "measuring_share": 0.8,
    "study": {
        "study": "synthetic",
        "frameworks": list(FRAMEWORKS),
        "arms": [{"name": name} for name in ARMS],
    },
    "data": {"mnist": "00ff", "digits": "ff00"},
}
