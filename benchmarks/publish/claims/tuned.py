"""The runs that claims about convergence and accuracy are judged by: those whose learning rate was tuned."""

from collections.abc import Iterator

import pandas as pd

from benchmarks.publish.claims.evidence import Place
from benchmarks.publish.results import Results
from benchmarks.summary.schema import FAILED

TRAINING = ["dataset", "model", "framework", "arm"]


def tuned_runs(results: Results) -> Iterator[tuple[Place, pd.DataFrame]]:
    """The runs of each tuned arm of a (workload, framework), at the batch sizes that were searched."""
    searched = results.rates[results.rates["status"] != FAILED]
    runs = results.runs.merge(searched[["dataset", "model", "arm", "batch_size"]])
    for names, own in runs.groupby(TRAINING, sort=False):
        yield Place(*names), own


def one_rate_runs(results: Results) -> Iterator[tuple[Place, pd.DataFrame]]:
    """The runs of each arm of a (workload, framework) that has one learning rate at several batch sizes."""
    for names, cells in results.trained.groupby(TRAINING, sort=False):
        if len(cells) > 1 and cells["learning_rate"].nunique() == 1:
            yield Place(*names), results.runs.merge(pd.DataFrame([dict(zip(TRAINING, names, strict=True))]))


def by_seed(runs: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """A quantity of runs, a row per seed and a column per batch size; NaN where a run has none."""
    return runs.pivot(index="seed", columns="batch_size", values=quantity)
