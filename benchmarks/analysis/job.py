"""Measures a replicate from the inside: what the store has is taken from there, the rest is made now."""

import signal
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, get_args

from benchmarks import analysis, datasets, frameworks
from benchmarks.analysis import branching, checkpoints, interpolation, landscape, points
from benchmarks.analysis.checkpoints import Role
from benchmarks.analysis.record import FAILED, OUT_OF_MEMORY, Analysed, Failure, Run
from benchmarks.common import machine, process, processor, provenance, stored_arrays
from benchmarks.common.conditions import conditions
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_sealed
from benchmarks.common.progress import Progress
from benchmarks.common.store import Conditions, Store, digest
from benchmarks.common.value import Value
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks import ANALYSED_WITH, devices
from benchmarks.recipe.plan import Plan, Replicate
from benchmarks.study import rates
from benchmarks.study.study import Analysis

NAMES = get_args(Analysis)
PLACES = (interpolation.NAME, landscape.NAME)
"""The analyses that are no numbers at checkpoints, but places of their own."""
OWN = (*PLACES, branching.NAME)
"""Those that do not differentiate a loss at checkpoints."""


class Job(NamedTuple):
    """What all runs of a replicate have in common."""

    data: Dataset
    store: Store
    threads: int
    plans: list[Plan]
    matched_loss: float | None = None

    def origin(self, plan: Plan) -> Plan:
        """The plan of the smallest batch size of its arm, from whose solution lines go to the others."""
        of_arm = [each for each in self.plans if each.cell.arm == plan.cell.arm]
        return min(of_arm, key=lambda each: each.cell.batch_size)

    def of_plan(self, names: list[str], plan: Plan) -> list[str]:
        """Those of these analyses that a plan has.

        There is no line from a solution to itself, and it is the smallest batch size that larger ones branch
        off.
        """
        first = plan == self.origin(plan)
        branches = first and not plan.growth and plan.optimizer.name in branching.OPTIMIZERS
        has = {interpolation.NAME: not first, branching.NAME: branches}
        return [name for name in names if has.get(name, True)]

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
        settings = checkpoints.without_clock(plan).settings | {"matched_loss": self.matched_loss}
        return self.conditions("checkpoints", plan, settings, "benchmarks.analysis.checkpoints")

    def of_analysis(self, name: str, plan: Plan) -> Conditions | None:
        """All that the numbers of an analysis depend on; None where the store lacks checkpoints.

        These count by their content: a GPU, or several threads, may train others when it trains again.
        """
        settings = {}
        for each in [plan, self.origin(plan)] if name == interpolation.NAME else [plan]:
            if (kept := self.store.find(self.of_checkpoints(each))) is None:
                return None
            settings[str(each.cell.batch_size)] = {"checkpoints": digest(self.of_checkpoints(each)), **kept}
        modules = "benchmarks.analysis.points", points.MEAN_LOSS, analysis.module_name(name)
        return self.conditions(name, plan, settings, *modules)

    def stored(self, name: str, plan: Plan) -> list[dict] | None:
        """The points of an analysis that the store has."""
        conditions = self.of_analysis(name, plan)
        found = conditions and self.store.find(conditions)
        return found and found["points"]

    def keep(self, name: str, plan: Plan, points: Sequence[Value]) -> None:
        """Keep the points of an analysis in the store."""
        content = {"points": [point.model_dump(mode="json") for point in points]}
        self.store.keep(self.of_analysis(name, plan), content)


def analysed(job: Job, plan: Plan, names: list[str]) -> Run:
    """What was measured of a plan: from the store, or now, in a process of its own.

    What its process died of, or the error, is the result of the run; it is kept nowhere.
    """
    failure, names = Failure(), job.of_plan(names, plan)
    if any(job.stored(name, plan) is None for name in names):
        kills = process.oom_kills()
        failure, exit_code = process.forked(measured, job, plan, names)
        if failure is None:
            ran_out = exit_code == -signal.SIGKILL and process.oom_kills() > kills
            failure = Failure(OUT_OF_MEMORY if ran_out else FAILED, f"the process {process.ended(exit_code)}")
    found = {name: job.stored(name, plan) or [] for name in names}
    places = {name: found.pop(name, []) for name in PLACES}
    return Run(cell=plan.cell, seed=plan.seed, analyses=found, **places, **failure._asdict())


def measured(job: Job, plan: Plan, names: list[str]) -> Failure:
    """Measure what the store lacks of a plan, and keep each analysis there as soon as it is made."""
    framework = frameworks.load(ANALYSED_WITH)
    try:
        devices.configure(framework, threads=job.threads, device=plan.device, precision=plan.precision)
        kept = kept_of(job, framework, plan)
        missing = [name for name in names if job.stored(name, plan) is None]
        if at_points := [name for name in missing if name not in OWN]:
            for name, found in points.of(framework, plan, job.data, kept, at_points).items():
                job.keep(name, plan, found)
        for name in (each for each in OWN if each in missing):
            job.keep(name, plan, _own(name, job, framework, plan, kept))
    except Exception as error:
        traceback.print_exc()
        status = OUT_OF_MEMORY if framework.is_out_of_memory(error) else FAILED
        return Failure(status, f"{type(error).__name__}: {error}"[:2000])
    return Failure()


def _own(name: str, job: Job, framework: ModuleType, plan: Plan, kept: Path) -> Sequence[Value]:
    """What one of OWN finds."""
    match name:
        case interpolation.NAME:
            origin = kept_of(job, framework, job.origin(plan))
            return interpolation.along(framework, plan, job.data, origin, kept)
        case landscape.NAME:
            role = Role.END if job.matched_loss is None else Role.MATCHED
            return landscape.of(framework, plan, job.data, kept, role)
    return branching.of(framework, plan, job.data, kept)


def kept_of(job: Job, framework: ModuleType, plan: Plan) -> Path:
    """The checkpoints of a plan: those of the store, or else trained now and kept there."""
    kept = stored_arrays.find(job.store, job.of_checkpoints(plan))
    if kept is None:
        made = checkpoints.trained(framework, plan, job.data, matched_loss=job.matched_loss)
        kept = stored_arrays.keep(job.store, job.of_checkpoints(plan), checkpoints.serialised(made))
    return kept


def run(
    replicate: Replicate,
    names: list[str],
    data_file: Path,
    *,
    tuned: Path | None,
    threads: int,
    store: Path,
    path: Path,
    matched_loss: float | None = None,
) -> None:
    """Measure what the store lacks of a replicate, with a GPU to itself where there is one, and write it all.

    Raises:
        Problem: as for `training.job.run`; an analysis is unknown, or the replicate is of another framework
            than ANALYSED_WITH.
    """
    for name in names:
        if name not in NAMES:
            raise Problem(f"there is no analysis '{name}'", fix=f"known analyses: {', '.join(NAMES)}")
    plans = rates.applied(replicate, tuned).plans
    if plans[0].cell.framework != ANALYSED_WITH:
        raise Problem(
            f"{replicate.name} is of another framework than {ANALYSED_WITH}, which trains and measures here",
            fix=f"give the replicate of {ANALYSED_WITH}",
        )
    if any(plan.mixed_precision for plan in plans):
        devices.check_bfloat16(plans[0].device)
    job = Job(datasets.read(data_file), Store(store), threads or processor.cores(), plans, matched_loss)
    progress, runs = Progress("analyses", len(plans)), []
    provenance.import_graph()  # forked processes work out digests too, and cannot read this themselves
    with machine.leased_gpu(plans[0].device):
        for plan in plans:
            runs.append(analysed(job, plan, names))
            progress.advance()
    write_sealed(Analysed(runs=runs).model_dump(mode="json"), path)
