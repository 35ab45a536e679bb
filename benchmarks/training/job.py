"""Trains one cell in a process of its own, and writes its record if that process is killed."""

import signal
from pathlib import Path

from benchmarks.common import machine, process, provenance
from benchmarks.recipe.plan import Plan
from benchmarks.training import record
from benchmarks.training.record import Record, Run, Status


def killed_record(plan: Plan, *, killer: int, out_of_memory: bool) -> Record:
    """The record of a cell whose process was killed by the signal `killer`."""
    status = Status.OUT_OF_MEMORY if out_of_memory else Status.FAILED
    message = f"process killed by {signal.Signals(killer).name}"
    return Record(
        cell=plan.cell,
        settings=plan.model_dump(mode="json", exclude={"cell"}),
        runs=[Run(seed=seed, status=status, message=message) for seed in plan.seeds],
        measurements={},
        job_s=process.age_s(),
        measuring_s=0.0,
        provenance=provenance.describe(),
    )


def run(plan: Plan, data: Path, *, threads: int, code: str, path: Path) -> int:
    """Train one cell in a child process, which has a GPU to itself where there is one.

    If the child is killed, its record is written here. Returns the exit code of the job.

    Raises:
        Problem: every GPU is in use by another job.
    """
    options = {"plan": plan.model_dump_json(), "record": path, "threads": threads or machine.cores()}
    arguments = [f"--{key}={value}" for key, value in {**options, "code": code}.items()]
    with machine.leased_gpu(plan.device):
        kills = process.oom_kills()
        exit_code = process.run(process.python("train-cell", str(data), *arguments))
        if exit_code < 0:
            ran_out = exit_code == -signal.SIGKILL and process.oom_kills() > kills
            record.write(killed_record(plan, killer=-exit_code, out_of_memory=ran_out), path)
    return max(exit_code, 0)
