"""Which batch sizes fit into memory, as a study with `batch_sizes: auto` takes it from its trials."""

import json
from pathlib import Path

from benchmarks.common.value import Value
from benchmarks.study.study import Study, Workload

NAME = "batch_sizes.json"
"""In the results folder of a study on a machine: the trials, and the digest of what they were made for."""


class Trial(Value):
    """Whether a batch size fitted, and why not; what it took at most, and what it might have taken, in MiB.

    On a GPU that is the GPU's memory, unless the main memory did not do.
    """

    dataset: str
    model: str
    framework: str
    precision: str
    step_kind: str
    batch_size: int
    fits: bool
    peak_memory_mib: float
    limit_mib: float
    reason: str = ""


def read(folder: Path) -> list[Trial]:
    """The trials that the results folder of a study has, in the order in which they were made."""
    found = json.loads((folder / NAME).read_bytes())["trials"]
    return [Trial.model_validate(each) for each in found]


def limited(study: Study, trials: list[Trial]) -> Study:
    """The study with the batch sizes of its workloads with `auto` limited to what fitted in these trials."""
    return study.model_copy(update={"workloads": [of_workload(each, trials) for each in study.workloads]})


def of_workload(workload: Workload, trials: list[Trial]) -> Workload:
    """The workload with its batch sizes limited, if it says `auto`."""
    its_own = [each for each in trials if (each.dataset, each.model) == (workload.slug, workload.model)]
    if not workload.is_auto or not its_own:
        return workload
    too_large = [each.batch_size for each in its_own if not each.fits]
    fitting = [size for size in workload.sizes if size < min(too_large, default=workload.n_training + 1)]
    return workload.model_copy(update={"largest": max(fitting)})
