"""A trial whether a batch size fits into memory: what a run does until its clock starts, in its own process.

The process is killed before it takes more than it may, so that the machine never swaps. Memory is not worked
out from smaller batch sizes: for a step, frameworks take more than they keep, and not in proportion.
"""

import contextlib
import signal
import time
import traceback
from types import ModuleType
from typing import NamedTuple

import psutil

from benchmarks.common import machine, memory, process
from benchmarks.common.errors import Problem
from benchmarks.datasets.dataset import Dataset
from benchmarks.recipe.plan import Plan
from benchmarks.study.batch_sizes import Trial
from benchmarks.training import measure
from benchmarks.training.peak_memory import resident_mib

MARGIN = 0.2
"""Share of the memory that a trial must leave free for what it does not do, as the rest of a rehearsal."""
GRAPHS = 2
"""On a GPU, the graphs of all batch sizes that a process keeps may take this many times that of the last."""
START_S = 300.0
"""Seconds that a trial may take longer than a run may train: it compiles, and the reference is slow."""
OUT_OF_MEMORY = "more memory than there is"
TOO_LITTLE_LEFT = f"it would leave less than {MARGIN:.0%} of the memory free"


class Room(NamedTuple):
    """What a trial may take: main memory in MiB, and threads."""

    main_mib: float
    threads: int


class Took(NamedTuple):
    """What a trial took at most, in MiB: of main memory, and of the GPU's, None without one."""

    main_mib: float
    gpu_mib: float | None


class Stops:
    """Watches a trial: the most main memory that it has taken, and why it had to be stopped, if it had."""

    def __init__(self, limit_mib: float, limit_s: float) -> None:
        self.limit_mib, self.limit_s = limit_mib, limit_s
        self.most_mib, self.stopped_since = 0.0, ""
        self._started = time.monotonic()

    def may_go_on(self, pid: int) -> bool:
        """Whether the process of this id may go on."""
        with contextlib.suppress(psutil.Error):  # it has just ended
            self.most_mib = max(self.most_mib, psutil.Process(pid).memory_info().rss / memory.MIB)
        if self.most_mib > self.limit_mib:
            self.stopped_since = TOO_LITTLE_LEFT
        elif time.monotonic() - self._started > self.limit_s:
            self.stopped_since = f"its first steps had not ended after {self.limit_s:.0f} s"
        return not self.stopped_since


def trial(framework: ModuleType, plan: Plan, data: Dataset, room: Room, *, step_kind: str) -> Trial:
    """Try the batch size of a plan; the framework has not been configured in this process.

    Raises:
        Problem: the trial failed, and not for want of memory.
    """
    watch, kills = Stops(room.main_mib, plan.budget.seconds + START_S), process.oom_kills()
    took, code = process.forked(taken, framework, plan, data, room.threads, may_go_on=watch.may_go_on)
    ran_out = code == -signal.SIGKILL and process.oom_kills() > kills
    if took is None and not (watch.stopped_since or ran_out):
        raise failed(plan, process.ended(code))
    names = plan.cell.model_dump(include={"dataset", "model", "framework", "batch_size"})
    names |= {"precision": plan.precision, "step_kind": step_kind}
    if not isinstance(took, Took):
        found = {"peak_memory_mib": watch.most_mib, "limit_mib": room.main_mib}
        return Trial(**names, fits=False, **found, reason=watch.stopped_since or OUT_OF_MEMORY)
    return judged(took._replace(main_mib=max(watch.most_mib, took.main_mib)), room, names)


def taken(framework: ModuleType, plan: Plan, data: Dataset, threads: int) -> Took | str:
    """What a run takes until its clock would start; OUT_OF_MEMORY if the framework says so."""
    framework.configure(threads=threads, device=plan.device, precision=plan.precision)
    try:
        found = measure.warm_up(measure.set_up(framework, plan, data), data, plan).memory
    except Exception as error:
        if framework.is_out_of_memory(error):
            return OUT_OF_MEMORY
        traceback.print_exc()
        raise
    on_gpu = framework.device().kind == "gpu"
    return Took(main_mib=resident_mib("VmHWM"), gpu_mib=found["peak_memory_mib"] if on_gpu else None)


def judged(took: Took, room: Room, names: dict) -> Trial:
    """Whether a trial that came to its end left enough memory free."""
    peak_mib, limit_mib = took.main_mib, room.main_mib
    if took.gpu_mib is not None and peak_mib <= limit_mib:
        peak_mib, limit_mib = took.gpu_mib, (1 - MARGIN) / GRAPHS * machine.leased_memory_mib()
    fits = peak_mib <= limit_mib
    reason = "" if fits else TOO_LITTLE_LEFT
    return Trial(**names, fits=fits, peak_memory_mib=peak_mib, limit_mib=limit_mib, reason=reason)


def failed(plan: Plan, ended: str) -> Problem:
    """That a trial failed for another reason than memory; its traceback has been printed."""
    cell = plan.cell
    return Problem(
        f"{cell.framework} could not try {cell.model} on {cell.dataset} with a batch size of "
        f"{cell.batch_size} in {plan.precision}: the process {ended}",
        fix="its error is above; to go on without trials, name batch sizes in place of auto",
    )
