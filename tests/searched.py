"""Searches for learning rates and what they lead to, from formulas, for a synthetic study of two arms."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.summary import columns, scaling, schema
from benchmarks.summary.schema.names import NO_RATE

E_MIN, B_CRIT = 60_000, 520.0
"""The law that the tuned arm follows."""


def best_rate(size: int) -> float:
    """The linear rule up to half of the critical batch size, and a constant beyond it."""
    return 2.0 ** (np.log2(min(size, B_CRIT / 2)) - 10)


def cells(sizes, *, framework="keras", missed=(), noise=0.0, n_training=55_000) -> pd.DataFrame:
    """Cells of a tuned arm on the law, with relative noise; those that missed ended before their target."""
    drawn = 1 + noise * np.random.default_rng(5).standard_normal(len(sizes))
    examples = E_MIN * (1 + np.array(sizes) / B_CRIT) * drawn
    ended = np.where(np.isin(sizes, missed), 0.9, 1.5) * examples
    reached = np.where(np.isin(sizes, missed), np.nan, examples)
    names = {"dataset": "mnist", "model": "mlp", "framework": framework, "arm": "tuned"}
    table = pd.DataFrame({"batch_size": sizes, "examples_to_target": reached}).assign(**names)
    return table.assign(epochs_trained=ended / n_training)


def rates(sizes, *, places=(("mnist", "mlp"),), arm="tuned") -> pd.DataFrame:
    """What the searches of some (dataset, model) found."""
    rows = [
        {"dataset": dataset, "model": model, "arm": arm, "batch_size": size, "searched_with": "keras"}
        | {"learning_rate": best_rate(size), "learning_rate_lo": best_rate(size) / 2**0.5}
        | {"learning_rate_hi": best_rate(size) * 2**0.5, "status": "reached", "at_edge": False}
        | {"steps_to_target": E_MIN * (1 / size + 1 / B_CRIT), "start": 0.0625, "n_trials": 6}
        | {"examples": 10**6, "training_s": 9.5}
        for dataset, model in places
        for size in sizes
    ]
    return columns.frame(rows, schema.RATES)


def trials(found: pd.DataFrame) -> pd.DataFrame:
    """Trials of five rates around the best of each search, from two seeds."""
    rows = []
    for row in found.itertuples():
        for octave, ended in (
            (0, "reached"),
            (-1, "reached"),
            (1, "beaten"),
            (2, "diverged"),
            (-2, "missed"),
        ):
            names = {name: getattr(row, name) for name in ("dataset", "model", "arm", "batch_size")}
            rate = {"learning_rate": row.learning_rate * 2.0**octave}
            seen = {"validation_accuracy": 0.9, "training_s": 0.5, "ended": ended}
            steps = np.nan_to_num(row.steps_to_target, nan=500) * 1.7 ** abs(octave)
            rows += [names | rate | seen | {"seed": seed, "steps": int(steps)} for seed in (1000, 1001)]
    return columns.frame(rows, schema.TRIALS)


def add(folder: Path, *, arm: str = "fixed-lr") -> Path:
    """Give a results folder the files of a study whose arm of this name is tuned."""
    summary = pd.read_csv(folder / "summary.csv")
    targets = pd.read_csv(folder / "targets.csv")
    sizes = sorted(summary["batch_size"].unique())
    places = list(targets[["dataset", "model"]].itertuples(index=False, name=None))
    found = rates(sizes, places=places, arm=arm)
    kept = found.merge(summary[["dataset", "model", "batch_size"]].drop_duplicates())
    kept.loc[kept.index[-1], ["status", "steps_to_target"]] = [NO_RATE, np.nan]
    kept.loc[kept.index[-1], ["learning_rate_lo", "learning_rate_hi"]] = np.nan
    laws = columns.frame(scaling.fits(summary, kept, targets), schema.CRITICAL_BATCH)
    for name, table in {"rates": kept, "trials": trials(kept), "critical_batch": laws}.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder
