"""What is recorded of a subject: its trace, its rehearsal and its timed rounds; and what its runs come to."""

from dataclasses import replace
from types import ModuleType

from benchmarks import frameworks
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.identity import counted, exaggerated, followed, products, rehearsal, studied, timed
from benchmarks.identity.expected_calls import steps_of_a_call
from benchmarks.identity.expected_run import call_ends
from benchmarks.identity.quantity import Trace
from benchmarks.identity.subjects import REFERENCE, STUDIED, Subject, is_reference
from benchmarks.identity.trace import BATCH_SIZE, record_beginning, record_trace, set_up
from benchmarks.recipe.optimizer import Optimizer


def record(subject: Subject, framework: ModuleType, data: Dataset, *, precision: str) -> Trace:
    """Everything but the study's own runs, by the framework once it is configured for a precision."""
    workload, arm, execution, plans = subject
    setup = on_first(subject, framework, data, precision=precision)
    on_all, rehearsed = whole(subject, framework, data, precision=precision)
    trace = in_both_precisions(setup, rehearsed, data, workload.sizes)
    if execution == STUDIED or is_reference(subject, precision):
        ends = {plan.cell.batch_size: call_ends(plan) for plan in plans}
        trace |= counted.over_all_steps(setup, ends) | counted.at_rates(setup)
        if not arm.mixed_precision:
            trace |= counted.with_tiny_gradients(setup)
    largest = max(workload.sizes)
    call_steps = steps_of_a_call(workload.evaluations, largest)
    timing = {"model": workload.model, "execution": execution, "largest": largest}
    if is_reference(subject, precision):
        trace |= timed.by_the_arm(on_all, arm, largest=largest, call_steps=call_steps)
        if arm.mixed_precision:
            trace |= in_mixed_precision(subject, framework, data)
        else:
            trace |= rehearsal.losses_at_rest(rehearsed, data, workload.sizes)
    else:
        of_timing = {**timing, "call_steps": call_steps, "precision": precision}
        trace |= timed.over_many_steps(framework, arm, data, **of_timing)
    if precision == "float32":
        return trace | record_beginning(setup)
    if not is_reference(subject, precision):
        trace |= timed.by_throughput(framework, arm, data, **timing)
    if execution == STUDIED or is_reference(subject, precision):
        trace |= rehearsal.record_rehearsal(rehearsed, data, workload.sizes)
    return {**trace, **record_trace(setup), **exaggerated.with_settings_exaggerated(setup, BATCH_SIZE)}


def in_both_precisions(setup: Setup, rehearsed: Setup, data: Dataset, sizes: list[int]) -> Trace:
    """What is recorded in float64 and in float32 alike; layers alone if their products are in bfloat16."""
    return {
        **(products.alone(setup, sizes) if setup.product_precision == "bfloat16" else {}),
        **exaggerated.with_harsh_settings(setup, BATCH_SIZE),
        **exaggerated.with_extreme_parameters(setup, BATCH_SIZE),
        **rehearsal.held_in_float32(rehearsed, data, sizes),
    }


def in_mixed_precision(subject: Subject, framework: ModuleType, data: Dataset) -> Trace:
    """What others are compared with in float32, where products are rounded: the reference in float32 too."""
    setup = on_first(subject, framework, data, precision="float32")
    _, rehearsed = whole(subject, framework, data, precision="float32")
    trace = {
        **in_both_precisions(setup, rehearsed, data, subject.workload.sizes),
        **record_beginning(setup),
    }
    return {name.in_mixed_precision: value for name, value in trace.items()}


def on_first(subject: Subject, framework: ModuleType, data: Dataset, *, precision: str) -> Setup:
    """The set-up on the first training examples."""
    workload, arm, execution, _ = subject
    return set_up(framework, data, arm, model=workload.model, execution=execution, precision=precision)


def whole(subject: Subject, framework: ModuleType, data: Dataset, *, precision: str) -> tuple[Setup, Setup]:
    """The set-up on all training examples, and the same with the optimizer of the smallest batch size."""
    workload, arm, execution, _ = subject
    common = {"model": workload.model, "execution": execution, "precision": precision, "first": None}
    on_all = set_up(framework, data, arm, **common)
    return on_all, replace(on_all, optimizer=optimizers_of(subject)[min(workload.sizes)])


def optimizers_of(subject: Subject) -> dict[int, Optimizer]:
    """The arm's optimizer at each batch size, over the steps of a rehearsal."""
    steps = rehearsal.STEPS
    return {size: subject.arm.optimizer_at(size, total_steps=steps) for size in subject.workload.sizes}


def whole_runs(subject: Subject, framework: ModuleType, data: Dataset, *, precision: str) -> Trace:
    """How far whole runs are from the reference, which follows them; nothing in mixed precision.

    There float32 is held to single layers and losses alone.
    """
    workload, arm, _, plans = subject
    if is_reference(subject, precision):
        return followed.by_the_reference(plans)
    if arm.mixed_precision and precision == "float32":
        return {}
    reference = set_up(
        frameworks.load(REFERENCE[0]),
        data,
        arm,
        model=workload.model,
        execution=REFERENCE[1],
        precision="float64",
        first=None,
    )
    return followed.follow(framework, plans, data, reference, arm, precision=precision)


def expected_runs(subject: Subject, framework: ModuleType, data: Dataset, *, precision: str) -> Trace:
    """What the study's own runs should come to, by the reference."""
    _, rehearsed = whole(subject, framework, data, precision=precision)
    return studied.by_the_arm(rehearsed, data, subject.plans, optimizers_of(subject))
