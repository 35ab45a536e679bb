"""The findings of a study in a few sentences, worked out from its summary."""

from collections.abc import Iterator

import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import CASE, Results, of_workload


def findings(results: Results) -> dict[str, list[str]]:
    """What each (dataset, model) shows: speed, then time to the goal, then accuracy."""
    found = {}
    for workload in results.workloads:
        cells = of_workload(results.summary, workload)
        sentences = [*_speed(cells), *_time(cells), *_accuracy(cells)]
        found[wording.workload(workload)] = sentences
    return found


def _speed(cells: pd.DataFrame) -> Iterator[str]:
    for framework, own in cells.drop_duplicates(CASE).groupby("framework", sort=False):
        timed = own.dropna(subset=["throughput_samples_per_s"]).sort_values("batch_size")
        if timed.empty:
            continue
        first, best = timed.iloc[0], timed.loc[timed["throughput_samples_per_s"].idxmax()]
        gain = best["throughput_samples_per_s"] / first["throughput_samples_per_s"]
        yield (
            f"{wording.name(framework)} trains fastest at {_size(best)}: "
            f"{wording.number(best['throughput_samples_per_s'])} examples/s, {wording.number(gain)} times "
            f"its speed at {_size(first)}."
        )


def _time(cells: pd.DataFrame) -> Iterator[str]:
    for framework, own in cells.groupby("framework", sort=False):
        reached = own.dropna(subset=["time_to_target_s"])
        if reached.empty:
            continue
        best, largest = reached.loc[reached["time_to_target_s"].idxmin()], reached["batch_size"].max()
        yield (
            f"{wording.name(framework)} reaches the goal soonest at {_size(best)} ({best['arm']}), in "
            f"{wording.number(best['time_to_target_s'])} s; the largest batch size that reaches it is "
            f"{wording.whole(largest)}."
        )


def _accuracy(cells: pd.DataFrame) -> Iterator[str]:
    tested = cells.dropna(subset=["test_accuracy", "test_accuracy_sd"])
    if tested.empty:
        return
    best = tested.loc[tested["test_accuracy"].idxmax()]
    near = tested[tested["test_accuracy"] >= best["test_accuracy"] - best["test_accuracy_sd"]]
    sizes = ", ".join(wording.whole(size) for size in sorted(near["batch_size"].unique()))
    yield (
        f"The best test accuracy is {wording.percent(best['test_accuracy'], decimals=2)} % ± "
        f"{wording.percent(best['test_accuracy_sd'], decimals=2)} (standard deviation over runs); within one "
        f"standard deviation of it: B = {sizes}."
    )


def _size(cell: pd.Series) -> str:
    return f"B = {wording.whole(cell['batch_size'])}"
