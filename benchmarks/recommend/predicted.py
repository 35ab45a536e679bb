"""A machine that timed steps and trained nothing: the examples of another machine over its own speed.

How many examples a training needs does not depend on the hardware, how fast they go does. The batch size
with the shortest such time is the one with the largest goodput (Qiao et al. 2021, arXiv 2008.12260).
"""

import numpy as np

from benchmarks.common.errors import Problem
from benchmarks.common.value import Value
from benchmarks.publish import wording
from benchmarks.publish.choice import candidates
from benchmarks.publish.course import NEAR, between
from benchmarks.publish.results import Results, of_workload


class Predicted(Value):
    """The batch size with the shortest predicted time to the target, and how far to trust it.

    `near` are the batch sizes whose time is within a tenth of it. `least_ratio` and `greatest_ratio`:
    predicted over measured time, where the other machine has both.
    """

    framework: str
    batch_size: int
    learning_rate: float
    time_s: float
    near: list[int]
    trained_on: str
    least_ratio: float | None
    greatest_ratio: float | None


def predicted(here: Results, there: Results, workload: tuple[str, str], framework: str) -> Predicted:
    """The prediction for a framework, at the batch sizes that were trained there and timed here.

    Raises:
        Problem: no batch size that reached the target there lies among those timed here.
    """
    trained = candidates(there, workload, framework).dropna(subset=["examples_to_target"])
    timed = of_workload(here.summary, workload)
    timed = timed[timed["framework"] == framework]
    speeds = [
        between(timed[timed["step_kind"] == kind], "throughput_samples_per_s", size)
        for kind, size in trained[["step_kind", "batch_size"]].itertuples(index=False)
    ]
    times = trained["examples_to_target"] / speeds
    if not np.isfinite(times).any():
        raise Problem(
            f"{wording.name(framework)} was timed here at other batch sizes than those that were trained",
            fix="time the same batch sizes here: the same study with --config 'seeds=[]'",
        )
    best = trained.loc[times.idxmin()]
    ratios = trained["time_ratio"].dropna()
    return Predicted(
        framework=framework,
        batch_size=int(best["batch_size"]),
        learning_rate=float(best["learning_rate"]),
        time_s=float(times.min()),
        near=sorted(int(size) for size in trained["batch_size"][times <= NEAR * times.min()]),
        trained_on=str(there.summary["machine"].iloc[0]),
        least_ratio=float(ratios.min()) if len(ratios) else None,
        greatest_ratio=float(ratios.max()) if len(ratios) else None,
    )


def sentences(found: Predicted) -> list[str]:
    """The prediction in words."""
    near = ", ".join(wording.whole(size) for size in found.near)
    told = [
        f"{wording.name(found.framework)}, predicted: take B = {wording.whole(found.batch_size)} with the "
        f"learning rate {wording.number(found.learning_rate)}, {wording.number(found.time_s)} s to the "
        f"target: the examples that it took on {found.trained_on} over the speed of this machine. Within a "
        f"tenth of it: B = {near}."
    ]
    if found.least_ratio is not None:
        told.append(
            f"Where both are known, on {found.trained_on}, such predictions were "
            f"{wording.number(found.least_ratio)} to {wording.number(found.greatest_ratio)} times "
            "the measured time."
        )
    return told
