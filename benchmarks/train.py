"""Train one cell of a study: `python -m benchmarks.train --plan JSON --data X.npz --record R.json`."""

import argparse
import signal
import sys
from pathlib import Path

from benchmarks import machine, process, provenance, record
from benchmarks.errors import told_plainly
from benchmarks.record import Record, Run, Status
from benchmarks.study import Plan


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


def main() -> None:
    """Lease a GPU where there is one, start the training, and answer for it should it be killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.add_argument("--plan", type=Plan.model_validate_json, required=True, help="the cell, as JSON")
    parser.add_argument("--data", type=Path, required=True, help="the .npz that benchmarks.fetch wrote")
    parser.add_argument("--threads", type=int, default=machine.cores(), help="CPU threads to compute with")
    parser.add_argument("--code", default="", help="digest of the code, kept in the record")
    parser.add_argument("--record", type=Path, required=True, help="the record to write")
    arguments = parser.parse_args()
    passed_on = [f"--plan={arguments.plan.model_dump_json()}"]
    passed_on += [f"--{key}={getattr(arguments, key)}" for key in ("data", "threads", "code", "record")]
    with told_plainly(), machine.leased_gpu(arguments.plan.device):
        kills = process.oom_kills()
        code = process.run(process.python("benchmarks.train_cell", *passed_on))
        if code < 0:
            ran_out = code == -signal.SIGKILL and process.oom_kills() > kills
            record.write(killed_record(arguments.plan, killer=-code, out_of_memory=ran_out), arguments.record)
    sys.exit(max(code, 0))


if __name__ == "__main__":
    main()
