"""Measures a replicate from the inside: what the store has is taken from there, the rest is made now."""

import functools
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from benchmarks import analysis, datasets, frameworks
from benchmarks.analysis import checkpoints, points
from benchmarks.analysis.record import Analysed, Run
from benchmarks.common import machine, processor, stored_arrays
from benchmarks.common.conditions import conditions
from benchmarks.common.files import write_sealed
from benchmarks.common.progress import Progress
from benchmarks.common.store import Conditions, Store, digest
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks import devices
from benchmarks.recipe.plan import Plan, Replicate
from benchmarks.study import rates
from benchmarks.study.study import ANALYSED_WITH


class Job(NamedTuple):
    """What all runs of a replicate have in common."""

    data: Dataset
    store: Store
    threads: int

    def conditions(self, measurement: str, plan: Plan, settings: dict, *modules: str) -> Conditions:
        """All that a measurement on the training of a plan depends on."""
        return conditions(
            measurement,
            settings,
            modules=(
                *modules,
                f"benchmarks.models.{plan.cell.model}",
                frameworks.module_name(plan.cell.framework),
            ),
            data={plan.cell.dataset: self.data.digest},
            threads=self.threads,
            device=plan.device,
        )

    def of_checkpoints(self, plan: Plan) -> Conditions:
        """All that the checkpoints of a plan depend on."""
        settings = checkpoints.without_clock(plan).settings
        return self.conditions("checkpoints", plan, settings, "benchmarks.analysis.checkpoints")

    def of_analysis(self, name: str, plan: Plan) -> Conditions:
        """All that the numbers of an analysis depend on."""
        settings = {"checkpoints": digest(self.of_checkpoints(plan))}
        modules = "benchmarks.analysis.points", analysis.module_name(name)
        return self.conditions(name, plan, settings, *modules)


def analysed(job: Job, plan: Plan, names: list[str]) -> Run:
    """What was measured of a plan: from the store, or now, in a process that has imported PyTorch by then."""
    found = {name: job.store.find(job.of_analysis(name, plan)) for name in names}
    if missing := [name for name, result in found.items() if result is None]:
        for name, made in measured(job, plan, missing).items():
            found[name] = job.store.keep(job.of_analysis(name, plan), {"points": made})
    made = {name: result["points"] for name, result in found.items()}
    return Run(cell=plan.cell, seed=plan.seed, analyses=made)


def measured(job: Job, plan: Plan, names: list[str]) -> dict[str, list[dict]]:
    """The points of these analyses, as JSON, at the checkpoints that the store has or that are made now."""
    framework = configured(job.threads, plan.device, plan.precision)
    kept = stored_arrays.find(job.store, job.of_checkpoints(plan))
    if kept is None:
        made = checkpoints.trained(framework, plan, job.data)
        kept = stored_arrays.keep(job.store, job.of_checkpoints(plan), checkpoints.serialised(made))
    found = points.of(framework, plan, job.data, kept, names)
    return {name: [each.model_dump(mode="json") for each in of_name] for name, of_name in found.items()}


@functools.cache
def configured(threads: int, device: str, precision: str) -> ModuleType:
    """PyTorch, imported and configured once; its settings are those of all plans of a job."""
    framework = frameworks.load(ANALYSED_WITH)
    devices.configure(framework, threads=threads, device=device, precision=precision)
    return framework


def run(
    replicate: Replicate,
    names: list[str],
    data_file: Path,
    *,
    tuned: Path | None,
    threads: int,
    store: Path,
    path: Path,
) -> None:
    """Measure what the store lacks of a replicate, with a GPU to itself where there is one, and write it all.

    Raises:
        Problem: as for `training.job.run`.
    """
    plans = rates.applied(replicate, tuned).plans
    job = Job(datasets.read(data_file), Store(store), threads or processor.cores())
    progress, runs = Progress("analyses", len(plans)), []
    with machine.leased_gpu(plans[0].device):
        for plan in plans:
            runs.append(analysed(job, plan, names))
            progress.advance()
    write_sealed(Analysed(runs=runs).model_dump(mode="json"), path)
