"""The largest batch sizes that fit into memory here, found by trial: how far `auto` in `batch_sizes` goes.

A batch size fits if a run of the study does with it in every framework, and if its rehearsal in float64 and
the reference do, without which it had no certificate. In float64 a batch takes about twice the memory.
"""

import sys
from collections.abc import Callable

from benchmarks import datasets, frameworks
from benchmarks.common import memory
from benchmarks.common.errors import Problem
from benchmarks.datasets.dataset import Dataset, normalised
from benchmarks.identity.memory_trial import MARGIN, Room, trial
from benchmarks.identity.subjects import File, files
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.plan import Plan
from benchmarks.study.batch_sizes import Trial, of_workload
from benchmarks.study.study import Study, Workload, for_timing, plan


def trials_of(study: Study, name: str, *, threads: int, at_once: int) -> list[Trial]:
    """The trials of one framework, for every workload of a study; each is printed as it ends.

    `at_once` processes of a study share the memory.

    Raises:
        Problem: not even the smallest batch size fits, or a trial failed for another reason.
    """
    framework, room = frameworks.load(name), Room((1 - MARGIN) * memory.available_mib() / at_once, threads)
    made: list[Trial] = []
    for workload in study.workloads:
        data = data_of(workload)
        for file, arm in _tried_with(study, name):

            def try_one(size: int, file=file, arm=arm, workload=workload, data=data) -> Trial:
                planned = planned_trial(study, workload, file, arm, size)
                return trial(framework, planned, data, room, step_kind=arm.step_kind)

            sizes = sorted(of_workload(workload, made).sizes)
            made += until_largest(sizes, try_one)
    return made


def _tried_with(study: Study, name: str) -> list[tuple[File, Arm]]:
    """Every precision that a framework is traced in, with an arm of every step kind."""
    of_framework = (file for file in files(study.frameworks) if file.framework == name)
    return [(file, arm) for file in of_framework for arm in for_timing(study).arms]


def data_of(workload: Workload) -> Dataset:
    """The data set of a workload, before the study has stored it."""
    facts, arrays, _ = datasets.obtained(workload.dataset)
    return normalised(arrays, facts)


def planned_trial(study: Study, workload: Workload, file: File, arm: Arm, size: int) -> Plan:
    """The plan of a trial: that of a run, in the precision of the file."""
    made = plan(study, workload=workload, framework=file.framework, arm=arm, batch_size=size, seed=0)
    return made.model_copy(update={"precision": file.precision, "device": file.device(study.device)})


def until_largest(sizes: list[int], try_one: Callable[[int], Trial]) -> list[Trial]:
    """The trials that it takes to find the largest of these batch sizes, ascending, that fits.

    The largest of all is tried first, since it mostly fits; what is smaller than one that fits does so too.

    Raises:
        Problem: none fits.
    """
    made: list[Trial] = []
    fitting, too_large, place = -1, len(sizes), len(sizes) - 1
    while too_large - fitting > 1:
        made.append(try_one(sizes[place]))
        print(made[-1].in_words, file=sys.stderr, flush=True)
        fitting, too_large = (place, too_large) if made[-1].fits else (fitting, place)
        place = (fitting + too_large) // 2
    if fitting < 0:
        raise none_fits(made[-1])
    return made


def none_fits(smallest: Trial) -> Problem:
    """That not even the smallest batch size of a workload fits."""
    return Problem(
        f"{smallest.framework} cannot train {smallest.model} on {smallest.dataset} in {smallest.precision} "
        f"even with a batch size of {smallest.batch_size}: {smallest.reason}; it took "
        f"{smallest.peak_memory_mib:,.0f} MiB and may take {smallest.limit_mib:,.0f} MiB here",
        fix="name smaller batch sizes, or a smaller model or data set; for more memory, end what else uses "
        "it, or run with fewer --cores",
    )
