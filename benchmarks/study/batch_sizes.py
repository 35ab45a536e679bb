"""Which batch sizes fit into memory, as a study with `batch_sizes: auto` takes it from its trials."""

import json
import math
from pathlib import Path

from benchmarks.common.errors import Problem
from benchmarks.common.value import Value
from benchmarks.study.study import Study, Workload

NAME = "batch_sizes.json"
"""In the results folder of a study on a machine: the trials, and the digest of what they were made for."""
TRY = "start the study, which tries which batch sizes fit: snakemake --cores all --configfile STUDY.yaml"


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

    @property
    def in_words(self) -> str:
        """The trial in one line."""
        took = f"{self.peak_memory_mib:,.0f} of {self.limit_mib:,.0f} MiB"
        fits = "fits" if self.fits else f"does not fit ({self.reason})"
        names = f"{self.dataset} {self.model} {self.framework} {self.precision} {self.step_kind}"
        return f"{names} B={self.batch_size}: {fits}; {took}"


def read(folder: Path) -> list[Trial]:
    """The trials that the results folder of a study has, in the order in which they were made.

    Raises:
        Problem: it has none, or their file is damaged.
    """
    path = folder / NAME
    if not path.exists():
        raise Problem(f"batch_sizes: auto: there is no {path}, which would say which fit", fix=TRY)
    try:
        return [Trial.model_validate(each) for each in json.loads(path.read_bytes())["trials"]]
    except (ValueError, TypeError, KeyError) as error:
        raise Problem(f"{path} is damaged: {error}", fix="delete it; the next run finds it anew") from error


def limited(study: Study, trials: list[Trial]) -> Study:
    """The study with the batch sizes of its workloads limited to what fitted in the trials of each.

    Raises:
        Problem: of a workload, none did.
    """
    return study.model_copy(update={"workloads": [of_workload(each, trials) for each in study.workloads]})


def of_workload(workload: Workload, trials: list[Trial]) -> Workload:
    """The workload with the batch sizes that fitted, as numbers; without trials of it, the workload itself.

    Raises:
        Problem: none did.
    """
    of_it = [each for each in trials if (each.dataset, each.model) == (workload.slug, workload.model)]
    if not of_it:
        return workload
    too_large = min((each.batch_size for each in of_it if not each.fits), default=math.inf)
    fitting = [size for size in workload.sizes if size < too_large]
    if not fitting:
        cause = f"batch_sizes: auto: no batch size of {workload.slug} × {workload.model} fitted in the trials"
        raise Problem(cause, fix=TRY)
    return workload.model_copy(update={"batch_sizes": fitting})
