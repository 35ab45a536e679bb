"""A results folder as a finished study leaves it, from formulas in place of measurements."""

import functools
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import synthetic_identity
from synthetic_grid import PLAIN, SEEDS, SPEEDS, WORKLOADS, Grid, verdict

from benchmarks.summary.schema import CURVES, RUNS, VERSION
from benchmarks.summary.schema.names import CASE

SLOWER = {"momentum": 1.0, "adam-coupled-clip": 0.7, "momentum-framework-dropout": 0.9}
IDIOMATIC = {"keras": 0.15, "pytorch": 0.6}
EPOCHS = 4
SECONDS = 12.0
PROCESSES = 3
FLOPS, PEAK_GFLOPS = 400_000, 500.0
TO_TARGET = ["epochs_to_target", "epochs_to_target_lo", "epochs_to_target_hi", "examples_to_target"]
TO_TARGET += ["steps_to_target", "time_to_target_s", "time_to_target_s_lo", "time_to_target_s_hi"]
MEASURED = [
    f"{name}{end}" for name in ("peak_memory_mib", "training_samples_per_s") for end in ("", "_lo", "_hi")
]
MEASURED += ["training_over_calls", "training_over_throughput"]
TO_TARGET += ["time_to_target_predicted_s", "time_ratio"]
OF_EVALUATION = ["epochs_resolution", "evaluation_share"]


def write(folder: Path, *, trained: bool = True, certified: bool = True, grid: Grid = PLAIN) -> Path:
    """Fill `folder` with every file that the tables, figures and report read."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _files(grid, trained=trained, certified=certified).items():
        (folder / name).write_text(text)
    return folder


@functools.cache
def _files(grid: Grid, *, trained: bool, certified: bool) -> dict[str, str]:
    """The text of every file by its name."""
    throughput = pd.DataFrame(_throughput(grid))
    summary = pd.DataFrame(_summary(throughput, grid, trained=trained, certified=certified))
    curves = pd.DataFrame(_curves(summary) if trained else [], columns=list(CURVES.columns))
    fits = pd.DataFrame(_fits(grid))
    targets = pd.DataFrame(_targets())
    tables = {"summary": summary, "throughput": throughput, "curves": curves, "memory_fit": fits}
    runs = pd.DataFrame(_runs(summary) if trained else [], columns=list(RUNS.columns))
    tables |= {"targets": targets, "runs": runs}
    found = {f"{name}.csv": table.to_csv(index=False) for name, table in tables.items()}
    study = {"study": "synthetic", "frameworks": grid.frameworks, "arms": [{"name": n} for n in grid.arms]}
    found["provenance.json"] = json.dumps(PROVENANCE | {"study": study})
    certificates, equivalence = synthetic_identity.certificates(grid), synthetic_identity.equivalence(grid)
    identity = {"certificates": certificates, "equivalence": equivalence if trained else []}
    found["machine.json"] = json.dumps({"limits": dict.fromkeys(grid.frameworks, LIMITS)})
    return found | {"identity.json": json.dumps(synthetic_identity.BOUNDS | identity)}


def _speed(framework: str, step_kind: str, execution: str, size: int) -> float:
    first, most = SPEEDS[framework]
    gain = SLOWER[step_kind] * (1.0 if execution == "fused" else IDIOMATIC.get(framework, 0.5))
    return gain / (1 / (first * size) + 1 / most)


def _throughput(grid: Grid) -> list[dict]:
    noise = np.random.default_rng(1)
    return [
        _timed((dataset, model, framework, step_kind, execution, size, process), noise.lognormal(0, 0.05))
        for (dataset, model), workload in sorted(WORKLOADS.items())
        for step_kind in grid.step_kinds
        for framework in grid.frameworks
        for execution in ("idiomatic", "fused")
        for size in workload["sizes"]
        for process in range(PROCESSES)
    ]


def _timed(key: tuple, factor: float) -> dict:
    dataset, model, framework, step_kind, execution, size, process = key
    row = {
        "dataset": dataset,
        "model": model,
        "framework": framework,
        "step_kind": step_kind,
        "execution": execution,
    }
    row |= {"batch_size": size, "threads": 2, "process": process, "rounds": 5, "steps_per_round": 10}
    if dataset == "mnist" and framework == "pytorch" and execution == "idiomatic" and size == 55000:
        return row | {"status": "out-of-memory"}
    speed = _speed(framework, step_kind, execution, size) * factor * (0.5 if model == "cnn" else 1)
    step = 1000 * size / speed
    times = {"samples_per_s": speed, "step_ms": step, "start_s": 0.0, "disturbed": ""}
    times |= {"compile_s": 0.8 if framework == "keras" else 0.0, "first_step_s": 0.1}
    share = (0.02 if execution == "fused" else 0.4) / (1 + size / 512)
    operations = {"flops_per_example": FLOPS, "peak_share": FLOPS * speed / 1e9 / PEAK_GFLOPS}
    return row | times | operations | {"input_share": share, "status": "measured"}


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


def _epochs(cell: tuple[str, str, int, str]) -> float:
    """Epochs that a training lasts for: one that reached its target may yet run out of time after it."""
    dataset, framework, size, status = cell
    if status in ("out-of-memory", "failed"):
        return 0.0
    if status in ("diverged", "time-limit"):
        return 1.0
    if (dataset, framework, size) == CUT:
        return 2.0
    n = next(workload["n"] for names, workload in WORKLOADS.items() if names[0] == dataset)
    return math.ceil(EPOCHS * n / size) * size / n


LIMITS = {
    "n": PROCESSES,
    "product_gflops": {"float32": {"median": PEAK_GFLOPS, "lo": 450.0, "hi": 510.0}},
    "copy_gb_per_s": {"median": 20.0, "lo": 19.0, "hi": 21.0},
    "start_us": {"median": 5.0, "lo": 4.5, "hi": 6.0},
}
CUT = ("mnist", "keras", 4)
"""These trainings reach the target, and their seconds end before their epochs."""


def _summary(throughput: pd.DataFrame, grid: Grid, *, trained: bool, certified: bool) -> list[dict]:
    noise = np.random.default_rng(2)
    timed = dict(list(throughput.groupby(CASE)))
    rows = []
    for (dataset, model), workload in WORKLOADS.items():
        for size in workload["sizes"]:
            for arm, step_kind in grid.arms.items():
                for framework in grid.frameworks:
                    row = {"study": "synthetic", "machine": "formula", "dataset": dataset, "model": model}
                    row |= {"framework": framework, "arm": arm, "step_kind": step_kind, "batch_size": size}
                    row |= {"n_runs": SEEDS, "threads": 2, "start_s": 3.5, "learning_rate": 0.0625}
                    row |= _timings(timed[tuple(row[key] for key in CASE)])
                    status = _status(dataset, framework, arm, size) if trained else "untrained"
                    row |= _training(row, status, workload, noise)
                    doubt = not certified and framework == "keras" and size >= 256 and model == "cnn"
                    row["disturbed"] = ""
                    row["identity"] = (
                        f"not certified: {synthetic_identity.HALVED}" if doubt else verdict(step_kind)
                    )
                    rows.append(row)
    return rows


def _timings(own: pd.DataFrame) -> dict:
    values = {}
    for execution, name in (("fused", ""), ("idiomatic", "idiomatic_")):
        speeds = own.loc[own["execution"] == execution, "samples_per_s"]
        values[f"throughput_{name}samples_per_s"] = speeds.median()
        values[f"throughput_{name}samples_per_s_lo"] = speeds.min() * 0.95
        values[f"throughput_{name}samples_per_s_hi"] = speeds.max() * 1.05
    fused = own[own["execution"] == "fused"]
    for column in ("step_ms", "flops_per_example", "peak_share", "compile_s", "first_step_s", "input_share"):
        values[column] = fused[column].median()
    values["input_share_idiomatic"] = own.loc[own["execution"] == "idiomatic", "input_share"].median()
    return values


def _training(row: dict, status: str, workload: dict, noise: np.random.Generator) -> dict:
    size, speed = row["batch_size"], row["throughput_samples_per_s"]
    empty = dict.fromkeys(
        [*TO_TARGET, *OF_EVALUATION, "test_accuracy", "test_accuracy_sd", "train_accuracy"], math.nan
    )
    values = empty | {"status": status, "device_memory_mib": math.nan} | dict.fromkeys(MEASURED, math.nan)
    if status == "untrained":
        return values | {"n_runs": 0, "n_reached": 0, "epochs_trained": math.nan}
    values["evaluation_share"] = 0.1
    values["epochs_trained"] = _epochs((row["dataset"], row["framework"], size, status))
    values["n_reached"] = SEEDS if status == "reached" else 0
    if status != "out-of-memory":
        peak = BASES[row["framework"]] + 0.021 * size + noise.uniform(0, 5)
        values |= {"peak_memory_mib": peak, "peak_memory_mib_lo": peak - 2, "peak_memory_mib_hi": peak + 3}
        values |= {
            "training_samples_per_s": 0.95 * speed,
            "training_over_throughput": 0.95,
            "training_over_calls": 0.98,
        }
        values |= {"training_samples_per_s_lo": 0.9 * speed, "training_samples_per_s_hi": speed}
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
    values["epochs_resolution"] = min(0.25, epochs)
    to_target += [seconds * 1.05, seconds * 0.85, seconds * high, seconds, 1 / 1.05]
    return values | dict(zip(TO_TARGET, to_target, strict=True))


BASES = {"keras": 150.0, "keras-jax": 170.0, "keras-torch": 110.0, "pytorch": 90.0, "numpy": 30.0}
"""MiB of a training at B = 0."""


def _runs(summary: pd.DataFrame) -> list[dict]:
    """The runs of every cell: its own values, a little more or less with every seed."""
    noise = np.random.default_rng(4)
    rows = []
    for cell in summary.to_dict("records"):
        n = WORKLOADS[cell["dataset"], cell["model"]]["n"]
        for seed in range(cell["n_runs"]):
            factor = noise.lognormal(0, 0.03)
            row = {name: cell.get(name) for name in RUNS.columns} | {"seed": seed}
            row |= {"examples": cell["epochs_trained"] * n, "examples_resolution": n // 4}
            row |= {"validation_accuracy": cell["test_accuracy"], "disturbed": ""}
            for name in ("examples_to_target", "time_to_target_s", "peak_memory_mib"):
                row[name] = cell[name] * factor
            rows.append(row)
    return rows


def _curves(summary: pd.DataFrame) -> list[list]:
    noise = np.random.default_rng(3)
    rows = []
    for cell in summary.itertuples():
        if cell.status in ("out-of-memory", "failed"):
            continue
        n = WORKLOADS[cell.dataset, cell.model]["n"]
        every = max(n // 4, cell.batch_size)
        last = round(cell.epochs_trained * n)
        in_time = cell.status != "time-limit" and (cell.dataset, cell.framework, cell.batch_size) != CUT
        pace_s = SECONDS / last * (0.5 if in_time else 1)
        for seed in range(SEEDS):
            for examples in [*range(every, last, every), last]:
                pace = 3e4 * (1 + cell.batch_size / 3000) * n / 55000 / 6
                error = max(0.02, 0.9 * math.exp(-examples / pace)) * noise.lognormal(0, 0.06)
                key = [cell.dataset, cell.model, cell.framework, cell.arm, cell.batch_size, seed]
                losses = [examples * pace_s, error * 3, error * 3.2]
                rows.append([*key, cell.status, examples, examples / n, *losses, 1 - error])
    return rows


def _fits(grid: Grid) -> list[dict]:
    fit = {"b_mib_per_example": 0.021, "residual_share": 0.03, "capacity_mib": 16000, "n_points": 16}
    return [
        {
            "dataset": dataset,
            "model": model,
            "framework": framework,
            "step_kind": step_kind,
            "a_mib": BASES[framework] + 2,
        }
        | fit
        | {"largest_batch": int((16000 - BASES[framework]) / 0.021)}
        for dataset, model in WORKLOADS
        for step_kind in grid.step_kinds
        for framework in grid.frameworks
    ]


def _targets() -> list[dict]:
    budget = {"epochs": EPOCHS, "steps": 0, "seconds": SECONDS}
    return [
        {"dataset": dataset, "model": model, "validation_accuracy": workload["target"]}
        | {"source": "chosen for the test & nothing else < see > there", "n_training": workload["n"]}
        | budget
        for (dataset, model), workload in WORKLOADS.items()
    ]


PROVENANCE = {
    "schema_version": VERSION,
    "machine": {"slug": "formula", "cpu": "Formula CPU", "cores": 2, "memory_mib": 16000, "gpus": []},
    "frameworks": {"keras": {"device": "cpu", "versions": {"keras": "3.15.1"}, "switches": {"tf32": False}}},
    "git_commit": "0123456789abcdef",
    "git_dirty": False,
    "started": "2026-01-01T00:00:00+00:00",
    "finished": "2026-01-01T00:15:00+00:00",
    "job_s": 800.0,
    "measuring_s": 640.0,
    "measuring_share": 0.8,
    "data": {"mnist": "00ff", "digits": "ff00"},
}
