"""Everything that a measured run asks of its trainer, held to what it has to ask.

With which batches memory is measured, and in calls of how many steps a pace or a throughput is timed, leaves
no trace in what a training computes, and neither do the seconds that a record tells. So a trainer takes down
here what the study's own code asks of it, and when.
"""

import functools
import itertools
from typing import NamedTuple

import numpy as np

from benchmarks import models
from benchmarks.common.quiet import Disturbance, Repetition, Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.identity.expected_run import (
    MOST_STEPS,
    batches,
    call_ends,
    evaluated_steps,
    examples_after,
)
from benchmarks.identity.recorded import (
    COMPILE_S,
    FIRST_S,
    HELD_MIB,
    OWN_MIB,
    Call,
    Recorded,
    framework,
)
from benchmarks.identity.scripted import EXAMPLES, MANY, data
from benchmarks.models.parameters import initial_parameters
from benchmarks.recipe.growth import Phase
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.recipe.plan import Budget, Evaluations, Plan
from benchmarks.study.study import Study, for_timing
from benchmarks.throughput.rows import cases_of
from benchmarks.training import measure
from benchmarks.training.record import Run

MODEL = "logistic"
WARM_UP_STEPS = 3
MOST, PAUSE_S = 1.1, 0.002
"""How many times its own time a trainer may be said to take, and how much longer the machine may take beside.
"""
THREADS = 5
"""That a run is asked to take: a number that nothing else has."""
TRIES = 3
"""Runs, of which one must be right: a machine pauses now and then."""
PACE_WARM_UP = 100
"""The most steps of the first call of a pace."""
FEWEST_CALLS = 2
"""Calls of a pace: the first is not counted."""
ROUNDED_MIB = 2
"""By how much less or more memory may be measured than a trainer holds."""
PARTS = 4
"""Of the calls, from one reset to the next: the start, the run, the scores, and the pace after it."""


class Shared(Watch):
    """A watch by which others have taken half of the processor."""

    def disturbance(self) -> Disturbance:
        """What has been seen, and that."""
        return super().disturbance().model_copy(update={"others_cpu_share": 0.5})


class Asked(NamedTuple):
    """A run: its seed, how many examples each part of the data has, batch size, steps, and evaluations."""

    seed: int
    n: int
    batch_size: int
    steps: int
    evaluations: Evaluations
    growth: tuple[Phase, ...] = ()


RUNS = {
    "with calls as long as any": Asked(3, EXAMPLES, 1, 9000, Evaluations(examples=7000)),
    "of short calls": Asked(2**31, MANY, 16, 40, Evaluations(examples=150)),
    "of large batches": Asked(5, EXAMPLES, 500, 6, Evaluations(examples=1500)),
    "of very large batches": Asked(6, MANY, 20_000, 6, Evaluations(examples=60_000)),
    "of calls of fewest steps": Asked(4, EXAMPLES, 16, 40, Evaluations(examples=16, steps=12)),
    "whose batch grows": Asked(
        *(7, EXAMPLES, 16, 40, Evaluations(examples=150)),
        growth=(Phase(first_step=30, examples=480, batch_size=48),),
    ),
}


def plan_of(name: str, asked: Asked) -> Plan:
    """The plan of a run on the scripted examples; it has no target, and time for all of its steps."""
    cell = {"dataset": "script", "model": MODEL, "framework": name, "arm": ""}
    return Plan(
        cell={**cell, "batch_size": asked.batch_size},
        seed=asked.seed,
        device="cpu",
        precision="float32",
        optimizer=Optimizer(name="sgd", learning_rate=1.0, total_steps=asked.steps),
        augmentation=[],
        randomness="shared",
        growth=list(asked.growth),
        target=1.0,
        budget=Budget(epochs=1e9, seconds=1e9),
        evaluations=asked.evaluations,
    )


def parts(calls: list[Call]) -> list[list[Call]]:
    """The calls from each reset to the next."""
    resets = [place for place, call in enumerate(calls) if call.what == "reset"]
    return [calls[start:end] for start, end in zip(resets, [*resets[1:], len(calls)], strict=True)]


def steps_of_a_call(evaluations: Evaluations, batch_size: int) -> int:
    """The most steps between two evaluations, or in a call of any run."""
    return min(MOST_STEPS, max(-(-evaluations.examples // batch_size), evaluations.steps))


def expected(plan: Plan, used: Dataset, paced: tuple[int, int], best: Call) -> list[list[Call]]:
    """The calls in parts, if the paces before and after the run consist of so many."""
    size = plan.cell.batch_size
    of_call = min(steps_of_a_call(plan.evaluations, size), plan.optimizer.total_steps)
    drawn = max(plan.optimizer.total_steps, of_call * max(*paced, 1))
    order = batches(len(used.train_y), seed=plan.seed, batch_size=size, steps=drawn)
    whole = [Call("train", order[n * of_call : (n + 1) * of_call]) for n in range(max(paced))]
    paces = [[Call("train", order[: min(of_call, PACE_WARM_UP)]), *whole[1:calls]] for calls in paced]
    reset, layers = Recorded(first := []), models.spec(MODEL, n_classes=2)
    reset.reset(initial_parameters(layers, used.train_x.shape[1:], seed=plan.seed))
    return [
        [*first, *of_start(plan, used, order), *paces[0]],
        [*first, *of_run(plan, used)],
        [best, Call("logits", used.test_x), Call("logits", used.train_x)],
        [*first, *paces[1]],
    ]


def of_start(plan: Plan, used: Dataset, order: np.ndarray) -> list[Call]:
    """The calls before the pace: the memory of a batch that grows is not measured."""
    larger = [phase.batch_size for phase in plan.growth]
    compiled = [Call("compile", np.array(size)) for size in (plan.cell.batch_size, *larger)]
    steps = [Call("train", order[:count]) for count in ((1,) if larger else (1, WARM_UP_STEPS))]
    for size in larger:
        steps.append(Call("train", batches(len(used.train_y), seed=plan.seed, batch_size=size, steps=1)))
    return [*compiled, *steps, Call("logits", used.validation_x)]


def of_run(plan: Plan, used: Dataset) -> list[Call]:
    """The calls of the run itself."""
    calls, start, after = [], 0, examples_after(plan)
    order = batches(len(used.train_y), seed=plan.seed, batch_size=1, steps=after[-1])[:, 0]
    for end in call_ends(plan):
        calls.append(Call("train", order[after[start] : after[end]].reshape(end - start, -1)))
        if end in evaluated_steps(plan):
            calls.append(Call("logits", used.validation_x))
        start = end
    return calls


def alike(made: list[list[Call]], due: list[list[Call]]) -> bool:
    """Whether all calls are the same."""
    flat = [[call for part in each for call in part] for each in (made, due)]
    return [len(part) for part in made] == [len(part) for part in due] and all(
        one.what == other.what and np.array_equal(one.value, other.value)
        for one, other in zip(*flat, strict=True)
    )


def of_time(told_s: float | None, own_s: float) -> bool:
    """Whether what took so many seconds of its own is told to have taken them."""
    return told_s is not None and own_s <= told_s <= MOST * own_s + PAUSE_S


def keeps_time(run: Run, calls: list[Call], *, until_s: float) -> bool:
    """Whether the seconds of a run, over by `until_s`, are those of its calls, at each evaluation too."""
    trained_s, at = 0.0, []
    for call in calls:
        trained_s += call.own_s if call.what == "train" else 0.0
        at += [trained_s] if call.what == "logits" else []
    evaluated_s = sum(call.own_s for call in calls if call.what == "logits")
    in_all_s = until_s - calls[0].began
    return (
        len(run.curve) == len(at)
        and all(of_time(point.training_s, own_s) for point, own_s in zip(run.curve, at, strict=True))
        and of_time(run.training_s, trained_s)
        and evaluated_s <= run.evaluation_s <= in_all_s - trained_s
    )


def tells_its_start(start: dict[str, float | None], calls: list[Call], tiny: list[Call]) -> bool:
    """Whether the seconds before a run are those of compilation and first step.

    Those of the tiny model hold its calls, and nothing of what comes after they are over.
    """
    compiled, trained = ([call.own_s for call in calls if call.what == what] for what in ("compile", "train"))
    own_s = {"compile_s": sum(compiled), "first_step_s": trained[0]}
    tiny_model_s = start.get("tiny_model_s") or 0.0
    most_s = tiny[-1].began - tiny[0].began + PAUSE_S
    return COMPILE_S + FIRST_S <= tiny_model_s <= most_s and all(
        of_time(start.get(name), seconds) for name, seconds in own_s.items()
    )


def fault_of_run(name: str, asked: Asked) -> str:
    """What a run asks otherwise of its trainer, or measures otherwise, than it has to; empty if nothing."""
    calls, plan, used = [], plan_of(name, asked), data(asked.n)
    recording = framework(calls, name)
    record = measure.record(recording, plan, used, threads=THREADS, watching=Shared)
    made, due = parts(calls), {"threads": THREADS, "device": plan.device, "precision": plan.precision}
    if recording.asked != [due] or record.provenance["threads"] != THREADS:
        return "it has its framework compute with other threads, elsewhere or in another precision"
    if len(made) != PARTS:
        return f"it starts a trainer anew {len(made)} times, not {PARTS}"
    begun = 1 + next((place for place, call in enumerate(made[0]) if call.what == "logits"), 0)
    paced = len(made[0]) - begun, len(made[3]) - 1
    if min(paced) < FEWEST_CALLS or not alike(made, expected(plan, used, paced, made[2][0])):
        return "it asks its trainer for other steps or outputs than a run has to"
    of_paces = {"before": made[0][begun:], "after": made[3][1:]}
    if not all(tells_pace(record.step_ms.get(when, 0.0), calls) for when, calls in of_paces.items()):
        return "the time of a step that it measures is not the median of its calls"
    if not keeps_time(record.run, made[1], until_s=made[2][0].began):
        return "the seconds that it tells are not those of its calls"
    if not tells_its_start(record.start, made[0], recording.tiny):
        return "the seconds of its start are not those of compilation and first step"
    if not tells_memory(record.measurements, plan):
        return "the memory that it measures is not what the trainer and its steps hold"
    return ""


def tells_memory(measurements: dict[str, float | None], plan: Plan) -> bool:
    """Whether the peak is what the trainer and its steps hold, and none is told of a batch that grows."""
    if plan.growth:
        return not measurements
    peak_mib = measurements.get("peak_memory_mib") or 0.0
    return abs(peak_mib - OWN_MIB - HELD_MIB) <= ROUNDED_MIB


def tells_pace(step_ms: float, calls: list[Call]) -> bool:
    """Whether the time of a step is the median over these calls, the first of which does not count."""
    of_steps_s = [call.own_s / len(call.value) for call in calls[1:]]
    return of_time(1e-3 * step_ms * len(calls[-1].value), np.median(of_steps_s) * len(calls[-1].value))


@functools.cache
def fault(name: str) -> str:
    """What a run of a framework of this name does otherwise than it has to; empty if there is nothing."""
    return next((cause for what in RUNS if (cause := fault_of(name, what))), "") or fault_of_repetition()


def fault_of(name: str, what: str) -> str:
    """The same of one of the runs, of which one out of TRIES must be right."""
    for _ in range(TRIES):
        cause = fault_of_run(name, RUNS[what])
        if not cause:
            return ""
    return f"a run {what}: {cause}"


def fault_of_repetition() -> str:
    """Which of two measurements is kept otherwise than it should be, if the first was disturbed."""
    calm = Disturbance(others_cpu_share=0.0, probe_ms=1.0, probe_drift=1.0, gap_share=0.0)
    for shares in itertools.product((0.0, 0.2, 0.6), repeat=2):
        made = [calm.model_copy(update={"others_cpu_share": share}) for share in shares]
        kept = Repetition().calmer(iter(made).__next__, of=lambda each: each)
        if kept.others_cpu_share != min(shares) * (shares[0] > 0):
            return "of a measurement that was disturbed and is done again, the calmer one is not kept"
    return ""


def fault_of_timings(study: Study) -> str:
    """At which batch size throughput times calls of other lengths than those of a run; empty if at none."""
    for workload, timed in zip(study.workloads, for_timing(study).workloads, strict=True):
        for case in cases_of(timed, ["momentum"]):
            if case.call_steps != steps_of_a_call(workload.evaluations, case.batch_size):
                size = case.batch_size
                return f"throughput at batch size {size} is timed in calls of other lengths than a run's"
    return ""
