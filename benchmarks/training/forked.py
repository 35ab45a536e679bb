"""One run in a process of its own, which is forked for it, and whose death is a result."""

import signal
from types import ModuleType

from benchmarks.common import process, provenance
from benchmarks.datasets.dataset import Dataset
from benchmarks.recipe.plan import Plan
from benchmarks.training import measure
from benchmarks.training.record import Record, Run, Status


def one_run(framework: ModuleType, plan: Plan, data: Dataset, *, threads: int) -> Record:
    """The record of one run from a process of its own, also if that process did not live to give it.

    The framework must not have been configured in this process.
    """
    provenance.import_graph()  # the run works out what it depends on, and cannot read this itself
    kills = process.oom_kills()
    made, exit_code = process.forked(measure.record, framework, plan, data, threads=threads)
    if made is not None:
        return made
    ran_out = exit_code == -signal.SIGKILL and process.oom_kills() > kills
    return dead_record(plan, exit_code=exit_code, out_of_memory=ran_out)


def dead_record(plan: Plan, *, exit_code: int, out_of_memory: bool) -> Record:
    """The record of a run whose process ended without one; the exit code is negative after a signal."""
    status = Status.OUT_OF_MEMORY if out_of_memory else Status.FAILED
    return Record(
        cell=plan.cell,
        settings=plan.settings,
        run=Run(seed=plan.seed, status=status, message=f"the process {process.ended(exit_code)}"),
        provenance=provenance.describe(),
    )
