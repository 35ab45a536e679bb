"""Trains a replicate: what the store has is taken from there, every other run has a process of its own.

The framework is imported and the data are read once; then a process is forked for each run, one after the
other. An imported framework has started nothing yet, so that each run has it as if it were alone, and a run
that dies takes no other with it.
"""

import functools
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from benchmarks import datasets, frameworks
from benchmarks.common import machine, process, processor
from benchmarks.common.progress import Progress
from benchmarks.common.quiet import Repetition
from benchmarks.common.store import Store, digest
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks import devices
from benchmarks.recipe.plan import Cell, Plan, Replicate
from benchmarks.study import rates
from benchmarks.training import view
from benchmarks.training.dependencies import conditions_of
from benchmarks.training.forked import one_run
from benchmarks.training.record import Record, Status


class Job(NamedTuple):
    """What all runs of a replicate have in common."""

    replicate: Replicate
    data: Dataset
    store: Store
    threads: int


def stored(job: Job) -> dict[Cell, Record]:
    """The runs of the replicate that the store has, under the names that they have in this study."""
    found = {}
    for plan in job.replicate.plans:
        result = job.store.find(conditions_of(plan, data=job.data, threads=job.threads))
        if result is not None:
            found[plan.cell] = Record.model_validate({**result, "cell": plan.cell})
    return found


def measured(job: Job, missing: list[Plan], framework: ModuleType, *, import_s: float) -> Iterator[Record]:
    """The records of the runs that the store lacks; it keeps them, unless they were killed or failed."""
    progress, since = (Progress(f"runs of {job.replicate.name}", len(missing)), process.start_time())
    repetitions: dict[str, Repetition] = defaultdict(Repetition)
    for plan in missing:
        depends_on = conditions_of(plan, data=job.data, threads=job.threads)
        if kept := job.store.find(depends_on):  # the same training in an arm that came before
            progress.advance()
            yield Record.model_validate({**kept, "cell": plan.cell})
            continue
        made = repetitions[plan.cell.arm].calmer(
            functools.partial(one_run, framework, plan, job.data, threads=job.threads),
            of=lambda made: made.disturbance,
        )
        lasted, since = time.time() - since, time.time()
        # A process that died left no device; like one that failed, nobody can say what it depended on.
        lasting = made.run.status != Status.FAILED and "device" in made.provenance
        made = made.model_copy(
            update={
                "conditions": digest(depends_on) if lasting else "",
                **{"job_s": lasted, "start": {"import_s": import_s, **made.start}},
            }
        )
        if lasting:  # another job may have been faster, with the same training under another name
            kept = job.store.keep(depends_on, made.model_dump(mode="json"))
            made = Record.model_validate({**kept, "cell": plan.cell})
        progress.advance()
        yield made


def run(
    replicate: Replicate, data_file: Path, *, tuned: Path | None = None, threads: int, store: Path, path: Path
) -> None:
    """Train what the store lacks of a replicate, with a GPU to itself where there is one; write its records.

    `tuned` is the file of the study's searches, which a replicate needs that has tuned arms.

    Raises:
        Problem: the data are damaged, the framework is not installed, every GPU is in use, the searches are
            missing, or this machine has no instructions for the mixed precision of an arm.
    """
    replicate = rates.applied(replicate, tuned)
    plans = replicate.plans
    job = Job(replicate, datasets.read(data_file), Store(store), threads or processor.cores())
    records = stored(job)
    missing = [plan for plan in replicate.in_seeded_order() if plan.cell not in records]
    if missing:
        if any(plan.mixed_precision for plan in plans):
            devices.check_bfloat16(plans[0].device)
        with machine.leased_gpu(plans[0].device):
            start = time.perf_counter()
            framework = frameworks.load(plans[0].cell.framework)
            import_s = time.perf_counter() - start
            records |= {made.cell: made for made in measured(job, missing, framework, import_s=import_s)}
    view.write([records[plan.cell] for plan in plans], path)
