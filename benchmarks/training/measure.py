"""Measures one run in this process: start, peak memory, training to the target and beyond.

The framework has been imported and not yet configured: `training.job` imports it once and forks a process
for each run, so that no run sees what another one has left in memory.
"""

import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import NamedTuple

from benchmarks.common import machine, provenance
from benchmarks.common.quiet import Watch
from benchmarks.common.store import digest
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks import devices
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer
from benchmarks.recipe.plan import Plan
from benchmarks.training import pace, peak_memory
from benchmarks.training.dependencies import certified_conditions
from benchmarks.training.record import Record, Run, Status
from benchmarks.training.run import run_to_target

MEASURED_STEPS = 3
"""Steps over which peak memory is measured. They are also the warm-up; the run starts anew after them."""


def set_up(framework: ModuleType, plan: Plan, data: Dataset) -> Setup:
    """The set-up of a run, in its fused execution."""
    return Setup.on(
        data,
        model=plan.cell.model,
        augmentation=plan.augmentation,
        randomness=plan.randomness,
        ghost_batch=plan.ghost_batch,
        mixed_precision=plan.mixed_precision,
        framework=framework,
        optimizer=plan.optimizer,
        precision=plan.precision,
    )


class WarmedUp(NamedTuple):
    """A trainer that has compiled, taken a few steps and evaluated once; what was measured on the way."""

    trainer: Trainer
    memory: dict[str, float | None]
    start: dict[str, float | None]


def warm_up(setup: Setup, data: Dataset, plan: Plan) -> WarmedUp:
    """Warm up; the seconds of the start are those of a tiny model, of compilation and of the first step.

    The memory of a batch that grows is none of its cell's batch size, and is not measured.
    """
    stream, sizes = setup.stream(seed=plan.seed), plan.phases.batch_sizes
    batches = stream.batches(plan.cell.batch_size, first=0, count=MEASURED_STEPS)
    began = time.perf_counter()
    baseline_mib = peak_memory.baseline_mib(setup)
    tiny_model_s = time.perf_counter() - began
    devices.check(setup.framework, plan.device)  # not before: it starts a GPU, which belongs to the start
    trainer = setup.trainer()
    trainer.reset(setup.parameters(seed=plan.seed))
    compile_s = [trainer.compile(size) for size in sizes]
    began = time.perf_counter()
    trainer.train(batches[:1])
    first_step_s = time.perf_counter() - began
    subject = peak_memory.Subject(setup.framework, trainer, batches, baseline_mib)
    memory = {} if plan.growth else peak_memory.measure(subject)
    for size in sizes[1:]:
        trainer.train(stream.batches(size, first=0, count=1))
    trainer.logits(data.validation_x)
    start = {
        "tiny_model_s": tiny_model_s,
        "compile_s": sum(filter(None, compile_s)),
        "first_step_s": first_step_s,
    }
    return WarmedUp(trainer, memory, start)


class Measured(NamedTuple):
    """A run and what was measured with it; what was not reached because of an error is empty."""

    run: Run
    measurements: dict[str, float | None] = {}
    start: dict[str, float | None] = {}
    step_ms: dict[str, float] = {}


def measure(framework: ModuleType, plan: Plan, data: Dataset, watch: Watch) -> Measured:
    """Warm up and run. An error becomes the run's result."""
    measurements, start = {}, {}
    try:
        setup = set_up(framework, plan, data)
        trainer, measurements, start = warm_up(setup, data, plan)
        parameters, stream = setup.parameters(seed=plan.seed), setup.stream(seed=plan.seed)
        before = pace.step_ms(trainer, stream, plan)
        trainer.reset(parameters)
        run = run_to_target(trainer, stream, data, plan, watch=watch)
        beside = {"before": before, **pace.step_ms_after(trainer, parameters, stream, plan)}
        return Measured(run, measurements, start, beside)
    except Exception as error:
        return Measured(failed_run(framework, error, seed=plan.seed), measurements, start)


def failed_run(framework: ModuleType, error: Exception, *, seed: int) -> Run:
    """The result of a run that raised an error. The traceback is printed, and so goes to the job's log."""
    traceback.print_exc()
    status = Status.OUT_OF_MEMORY if framework.is_out_of_memory(error) else Status.FAILED
    return Run(seed=seed, status=status, message=f"{type(error).__name__}: {error}"[:2000])


def record(
    framework: ModuleType, plan: Plan, data: Dataset, *, threads: int, watching: Callable[[], Watch] = Watch
) -> Record:
    """Configure the framework in this process, measure, and describe where the result comes from.

    The certificate that holds for the run is found by the plan, the data and the threads that were used.
    """
    started, watch, start = provenance.now(), watching(), time.perf_counter()
    framework.configure(threads=threads, device=plan.device, precision=plan.precision)
    measured = measure(framework, plan, data, watch)
    disturbance, gpu_state = watch.disturbance(), machine.gpu_state(plan.device)
    origin = {
        **provenance.of_framework(framework),
        **{"data_sha256": data.sha256, "threads": threads, "gpu_state": gpu_state},
        **{
            "started": started,
            "finished": provenance.now(),
            "others_cpu_share": disturbance.others_cpu_share,
        },
    }
    return Record(
        cell=plan.cell,
        settings=plan.settings,
        **measured._asdict(),
        measuring_s=time.perf_counter() - start,
        certified_conditions=digest(certified_conditions(plan, data=replace(data), threads=threads)),
        disturbance=disturbance,
        provenance=origin,
    )
