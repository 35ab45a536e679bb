"""What the settings of a study say of each of its runs, worked out apart from the code that plans them.

A certificate holds a training to its plan. Were the plan itself wrong, every framework would follow it alike;
so each plan is compared, field by field, with the numbers that the arm and the workload give by hand.
"""

import itertools
import math
from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal
from typing import Any

import numpy as np

from benchmarks.identity.expected_run import call_ends
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.recipe.plan import Plan
from benchmarks.study.study import Study, Workload, replicates

DEFAULTS = {
    **{"momentum": 0.0, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    **{"decay": "coupled", "clip_norm": None, "weight_decay": 0.0, "accumulation": 1},
}
"""What an arm that leaves a setting out is trained with, as config/README.md says."""
TOLERANCE = 1e-6
"""Relative difference that rounding to float32 may make."""
DRAWN = 100
"""Steps whose rate is asked for alone, besides those beside a change of it."""


def ceiling(part: float, total: int, *, per: int = 1) -> int:
    """⌈part · total / per⌉ in decimal arithmetic."""
    return int((Decimal(str(part)) * total / per).to_integral_value(ROUND_CEILING))


def peak_rate(arm: Arm, batch_size: int) -> float:
    """The learning rate of an arm at a batch size, before its schedule."""
    power = {"none": 0.0, "sqrt": 0.5, "linear": 1.0}[arm.scaling]
    return arm.learning_rate * (batch_size / (arm.reference_batch_size or 64)) ** power


def steps_of(workload: Workload, batch_size: int) -> int:
    """Steps until the budgets of epochs and of steps are used up; the last may go on into the next epoch."""
    of_epochs = ceiling(workload.budget.epochs, workload.n_training, per=batch_size)
    return max(of_epochs, workload.budget.steps)


def budgets(workload: Workload, arm: Arm) -> set[int]:
    """The steps of the arm's trainings, at every batch size."""
    steps = {size: steps_of(workload, size) for size in workload.sizes}
    if arm.growth:
        return {grown(arm, size, count * size)[1] for size, count in steps.items()}
    return {*steps.values()}


def grown(arm: Arm, batch_size: int, examples: int) -> tuple[list[dict[str, int]], int]:
    """The phases in which the batch of an arm is larger, and the steps of all, counted one by one."""
    seen = step = 0
    size, phases, due = batch_size, [], [ceiling(part, examples) for part in arm.growth.milestones]
    while seen < examples:
        while due and seen >= due[0]:
            size, due = size * arm.growth.factor, due[1:]
            phases.append({"first_step": step, "examples": seen, "batch_size": size})
        seen, step = seen + size, step + 1
    return phases, step


def expected(study: Study, workload: Workload, arm: Arm, *, batch_size: int) -> dict[str, Any]:
    """Every field of the plan of a run, by its name with dots, without framework and seed."""
    given = {name: getattr(arm, name) for name in DEFAULTS}
    settings = {name: DEFAULTS[name] if value is None else value for name, value in given.items()}
    if arm.beta_2_reference:
        settings["beta_2"] = math.exp(
            math.log(np.float32(settings["beta_2"])) * batch_size / arm.beta_2_reference
        )
    steps, phases = steps_of(workload, batch_size), []
    if arm.growth:
        phases, steps = grown(arm, batch_size, steps * batch_size)
    return {
        **{"cell.dataset": workload.slug, "cell.model": workload.model, "cell.arm": arm.name},
        **{"cell.batch_size": batch_size, "device": study.device, "precision": study.precision},
        **{f"optimizer.{name}": value for name, value in settings.items()},
        **{f"optimizer.schedule.{name}": value for name, value in arm.schedule.model_dump().items()},
        "optimizer.name": arm.optimizer,
        "optimizer.learning_rate": peak_rate(arm, batch_size),
        "optimizer.total_steps": steps,
        **{"augmentation": list(arm.augmentation), "randomness": arm.randomness},
        **{"ghost_batch": arm.ghost_batch, "mixed_precision": arm.mixed_precision, "growth": phases},
        "target": workload.target.validation_accuracy,
        **{f"budget.{name}": getattr(workload.budget, name) for name in ("epochs", "steps", "seconds")},
        "evaluations.examples": max(1, workload.n_training // workload.evaluations_per_epoch),
        "evaluations.steps": workload.steps_per_evaluation,
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


def rates_at(arm: Arm, at: np.ndarray, *, peak: float, steps: int) -> np.ndarray:
    """The learning rates of steps, counted from 0, by the equations of `recipe.optimizer.Schedule`."""
    schedule, warm = arm.schedule, ceiling(arm.schedule.warm_up, steps)
    if schedule.shape == "cosine":
        after = np.cos(np.pi / 2 * (at - warm) / (steps - warm)) ** 2
    else:
        passed = sum(np.where(at >= ceiling(part, steps), 1, 0) for part in schedule.milestones)
        after = (0.1 if schedule.factor is None else schedule.factor) ** (passed + np.zeros(len(at)))
    return peak * np.where(at < warm, (at + 1) / max(warm, 1), after)


def looked_at(arm: Arm, steps: int) -> list[int]:
    """Steps from the first to the last, and those on both sides of each change of the schedule."""
    changes = [ceiling(part, steps) for part in (arm.schedule.warm_up, *arm.schedule.milestones)]
    drawn = np.linspace(0, steps - 1, DRAWN).astype(int).tolist()
    return sorted({step for step in (*drawn, *changes, *(at - 1 for at in changes)) if 0 <= step < steps})


def wrong_rates(plan: Plan, arm: Arm, stated: dict[str, Any]) -> Iterator[str]:
    """The steps whose rate is not the one that the arm's schedule gives, in words.

    Of all steps as they are asked for at once and call by call, and of some one by one. So of Adam's
    corrections, m̂ = m / (1 − β₁ᵗ) and ŝ = s / (1 − β₂ᵗ).
    """
    peak, steps = stated["optimizer.learning_rate"], stated["optimizer.total_steps"]
    betas = [float(np.float32(stated[f"optimizer.{name}"])) for name in ("beta_1", "beta_2")]
    single = np.array(looked_at(arm, steps))
    of_single = np.concatenate([plan.optimizer.coefficients(step, 1) for step in single.tolist()])
    ends = call_ends(plan) if plan.optimizer.total_steps == steps else [steps]
    in_calls = [plan.optimizer.coefficients(a, b - a) for a, b in itertools.pairwise([0, *ends])]
    every = np.arange(steps)
    for at, found in (
        (every, plan.optimizer.coefficients(0, steps)),
        (every, np.concatenate(in_calls)),
        (single, of_single),
    ):
        due = rates_at(arm, at, peak=peak, steps=steps)
        if (wrong := ~np.isclose(found[:, 0], due, rtol=TOLERANCE, atol=TOLERANCE * peak)).any():
            step = int(np.argmax(wrong))
            told = f"the learning rate of step {at[step] + 1} is {found[step, 0]:.6g}"
            yield f"{told}, and the arm says {due[step]:.6g}"
        first, second = (1.0 - beta ** (at + 1.0) for beta in betas)
        made = np.stack([found[:, 1] * first, found[:, 2] ** 2 * second])
        if not np.allclose(made, [found[:, 0], np.ones(len(at))], rtol=TOLERANCE, atol=0):
            yield "the corrections of its steps are not those of Adam"


def wrong_fields(plan: Plan, stated: dict[str, Any]) -> Iterator[str]:
    """Every field of a plan that is not what the study says, in words."""
    planned = flat(plan.model_dump(mode="json", exclude={"seed": True, "cell": {"framework"}}))
    for name in dict.fromkeys([*stated, *planned]):
        if not same(planned.get(name), stated.get(name)):
            yield f"{name} is {planned.get(name)}, and the study says {stated.get(name)}"
    missing = set(planned) - set(flat(plan.settings)) - {"cell.arm", "device"}
    if missing:
        yield f"what its result is kept under leaves out {', '.join(sorted(missing))}"


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
    rated: list[Optimizer] = []
    for place, size in due.items():
        plan, stated = found[place], expected(study, workload, arm, batch_size=size)
        causes = list(wrong_fields(plan, stated))
        if plan.optimizer not in rated:  # which is the same for all seeds
            rated.append(plan.optimizer)
            causes += wrong_rates(plan, arm, stated)
        if causes:
            return f"seed {place[0]}, B={size}: {causes[0]}"
    return ""
