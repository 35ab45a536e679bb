"""Certificates: the traces of a framework are compared with those of the reference, with a verdict."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import models
from benchmarks.common.files import write_text
from benchmarks.common.value import Value
from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.identity import (
    driver,
    expected_calls,
    expected_draws,
    expected_limits,
    expected_plan,
    expected_timing,
    expected_update,
    freed_memory,
    mixed_precision,
    quantity,
    timed,
)
from benchmarks.identity.difference import (
    BOUND,
    FIRST_FLOAT32_BOUND,
    FLOAT32_BOUND,
    Differences,
    by_stage,
    differences,
    first_step_apart,
    float32_bound,
)
from benchmarks.identity.place import place
from benchmarks.identity.quantity import (
    Quantity,
    Stage,
    Trace,
    with_mixed_precision,
    without_mixed_precision,
)
from benchmarks.identity.subjects import PRECISIONS, REFERENCE, File, traced_as
from benchmarks.identity.trace import BATCH_SIZE, EXAMPLES, STEPS, rates_of
from benchmarks.recipe.arm import Arm
from benchmarks.study.study import Study, Workload, replicates

SURE_STEPS = 3
"""Steps over which no float32 has parted from its reference yet, however deep the model."""
Names = dict[str, str]
"""Data set, model, arm, framework and execution of one trace, by these words."""


class Certificate(Value):
    """The result of comparing one trace with the reference.

    `differences` holds the largest relative difference of each stage, in causal order; null means that
    arrays cannot be compared (one is missing, or the shapes differ, or a number is not finite).
    In float32, `float32_differences` are those of the stages up to the first step that float32 is judged by,
    `float32_parts_at_step` is the first step, counted from 1, at which the loss of the same training differs
    from the reference by more than FLOAT32_BOUND, relative to it, null if it never does, and
    `float32_repeats` says whether the same steps, taken twice, give the same numbers to the bit.
    In mixed precision the two are from the reference in float32, as `identity.mixed_precision` says.
    `conditions` are the digests of what it holds for: a record with another one is not certified.
    """

    dataset: str
    model: str
    arm: str
    framework: str
    execution: str
    reference: str = " ".join(REFERENCE)
    certified: bool
    statistical: bool
    verdict: str
    differs_by: str
    first_difference: str | None
    largest_difference: float | None
    differences: dict[str, float | None]
    float32_parts_at_step: int | None
    float32_differences: dict[str, float | None]
    float32_repeats: bool
    conditions: str


ONLY_OF_RUNS = (
    *(Stage.STUDIED, Stage.STUDIED_SIZES, Stage.COUNTED, Stage.CALLS, Stage.RUN, Stage.RUN_AGAIN),
    Stage.FOLLOWED,
)
"""What is recorded only of the execution that a study trains with, and of the reference."""


def judged(trace: Trace, *, execution: str, precision: str) -> Trace:
    """The part of a trace by which an execution is judged in a precision."""
    left_out = ONLY_OF_RUNS if execution == REFERENCE[1] else ()
    left_out += (Stage.STUDIED_SIZES,) if precision == "float64" else ()
    in_precision = without_mixed_precision if precision == "float64" else with_mixed_precision
    return {
        name: value
        for name, value in in_precision(trace).items()
        if name.stage not in left_out and (name.stage != Stage.TIMED or name.of.endswith(execution))
    }


def certificate(
    names: Names,
    trace: Trace,
    reference: Trace,
    single: Trace,
    *,
    rates: np.ndarray,
    statistical: bool,
    conditions: str,
    failure: str = "",
    plan: str = "",
) -> Certificate:
    """Compare one trace in float64, and its `single` counterpart in float32, with the reference in float64.

    Where that has a part in mixed precision, the counterpart is compared with it instead. `rates` [steps] are
    the learning rates. `statistical` means that the framework draws random numbers from its own generator:
    its traces were recorded with the shared generator instead, so the verdict says only that everything else
    is the same. `failure` is the error of whichever trace could not be recorded, `plan` what is wrong with
    the plans of the arm's runs or with how they are driven.
    """
    execution, mixed = names["execution"], mixed_precision.has(reference)
    of_single = judged(reference, execution=execution, precision="float32")
    trace, reference = (judged(each, execution=execution, precision="float64") for each in (trace, reference))
    sizes = differences(trace, reference)
    in_float32, bounds = (
        mixed_precision.judged(single, of_single, reference) if mixed else of_float32(single, of_single)
    )
    most = mixed_precision.LOSS_BOUND if mixed else FLOAT32_BOUND
    if first := next((name for name, size in sizes.items() if not size <= BOUND), None):
        cause = f"{place(sizes, trace, reference, rates=rates)} [{first} by {sizes[first]:.1e}]"
    else:
        first, cause = fault_of_float32(in_float32, bounds, parting_step(single, of_single, by=most), most)
    if failure:
        cause = f"trace: it could not be recorded [{failure}]"
    if plan:
        cause = f"plan: {plan}"
    agrees = "statistical" if statistical else "certified"
    return Certificate(
        **names,
        certified=not cause,
        statistical=statistical,
        verdict=f"not certified: {cause}" if cause else agrees,
        differs_by=cause,
        first_difference=None if first is None else str(first),
        largest_difference=_number(max(sizes.values(), default=math.inf)),
        differences={str(stage): _number(size) for stage, size in by_stage(sizes).items()},
        float32_differences={str(stage): _number(size) for stage, size in by_stage(in_float32).items()},
        float32_parts_at_step=parting_step(single, of_single, by=FLOAT32_BOUND),
        float32_repeats=repeats(single),
        conditions=conditions,
    )


def of_float32(single: Trace, reference: Trace) -> tuple[Differences, Differences]:
    """How far each quantity in float32 is from the reference in float64, and how far it may be."""
    sizes = differences(single, reference, of_float32=True)
    bounds = {name: bound for name in sizes if (bound := float32_bound(name))}
    return {name: sizes[name] for name in bounds}, bounds


def parting_step(single: Trace, reference: Trace, *, by: float) -> int | None:
    """The first step, from 1, whose loss in float32 is too far from the reference; 1 where one has none."""
    curve = Quantity(Stage.LOSS)
    if curve not in single or curve not in reference:
        return 1
    exact = reference[curve]
    return first_step_apart(single[curve], exact, by=by * np.abs(exact))


def fault_of_float32(
    sizes: Differences, bounds: Differences, parts: int | None, most: float
) -> tuple[Quantity | None, str]:
    """The first quantity in which float32 is too far from the reference, and the same in words, if any is."""
    for name, size in sizes.items():
        if not size <= bounds[name]:
            return name, f"float32 [{name} by {size:.1e}]"
    if parts is not None and parts <= SURE_STEPS:
        return Quantity(Stage.LOSS), f"float32 [loss of step {parts} by more than {most:.0e}]"
    return None, ""


def repeats(single: Trace) -> bool:
    """Whether both of two runs with one trainer ended with the same parameters, to the bit."""
    of_run = {name.of: value for name, value in single.items() if name.stage == Stage.SLOW}
    second = {name.of: value for name, value in single.items() if name.stage == Stage.SLOW_AGAIN}
    return bool(of_run) and all(np.array_equal(value, second[name]) for name, value in of_run.items())


def _number(size: float) -> float | None:
    """The number, or None if JSON cannot represent it."""
    return size if math.isfinite(size) else None


def certificates(study: Study, names: list[str], folder: Path) -> list[Certificate]:
    """A certificate for each (workload, arm, framework, execution), from PRECISION/FRAMEWORK.safetensors."""
    examples = {(each.slug, each.model): each.n_training for each in study.workloads}
    plans = {
        (plan.cell.dataset, plan.cell.model, plan.cell.arm, plan.cell.batch_size): plan
        for replicate in replicates(study)
        for plan in replicate.plans
    }
    of_plans = [(plan, examples[names[:2]]) for names, plan in plans.items()]
    of_driver = driver.fault(of_plans) or expected_draws.fault() or timed.fault_of_step_kinds(study.arms)
    return [
        result
        for workload in study.workloads
        for arm in study.arms
        for result in _of_arm(study, workload, arm, names, folder, of_driver=of_driver)
    ]


def _of_arm(
    study: Study, workload: Workload, arm: Arm, names: list[str], folder: Path, *, of_driver: str
) -> Iterator[Certificate]:
    """The certificates of one workload and one arm; `of_driver` is what is wrong with the study's driver."""
    case = {"dataset": workload.slug, "model": workload.model, "arm": arm.name}
    layers = models.spec(
        workload.model, n_classes=2, augmentation=arm.augmentation, randomness=arm.randomness
    )
    of_reference = {**case, "execution": REFERENCE[1]}
    reference = _trace(folder, "float64", REFERENCE[0], of_reference)
    for framework in names:
        for execution in EXECUTIONS:
            where = {**case, "execution": execution}
            yield certificate(
                {**where, "framework": framework},
                _trace(folder, "float64", framework, where),
                reference,
                _trace(folder, "float32", framework, where),
                rates=rates_of(traced_as(arm, study.arms)),
                statistical=models.is_statistical(layers),
                conditions=_conditions(folder, framework, where),
                failure=_failure(folder, framework, where)
                or _failure(folder, REFERENCE[0], of_reference, precisions=("float64",)),
                plan=of_driver
                or expected_update.fault(arm, expected_plan.budgets(workload, arm))
                or expected_calls.fault(framework)
                or expected_calls.fault_of_timings(study)
                or expected_timing.fault(framework)
                or expected_limits.fault()
                or freed_memory.fault()
                or expected_plan.fault(study, workload, arm, framework),
            )


def _failure(
    folder: Path, framework: str, where: dict[str, str], *, precisions: tuple[str, ...] = PRECISIONS
) -> str:
    """The error of the first of these traces that could not be recorded; empty if all were."""
    name = quantity.trace_name(**where)
    errors = [quantity.read_failure(folder / File(framework, each).path, name) for each in precisions]
    return next(filter(None, errors), "")


def _conditions(folder: Path, framework: str, where: dict[str, str]) -> str:
    """The digest of what both traces hold for; empty, so that no run has it, where they were of two kinds."""
    name = quantity.trace_name(**where)
    found = {
        quantity.read_conditions(folder / File(framework, precision).path, name) for precision in PRECISIONS
    }
    return found.pop() if len(found) == 1 else ""


def _trace(folder: Path, precision: str, framework: str, where: dict[str, str]) -> Trace:
    """One trace, from the file of its framework and precision."""
    return quantity.read_trace(folder / File(framework, precision).path, quantity.trace_name(**where))


def content(results: list[Certificate]) -> dict:
    """The certificates as they are written to a file, with the settings of the comparison."""
    return {
        **{"bound": BOUND, "steps": STEPS, "batch_size": BATCH_SIZE, "examples": EXAMPLES},
        **{"float32_bound": FLOAT32_BOUND, "first_float32_bound": FIRST_FLOAT32_BOUND},
        "certificates": [certificate.model_dump() for certificate in results],
    }


def write(study: Study, names: list[str], traces: Path, output: Path) -> None:
    """Certify, write the certificates as JSON and print which frameworks are not certified."""
    results = certificates(study, names, traces)
    write_text(json.dumps(content(results), indent=1) + "\n", output)
    print(f"{sum(c.certified for c in results)} of {len(results)} certified")
    for c in results:
        if not c.certified:
            print(f"{c.dataset} {c.model} {c.arm} {c.framework} {c.execution}: {c.verdict}")
