"""Runs of the study from their first step to their last, followed by the reference call by call.

Over a whole training rounding grows beyond any bound. So the reference starts each call from where the
framework stood before it, and has to end where the framework stands after it: rounding grows over the steps
of one call alone, while the run goes on for as long, and learns as much, as in the study.
"""

import math
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np
import threadpoolctl

from benchmarks.common.quiet import Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.identity.cost import FRAMEWORK, REFERENCE, Cost
from benchmarks.identity.expected_run import call_ends
from benchmarks.identity.follower import PARTS, Followed
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.identity.repeated import References
from benchmarks.identity.seen import Seen
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.plan import Evaluations, Plan
from benchmarks.training import measure, pace
from benchmarks.training.record import Status
from benchmarks.training.run import run_to_target

SEED = 1
MOST_S, MOST_REPEATED_S = 3.0, 2.0
"""What a run, and what the reference repeats of it, may take by the reckoning of `Cost`."""
EVALUATED = 500
"""Examples of an evaluation, spread over all, of which outputs are compared."""
CALLS = 120
"""Evaluations of the run at the middle batch size at least, or as many as any run of the study has. Those at
the smallest and at the largest are the study's."""
FLOAT32_CALLS = 12
"""Of which something is followed in float32 at least, as a share of them may be further apart."""
FLOAT32_STEPS = 200
"""Of a call in float32 at most, but for the smallest batch size: over more steps, at a high rate, a last
digit leads anywhere."""


@dataclass(frozen=True)
class Repetition:
    """Which calls of a run are followed: all, or the first, the last and evenly spread ones."""

    ends: list[int]
    apart: int
    most_steps: int
    """Of a call; there may be too many for a single one."""

    @classmethod
    def of(cls, plan: Plan, cost: Cost) -> "Repetition":
        """That of a plan, which ends with the call in which its time is over.

        In float32 it takes more calls, and of each fewer steps, where they would be too few to be judged by.
        """
        ends, examples = call_ends(plan), plan.phases.examples
        over = [end for end in ends if cost.seconds(end, examples(end), FRAMEWORK) >= MOST_S]
        last = min([*over, ends[-1]])
        whole_s = cost.seconds(last, examples(last), REFERENCE)
        ends, apart = [end for end in ends if end <= last], -int(-whole_s // MOST_REPEATED_S)
        most_steps = cost.steps_within(MOST_REPEATED_S, plan.phases.batch_sizes[-1], REFERENCE)
        if plan.precision == "float32" and apart > (closer := max(1, len(ends) // FLOAT32_CALLS)):
            apart, most_steps = closer, max(1, most_steps * closer // len(ends))
        return cls(ends, apart, most_steps)

    def __call__(self, number: int, batches: np.ndarray) -> int:
        """How many steps, the last ones, of the call of this number are followed."""
        due = number == 0 or (len(self.ends) - 1 - number) % self.apart == 0
        return min(len(batches), self.most_steps) if due else 0


def plans_followed(plans: list[Plan], precision: str) -> list[Plan]:
    """Those at the smallest, at the middle and at the largest batch size, as they are followed.

    Random numbers are those that all frameworks share. The smallest and the largest batch size have the
    evaluations, and so the calls, of the study; those at a middle one are many.
    """
    ordered = sorted(plans, key=lambda plan: plan.cell.batch_size)
    budget = plans[0].budget.model_copy(update={"seconds": MOST_S})
    common = {"seed": SEED, "precision": precision, "randomness": "shared", "budget": budget}
    found, many = {}, max(CALLS, *(len(call_ends(plan)) for plan in plans))
    for place, fewest in ((0, 0), (len(ordered) // 2, many), (len(ordered) - 1, 0)):
        plan = ordered[place]
        steps, evaluations = plan.optimizer.total_steps, plan.evaluations
        if precision == "float32" and place:
            fewest = max(fewest, math.ceil(steps / FLOAT32_STEPS))
        if len(call_ends(plan)) < fewest:
            evaluations = Evaluations(examples=max(1, math.ceil(plan.phases.examples(steps) / fewest)))
        found.setdefault(plan.cell.batch_size, plan.model_copy(update={**common, "evaluations": evaluations}))
    return list(found.values())


def with_shorter_calls(plan: Plan, cost: Cost) -> Plan:
    """The plan, with no call that alone takes longer than a run may."""
    steps = cost.steps_within(MOST_S, plan.phases.batch_sizes[-1], FRAMEWORK)
    examples = min(plan.evaluations.examples, steps * plan.cell.batch_size)
    return plan.model_copy(update={"evaluations": Evaluations(examples=examples)})


def follow(
    framework: ModuleType, plans: list[Plan], data: Dataset, reference: Setup, arm: Arm, *, precision: str
) -> Trace:
    """How far the calls of an arm's runs are apart from those of the reference, at most.

    `framework` has been configured; `reference` is set up on all examples.

    Raises:
        RuntimeError: a run ends early, or computes when it is asked for results, so that no clock sees it; or
            its record is not what was seen of it.
    """
    trace: Trace = {}
    # Its threads would wait for work on the cores that the framework computes on.
    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        for plan in plans_followed(plans, precision):
            optimizer = arm.optimizer_at(plan.cell.batch_size, total_steps=plan.optimizer.total_steps)
            setup = replace(reference, optimizer=optimizer)
            trace |= named(of_run(framework, plan, data, References.of(setup, precision)), plan)
    return trace


def of_run(framework: ModuleType, plan: Plan, data: Dataset, references: References) -> dict[str, float]:
    """How far a run of the study's driver is apart, after the same warm-up and pace as in the study."""
    setup = measure.set_up(framework, plan, data)
    cost = Cost.of(setup)
    plan = with_shorter_calls(plan, cost)
    repetition, stream = Repetition.of(plan, cost), setup.stream(seed=plan.seed)
    seen, trainer = Seen(data), measure.warm_up(setup, data, plan).trainer
    pace.step_ms(trainer, stream, plan)
    followed = Followed(trainer, references, repetition, EVALUATED, seen)
    followed.reset(setup.parameters(seed=plan.seed))

    def clock() -> float:
        return cost.seconds(followed.steps, followed.examples, FRAMEWORK)

    run = run_to_target(followed, stream, data, plan, watch=Watch(), clock=clock)
    if run.status != Status.DIVERGED and run.steps not in repetition.ends[-2:]:
        raise RuntimeError(f"a run ended after {run.steps} steps, and should after {repetition.ends[-1]}")
    if run.status != Status.TIME_LIMIT and (cause := seen.fault(run, plan)):
        raise RuntimeError(cause)
    if followed.computes_late:
        raise RuntimeError("a call of train returns before its steps are computed")
    return followed.apart


def named(apart: dict[str, float], plan: Plan) -> Trace:
    """These differences as a trace, in which the reference has none."""
    return {
        Quantity(Stage.FOLLOWED, f"{part} at {plan.cell.batch_size}"): np.array(size)
        for part, size in apart.items()
    }


def by_the_reference(plans: list[Plan]) -> Trace:
    """The same of the reference, which is not apart from itself."""
    return {
        name: size
        for plan in plans_followed(plans, "float64")
        for name, size in named(dict.fromkeys(PARTS, 0.0), plan).items()
    }
