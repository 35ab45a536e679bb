"""The runs that claims are judged by: mostly those whose learning rate was tuned."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.frameworks import ANALYSED_WITH
from benchmarks.publish.claims.evidence import Bounded, Place
from benchmarks.publish.results import Results
from benchmarks.summary.schema.names import FAILED

TRAINING = ["dataset", "model", "framework", "arm"]
RUN = ["dataset", "model", "arm", "batch_size", "seed"]


def searched_for(results: Results, goal: str) -> list[str]:
    """The arms whose rate was searched for with this goal: `steps` or `accuracy`."""
    arms = {arm["name"]: arm.get("search") or {} for arm in results.provenance["study"]["arms"]}
    tuned = results.rates["arm"].unique()
    return [name for name in tuned if arms.get(name, {}).get("goal", "steps") == goal]


def tuned_for_accuracy(results: Results) -> Iterator[tuple[Place, pd.DataFrame]]:
    """Those of `tuned_runs` whose rate has the best accuracy; where a study has no such arm, all of them."""
    arms = searched_for(results, "accuracy") or searched_for(results, "steps")
    return ((place, runs) for place, runs in tuned_runs(results) if place.arm in arms)


def tuned_for_steps(results: Results) -> Iterator[tuple[Place, pd.DataFrame]]:
    """Those of `tuned_runs` whose rate has the fewest steps to the target."""
    arms = searched_for(results, "steps")
    return ((place, runs) for place, runs in tuned_runs(results) if place.arm in arms)


def tuned_runs(results: Results) -> Iterator[tuple[Place, pd.DataFrame]]:
    """The runs of each tuned arm of a (workload, framework), at the batch sizes that were searched."""
    searched = results.rates[results.rates["status"] != FAILED]
    runs = results.runs.merge(searched[["dataset", "model", "arm", "batch_size"]])
    for names, own in runs.groupby(TRAINING, sort=False):
        yield Place(*names), own


def all_runs(results: Results) -> Iterator[tuple[Place, pd.DataFrame]]:
    """The runs of each arm of a (workload, framework)."""
    for names, own in results.runs.groupby(TRAINING, sort=False):
        yield Place(*names), own


def one_rate_runs(results: Results) -> Iterator[tuple[Place, pd.DataFrame]]:
    """The runs of each arm of a (workload, framework) that has one learning rate at several batch sizes.

    A batch that grows is of no one size.
    """
    growing = {arm["name"] for arm in results.provenance["study"]["arms"] if arm.get("growth")}
    for names, cells in results.trained.groupby(TRAINING, sort=False):
        one = len(cells) > 1 and cells["learning_rate"].nunique() == 1
        if one and names[-1] not in growing:
            yield Place(*names), results.runs.merge(pd.DataFrame([dict(zip(TRAINING, names, strict=True))]))


def their_checkpoints(rows: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Those of these checkpoints that are of the runs, if these are of the framework that is measured."""
    own = runs.loc[runs["framework"] == ANALYSED_WITH, RUN]
    return rows.merge(own)


def by_seed(runs: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """A quantity of runs, a row per seed and a column per batch size; NaN where a run has none."""
    return runs.pivot(index="seed", columns="batch_size", values=quantity)


def reached(runs: pd.DataFrame, size: int) -> bool:
    """Whether any run of a batch size reached the target."""
    return bool(runs.loc[runs["batch_size"] == size, "examples_to_target"].notna().any())


def to_target(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with `observed`, `least` and `most`: the examples to their target, as far as they are known.

    The target was reached since the evaluation before the one that saw it. A run that missed it reaches it
    after its last example, or never.
    """
    seen = runs["examples_to_target"]
    last = runs["examples"].astype(float).replace(0.0, np.nan)  # a run that never began bounds nothing
    before = seen - runs["examples_resolution"].fillna(np.inf)
    return runs.assign(
        observed=seen.fillna(last),
        least=before.clip(lower=0).fillna(last),
        most=seen.fillna(np.inf),
    )


def in_seconds(runs: pd.DataFrame) -> pd.DataFrame:
    """The same in seconds of training, of the runs of `to_target`."""
    per_example = (runs["time_to_target_s"] / runs["examples_to_target"]).fillna(
        1 / runs["training_samples_per_s"]
    )
    return runs.assign(**{name: runs[name] * per_example for name in Bounded._fields})


def pairs(runs: pd.DataFrame, one: int, other: int) -> Bounded:
    """The logarithms of what runs of one batch size take over what those of another do, seed by seed."""
    frames = [by_seed(runs, name)[[one, other]] for name in Bounded._fields]
    known = frames[0].notna().all(axis=1)
    sides = [Bounded(*(frame.loc[known, size].to_numpy(float) for frame in frames)) for size in (one, other)]
    return sides[0].log_over(sides[1])
