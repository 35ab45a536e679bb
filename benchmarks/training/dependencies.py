"""What the result of a run depends on, and what of it a run shares with the certificate of its arm."""

from benchmarks import frameworks
from benchmarks.common.conditions import conditions
from benchmarks.common.store import Conditions
from benchmarks.datasets.dataset import Dataset
from benchmarks.recipe.plan import Plan


def conditions_of(plan: Plan, *, data: Dataset, threads: int) -> Conditions:
    """All that the result of a run depends on."""
    return _conditions(plan, "run", plan.settings, "benchmarks.training.forked", data=data, threads=threads)


def certified_conditions(plan: Plan, *, data: Dataset, threads: int) -> Conditions:
    """What a run shares with the certificate of its arm: all but the seed, the rate, the size and the budget.

    A certificate holds for a run only if the digest of these conditions is the same for both.
    """
    cell = plan.cell
    settings = {
        **{"dataset": cell.dataset, "model": cell.model, "framework": cell.framework},
        "optimizer": plan.optimizer.model_dump(mode="json", exclude={"learning_rate", "total_steps"}),
        **{"augmentation": plan.augmentation, "randomness": plan.randomness},
        **{"ghost_batch": plan.ghost_batch, "mixed_precision": plan.mixed_precision},
        "growth": [phase.batch_size // cell.batch_size for phase in plan.growth],
    }
    return _conditions(
        plan, "certificate", settings, "benchmarks.training.forked", data=data, threads=threads
    )


def _conditions(
    plan: Plan, measurement: str, settings: dict, module: str, *, data: Dataset, threads: int
) -> Conditions:
    """Conditions on the code that begins with a module, the model and the framework of a plan."""
    cell = plan.cell
    return conditions(
        measurement,
        settings,
        modules=(module, f"benchmarks.models.{cell.model}", frameworks.module_name(cell.framework)),
        data={cell.dataset: data.digest},
        threads=threads,
        device=plan.device,
    )
