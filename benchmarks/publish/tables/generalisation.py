"""Both generalisation gaps: between training and test examples, and between batch sizes."""

import numpy as np
import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table
from benchmarks.summary.statistics import mean

TRAINING = ["dataset", "model", "arm", "framework"]
QUANTITIES = {
    "train_accuracy": "Training accuracy (%)",
    "test_accuracy": "Test accuracy (%)",
    "gap": "Training less test (points)",
    "less_than_smallest": "Test at the smallest B less here (points)",
}
"""What is told of each batch size, with its heading."""


def tables(results: Results) -> list[Table]:
    """One table: a row per (dataset, model, arm, framework, batch size); none where nothing was tested."""
    tested = results.runs.dropna(subset=["test_accuracy", "train_accuracy"])
    if tested.empty:
        return []
    data = pd.DataFrame(
        [row for key, runs in tested.groupby(TRAINING, sort=False) for row in _by_size(key, runs)]
    )
    columns = [Column(name, words=True) for name in ("Workload", "Arm", "Framework")]
    columns += [Column("Batch size"), Column("Runs"), *map(Column, QUANTITIES.values())]
    return [
        Table(
            name="generalisation",
            title="Generalisation gaps",
            caption="At the evaluation with the best validation accuracy of each run: the accuracy on the "
            "training examples and on the test set, the first less the second, and the test accuracy at the "
            "smallest batch size of the arm less that here, seed by seed. A gap above 0 says that examples "
            "that were trained on are told better, or that the smallest batch size generalises better. Means "
            "with their 95 % interval over the runs (Student's t). Batch sizes with another training "
            "accuracy were not trained equally far, which alone may tell in the last column.",
            columns=columns,
            rows=[[Entry(text) for text in _line(row)] for _, row in data.iterrows()],
            data=data,
        )
    ]


def _by_size(key: tuple, runs: pd.DataFrame) -> list[dict]:
    """A row for each batch size of one training."""
    points = runs.assign(**{name: 100 * runs[name] for name in ("train_accuracy", "test_accuracy")})
    points["gap"] = points["train_accuracy"] - points["test_accuracy"]
    by_seed = points.pivot_table(index="seed", columns="batch_size", values="test_accuracy")
    smallest = by_seed[by_seed.columns.min()]
    rows = []
    for size, group in points.groupby("batch_size"):
        values = {name: group[name] for name in list(QUANTITIES)[:-1]}
        values["less_than_smallest"] = (smallest - by_seed[size]).dropna() if size != smallest.name else []
        row = {**dict(zip(TRAINING, key, strict=True)), "batch_size": size, "n_runs": len(group)}
        for name, of_runs in values.items():
            row |= dict(zip((name, f"{name}_lo", f"{name}_hi"), mean(np.asarray(of_runs)), strict=True))
        rows.append(row)
    return rows


def _line(row: pd.Series) -> list[str]:
    return [
        wording.workload((row["dataset"], row["model"])),
        row["arm"],
        wording.name(row["framework"]),
        wording.whole(row["batch_size"]),
        wording.whole(row["n_runs"]),
        *(wording.interval(*(row[f"{name}{end}"] for end in ("", "_lo", "_hi"))) for name in QUANTITIES),
    ]
