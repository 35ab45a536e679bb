"""Trains one cell in this process: its peak memory, a run for each seed, its record.

`benchmarks.training.job` starts this process and writes the record if it is killed.
"""

import time
import traceback
from pathlib import Path
from types import ModuleType

from benchmarks import datasets, frameworks
from benchmarks.common import process, provenance
from benchmarks.common.machine import OtherLoad
from benchmarks.common.progress import Progress
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer
from benchmarks.recipe.plan import Plan
from benchmarks.training import peak_memory, record
from benchmarks.training.record import Record, Run, Status
from benchmarks.training.run import run_to_target

MEASURED_STEPS = 3
"""Steps over which peak memory is measured. They are also the warm-up; every run starts anew after them."""


def set_up(framework: ModuleType, plan: Plan, data: Dataset) -> Setup:
    """The set-up of a cell's training, in its fused execution."""
    return Setup.on(
        data,
        model=plan.cell.model,
        augmentation=plan.augmentation,
        randomness=plan.randomness,
        framework=framework,
        optimizer=plan.optimizer,
        precision=plan.precision,
    )


def warm_up(setup: Setup, data: Dataset, *, batch_size: int) -> tuple[Trainer, dict, float]:
    """A trainer that has compiled and taken a few steps, their measurements, and the seconds they took."""
    batches = setup.stream(seed=0).batches(batch_size, first=0, count=MEASURED_STEPS)
    baseline_mib = peak_memory.resident_mib("VmRSS")
    trainer = setup.trainer()
    trainer.reset(setup.parameters(seed=0))
    trainer.compile(batch_size)
    start = time.perf_counter()
    measured = peak_memory.measure(peak_memory.Subject(setup.framework, trainer, batches, baseline_mib))
    seconds = time.perf_counter() - start
    trainer.logits(data.validation_x)
    return trainer, measured, seconds


def run_seed(setup: Setup, trainer: Trainer, plan: Plan, data: Dataset, *, seed: int) -> Run:
    """One run. An error in it becomes its result and does not stop the other runs."""
    try:
        trainer.reset(setup.parameters(seed=seed))
        return run_to_target(trainer, setup.stream(seed=seed), data, plan)
    except Exception as error:
        return failed_run(setup.framework, error, seed=seed)


def failed_run(framework: ModuleType, error: Exception, *, seed: int) -> Run:
    """The result of a run that raised an error. The traceback is printed, and so goes to the job's log."""
    traceback.print_exc()
    status = Status.OUT_OF_MEMORY if framework.is_out_of_memory(error) else Status.FAILED
    return Run(seed=seed, status=status, message=f"{type(error).__name__}: {error}"[:2000])


def run_cell(framework: ModuleType, plan: Plan, data: Dataset) -> tuple[list[Run], dict, float]:
    """All runs of the cell, its measurements, and the seconds spent on measuring, training and evaluation."""
    setup = set_up(framework, plan, data)
    try:
        trainer, measured, measuring_s = warm_up(setup, data, batch_size=plan.cell.batch_size)
    except Exception as error:
        return [failed_run(framework, error, seed=seed) for seed in plan.seeds], {}, 0.0
    start = time.perf_counter()
    progress, runs = Progress(f"runs of {plan.cell.label}", len(plan.seeds)), []
    for seed in plan.seeds:
        runs.append(run_seed(setup, trainer, plan, data, seed=seed))
        progress.advance()
    return runs, measured, measuring_s + time.perf_counter() - start


def describe(framework: ModuleType, data: Dataset, started: str) -> dict:
    """Provenance of the cell's record."""
    return {
        **provenance.of_framework(framework),
        "data_sha256": data.sha256,
        "started": started,
        "finished": provenance.now(),
    }


def run(plan: Plan, data_file: Path, *, threads: int, code: str, path: Path) -> None:
    """Train one cell and write its record."""
    started, load = provenance.now(), OtherLoad()
    data = datasets.read(data_file)
    framework = frameworks.load(plan.cell.framework)
    framework.configure(threads=threads, device=plan.device, precision=plan.precision)
    runs, measurements, measuring_s = run_cell(framework, plan, data)
    result = Record(
        cell=plan.cell,
        settings=plan.model_dump(mode="json", exclude={"cell"}),
        runs=runs,
        measurements=measurements,
        job_s=process.parents_age_s(),
        measuring_s=measuring_s,
        provenance={
            **describe(framework, data, started),
            "code_sha256": code,
            "others_cpu_share": load.share(),
        },
    )
    record.write(result, path)
