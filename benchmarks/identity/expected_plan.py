"""What the settings of a study say of each of its runs, worked out apart from the code that plans them.

A certificate holds a training to its plan. Were the plan itself wrong, every framework would follow it alike;
so each plan is compared, field by field, with the numbers that the arm and the workload give by hand.
"""

import math
from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np

from benchmarks.recipe.arm import Arm
from benchmarks.recipe.plan import Plan
from benchmarks.study.study import Study, Workload, replicates

DEFAULTS = {
    **{"momentum": 0.0, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    **{"decay": "coupled", "clip_norm": None, "weight_decay": 0.0},
}
"""What an arm that leaves a setting out is trained with, as config/README.md says."""
TOLERANCE = 1e-6
"""Relative difference that rounding to float32 may make."""
DRAWN = 100
"""Steps at which the learning rate is compared, besides those beside a change of it."""


def ceiling(part: float, total: int, *, per: int = 1) -> int:
    """⌈part · total / per⌉ in decimal arithmetic."""
    return int((Decimal(str(part)) * total / per).to_integral_value(ROUND_CEILING))


def peak_rate(arm: Arm, batch_size: int) -> float:
    """The learning rate of an arm at a batch size, before its schedule."""
    power = {"none": 0.0, "sqrt": 0.5, "linear": 1.0}[arm.scaling]
    return arm.learning_rate * (batch_size / (arm.reference_batch_size or 64)) ** power


def steps_of(workload: Workload, batch_size: int) -> int:
    """Steps within the budget of epochs; the last may complete it with examples of the next epoch."""
    return ceiling(workload.budget.epochs, workload.n_training, per=batch_size)


def expected(study: Study, workload: Workload, arm: Arm, *, batch_size: int) -> dict[str, Any]:
    """Every field of the plan of a run, by its name with dots, without framework and seed."""
    given = {name: getattr(arm, name) for name in DEFAULTS}
    settings = {name: DEFAULTS[name] if value is None else value for name, value in given.items()}
    return {
        **{"cell.dataset": workload.slug, "cell.model": workload.model, "cell.arm": arm.name},
        **{"cell.batch_size": batch_size, "device": study.device, "precision": study.precision},
        **{f"optimizer.{name}": value for name, value in settings.items()},
        **{f"optimizer.schedule.{name}": value for name, value in arm.schedule.model_dump().items()},
        "optimizer.name": arm.optimizer,
        "optimizer.learning_rate": peak_rate(arm, batch_size),
        "optimizer.total_steps": steps_of(workload, batch_size),
        **{"augmentation": list(arm.augmentation), "randomness": arm.randomness},
        "target": workload.target.validation_accuracy,
        **{"budget.epochs": workload.budget.epochs, "budget.seconds": workload.budget.seconds},
        "evaluate_every": max(1, workload.n_training // workload.evaluations_per_epoch),
    }


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, whose keys are the names with dots between them."""
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: each for part in value for key, each in flat(value[part], f"{name}.{part}".strip(".")).items()
    }


def same(planned: Any, stated: Any) -> bool:
    """Whether two values are equal, numbers but for rounding."""
    if isinstance(planned, float) and isinstance(stated, int | float):
        return math.isclose(planned, stated, rel_tol=TOLERANCE)
    return planned == stated


def rate_at(arm: Arm, step: int, *, peak: float, steps: int) -> float:
    """The learning rate of one step, counted from 0, by the equations of `recipe.optimizer.Schedule`."""
    schedule, warm = arm.schedule, ceiling(arm.schedule.warm_up, steps)
    if step < warm:
        return peak * (step + 1) / warm
    if schedule.shape == "cosine":
        return peak * math.cos(math.pi / 2 * (step - warm) / (steps - warm)) ** 2
    passed = [part for part in schedule.milestones if step >= ceiling(part, steps)]
    return peak * (0.1 if schedule.factor is None else schedule.factor) ** len(passed)


def looked_at(arm: Arm, steps: int) -> list[int]:
    """Steps from the first to the last, and those on both sides of each change of the schedule."""
    changes = [ceiling(part, steps) for part in (arm.schedule.warm_up, *arm.schedule.milestones)]
    drawn = np.linspace(0, steps - 1, DRAWN).astype(int).tolist()
    return sorted({step for step in (*drawn, *changes, *(at - 1 for at in changes)) if 0 <= step < steps})


def wrong_rates(plan: Plan, arm: Arm, stated: dict[str, Any]) -> Iterator[str]:
    """The steps whose rate is not the one that the arm's schedule gives, in words.

    In one call from the first step on, and in a call of its own. So are Adam's corrections, m̂ = m / (1 − β₁ᵗ)
    and ŝ = s / (1 − β₂ᵗ).
    """
    peak, steps = stated["optimizer.learning_rate"], stated["optimizer.total_steps"]
    in_one_call = plan.optimizer.coefficients(0, steps)
    betas = [float(np.float32(stated[f"optimizer.{name}"])) for name in ("beta_1", "beta_2")]
    for step in looked_at(arm, steps):
        due, (first, second) = (
            rate_at(arm, step, peak=peak, steps=steps),
            (1 - b ** (step + 1) for b in betas),
        )
        for found in (in_one_call[step], plan.optimizer.coefficients(step, 1)[0]):
            rate, mean_rate, root = found
            if not math.isclose(rate, due, rel_tol=TOLERANCE, abs_tol=TOLERANCE * peak):
                yield f"the learning rate of step {step + 1} is {rate:.6g}, and the arm says {due:.6g}"
            if not np.allclose([mean_rate * first, root**2 * second], [rate, 1.0], rtol=TOLERANCE, atol=0):
                yield f"the corrections of step {step + 1} are not those of Adam"


def faults_of(plan: Plan, study: Study, workload: Workload, arm: Arm, *, batch_size: int) -> Iterator[str]:
    """Every field of a plan that is not what the study says, in words."""
    stated = expected(study, workload, arm, batch_size=batch_size)
    planned = flat(plan.model_dump(mode="json", exclude={"seed": True, "cell": {"framework"}}))
    for name in dict.fromkeys([*stated, *planned]):
        if not same(planned.get(name), stated.get(name)):
            yield f"{name} is {planned.get(name)}, and the study says {stated.get(name)}"
    yield from wrong_rates(plan, arm, stated)


def fault(study: Study, workload: Workload, arm: Arm, framework: str) -> str:
    """The first thing in which the plans of an arm and framework differ from the study, or an empty text."""
    case = (workload.slug, workload.model, framework, arm.name)
    found = {}
    for replicate in replicates(study):
        of_case = [plan for plan in replicate.plans if tuple(plan.cell.model_dump().values())[:4] == case]
        found |= {(plan.seed, place): plan for place, plan in enumerate(of_case)}
    due = {(seed, place): size for seed in study.seeds for place, size in enumerate(workload.sizes)}
    if set(found) != set(due):
        return f"there are {len(found)} runs, and the study says {len(due)}: seeds {study.seeds} at each size"
    for place, size in due.items():
        for cause in faults_of(found[place], study, workload, arm, batch_size=size):
            return f"seed {place[0]}, B={size}: {cause}"
    return ""
