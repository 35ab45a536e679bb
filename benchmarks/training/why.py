"""Why a run is trained or taken from the store: what its result depends on, and what has changed."""

from pathlib import Path

from benchmarks import datasets
from benchmarks.common import machine, processor
from benchmarks.common.errors import Problem
from benchmarks.common.store import Conditions, Store, differences, digest
from benchmarks.recipe.plan import Plan
from benchmarks.study import check, rates
from benchmarks.study import study as studies
from benchmarks.study.batch_sizes import limited, read
from benchmarks.training.dependencies import conditions_of

SHOWN = 6
"""Cells of a study that a message names."""


def plan_of(config: Path, cell: str, *, seed: int | None, tuned: Path | None = None) -> tuple[Plan, str]:
    """The plan of a run of a cell, given as DATASET/MODEL/FRAMEWORK/ARM/BATCH_SIZE, and its data set's file.

    No seed is the first one. The file's name is without its folder. `tuned` is the file of the study's
    searches.

    Raises:
        Problem: the study has no such cell or seed, or the learning rate of the cell is not known.
    """
    study = check.read_file(config)
    if study.is_auto:
        name_of_machine = study.machine or machine.slug(study.device)
        study = limited(study, read(Path("results") / study.study / name_of_machine))
    replicates = studies.replicates(study)
    for replicate in replicates:
        for place, plan in enumerate(replicate.plans):
            if name(plan) == cell and seed in (None, plan.seed):
                source = next(w.dataset for w in study.workloads if w.slug == plan.cell.dataset)
                return rates.applied(replicate, tuned).plans[place], f"{datasets.file_name(source)}.npz"
    cells = [*dict.fromkeys(name(plan) for each in replicates for plan in each.plans)]
    shown = ", ".join(cells[:SHOWN]) + (f" and {len(cells) - SHOWN} more" if len(cells) > SHOWN else "")
    raise Problem(
        f"the study {study.study} has no run of {cell}{'' if seed is None else f' with seed {seed}'}",
        fix=f"name one of its cells ({shown}) and one of the seeds {study.seeds}",
    )


def name(plan: Plan) -> str:
    """The cell of a plan, as the command takes it."""
    return "/".join(str(part) for part in plan.cell.model_dump().values())


def explain(plan: Plan, *, data: Path, store: Path, threads: int) -> str:
    """What the result of a run depends on, whether the store has it, and else what differs in the nearest.

    `data` is the file of its data set, which the workflow has obtained; 0 `threads` are one for each core.

    Raises:
        Problem: the data set has not been obtained yet, or is damaged.
    """
    dataset = datasets.read(data)
    conditions = conditions_of(plan, data=dataset, threads=threads or processor.cores())
    kept = Store(store)
    path, there = kept.path(conditions), kept.find(conditions) is not None
    lines = [f"{name(plan)}, seed {plan.seed}", f"digest: {digest(conditions)}", *_parts(conditions)]
    if there:
        return "\n".join([*lines, f"in the store: {path}"])
    return "\n".join([*lines, "not in the store; it will be trained", *_nearest(conditions, kept)])


def _parts(conditions: Conditions) -> list[str]:
    """What the digest is made of, a line for each part."""
    code = conditions["code"]
    return [
        *(f"{part}: {value}" for part, value in conditions.items() if part != "code"),
        f"code: {len(code)} modules, {digest(code)[:16]}",
    ]


def _nearest(conditions: Conditions, store: Store) -> list[str]:
    """The entry of the store that differs least, and every difference."""
    nearest = store.nearest(conditions)
    if nearest is None:
        return ["the store has no run at all"]
    found = differences(conditions, nearest)
    return [
        f"the nearest run in the store, {store.path(nearest)}, differs in",
        *(f"  {place}: {ours} here, {theirs} there" for place, (ours, theirs) in found.items()),
    ]
