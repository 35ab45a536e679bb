"""Train one cell of a study in a process of its own, and answer for it should that be killed."""

import signal
from pathlib import Path

from benchmarks.common import machine, process, provenance
from benchmarks.recipe.plan import Plan
from benchmarks.training import record
from benchmarks.training.record import Record, Run, Status


def killed_record(plan: Plan, *, killer: int, out_of_memory: bool) -> Record:
    """The record of a cell whose process was killed: a result like any other."""
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
    """Lease a GPU where there is one, train, answer for it should it be killed; give the exit code."""
    options = {"plan": plan.model_dump_json(), "record": path, "threads": threads or machine.cores()}
    passed_on = [f"--{key}={value}" for key, value in {**options, "code": code}.items()]
    with machine.leased_gpu(plan.device):
        kills = process.oom_kills()
        ended = process.run(process.python("train-cell", str(data), *passed_on))
        if ended < 0:
            ran_out = ended == -signal.SIGKILL and process.oom_kills() > kills
            record.write(killed_record(plan, killer=-ended, out_of_memory=ran_out), path)
    return max(ended, 0)
