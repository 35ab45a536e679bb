"""Everything that a measured run asks of its trainer, held to what it has to ask.

With which batches memory is measured, and in calls of how many steps a pace or a throughput is timed, leaves
no trace in what a training computes. So a trainer takes down here what the study's own code asks of it.
"""

import functools
import mmap
import time
from types import SimpleNamespace

import numpy as np

from benchmarks import frameworks, models
from benchmarks.common.quiet import Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import Device, Steps
from benchmarks.identity.expected_run import MOST_STEPS, batches, call_ends, evaluated_steps
from benchmarks.identity.scripted import EXAMPLES, data
from benchmarks.models.parameters import initial_parameters
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.recipe.plan import Budget, Evaluations, Plan
from benchmarks.study.study import Workload
from benchmarks.throughput.rows import cases_of
from benchmarks.training import measure

MODEL, SEED = "logistic", 3
WARM_UP_STEPS = 3
STEP_S = 2e-5
"""What a step takes at least."""
PACE_WARM_UP = 100
"""The most steps of the first call of a pace."""
FEWEST_CALLS = 2
"""Calls of a pace: the first is not counted."""
HELD_MIB, ROUNDED_MIB = 16, 2
"""Memory that the trainer holds while it trains, and gives back to the kernel at the end of a call; and by
how much less or more may be measured."""
PARTS = 4
"""Of the calls, from one reset to the next: the start, the run, the scores, and the pace after it."""
RUNS = {
    "with calls as long as any": (1, 9000, Evaluations(examples=7000)),
    "of short calls": (16, 40, Evaluations(examples=150)),
    "of calls of fewest steps": (16, 40, Evaluations(examples=16, steps=12)),
}
"""Batch size, steps, and evaluations."""

Call = tuple[str, np.ndarray]


class Recorded:
    """A trainer that takes down what is asked of it, holds HELD_MIB in a call and takes STEP_S for a step."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Take the parameters down."""
        self.calls.append(("reset", np.concatenate([value.ravel() for value in parameters.values()])))

    def compile(self, batch_size: int) -> None:
        """Take the batch size down."""
        self.calls.append(("compile", np.array(batch_size)))

    def train(self, batches: np.ndarray) -> Steps:
        """Take the batches down."""
        self.calls.append(("train", batches.copy()))
        with mmap.mmap(-1, HELD_MIB * 2**20) as held:
            np.frombuffer(held, np.uint8)[:: mmap.PAGESIZE] = 1
            time.sleep(STEP_S * len(batches))
        return Steps(np.ones(len(batches)), None)

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Take the examples down; outputs are of two classes."""
        self.calls.append(("logits", examples.copy()))
        return np.zeros((len(examples), 2))

    def parameters(self) -> dict[str, np.ndarray]:
        """The number of calls so far."""
        return {"calls": np.array([len(self.calls)], np.float64)}


def framework(calls: list[Call], name: str) -> SimpleNamespace:
    """A framework whose trainers take calls down, but not the one of the tiny model of `peak_memory`.

    It bears the name of a real one, for what is done otherwise with that one alone.
    """
    module = frameworks.module_name(name)
    trainer = type("Trainer", (Recorded,), {"__module__": module})
    return SimpleNamespace(
        __name__=module,
        Trainer=lambda *, examples, **_: trainer(calls if len(examples) == EXAMPLES else []),
        device=lambda: Device("cpu", "CPU"),
        reset_peak_memory=lambda: None,
        synchronise=lambda: None,
        is_out_of_memory=lambda _: False,
    )


def plan_of(name: str, batch_size: int, steps: int, evaluations: Evaluations) -> Plan:
    """The plan of a run on the scripted examples; it has no target, and time for all of its steps."""
    return Plan(
        cell={"dataset": "script", "model": MODEL, "framework": name, "arm": "", "batch_size": batch_size},
        seed=SEED,
        device="cpu",
        precision="float32",
        optimizer=Optimizer(name="sgd", learning_rate=1.0, total_steps=steps),
        augmentation=[],
        randomness="shared",
        target=1.0,
        budget=Budget(epochs=1e9, seconds=1e9),
        evaluations=evaluations,
    )


def parts(calls: list[Call]) -> list[list[Call]]:
    """The calls from each reset to the next."""
    resets = [place for place, (name, _) in enumerate(calls) if name == "reset"]
    return [calls[start:end] for start, end in zip(resets, [*resets[1:], len(calls)], strict=True)]


def steps_of_a_call(evaluations: Evaluations, batch_size: int) -> int:
    """The most steps between two evaluations, or in a call of any run."""
    return min(MOST_STEPS, max(-(-evaluations.examples // batch_size), evaluations.steps))


def expected(plan: Plan, used: Dataset, paced: tuple[int, int], best: Call) -> list[list[Call]]:
    """The calls in parts, if the paces before and after the run consist of so many."""
    size = plan.cell.batch_size
    of_call = min(steps_of_a_call(plan.evaluations, size), plan.optimizer.total_steps)
    drawn = max(plan.optimizer.total_steps, of_call * max(*paced, 1))
    order = batches(EXAMPLES, seed=plan.seed, batch_size=size, steps=drawn)
    whole = [("train", order[n * of_call : (n + 1) * of_call]) for n in range(max(paced))]
    paces = [[("train", order[: min(of_call, PACE_WARM_UP)]), *whole[1:calls]] for calls in paced]
    reset = Recorded(first := [])
    reset.reset(initial_parameters(models.spec(MODEL, n_classes=2), used.train_x.shape[1:], seed=SEED))
    steps = [("train", order[:1]), ("train", order[:WARM_UP_STEPS]), ("logits", used.validation_x)]
    return [
        [*first, ("compile", np.array(size)), *steps, *paces[0]],
        [*first, *of_run(plan, used, order)],
        [best, ("logits", used.test_x), ("logits", used.train_x)],
        [*first, *paces[1]],
    ]


def of_run(plan: Plan, used: Dataset, order: np.ndarray) -> list[Call]:
    """The calls of the run itself."""
    calls, start = [], 0
    for end in call_ends(plan):
        calls.append(("train", order[start:end]))
        if end in evaluated_steps(plan):
            calls.append(("logits", used.validation_x))
        start = end
    return calls


def alike(made: list[list[Call]], due: list[list[Call]]) -> bool:
    """Whether all calls are the same."""
    flat = [[call for part in each for call in part] for each in (made, due)]
    return [len(part) for part in made] == [len(part) for part in due] and all(
        one[0] == other[0] and np.array_equal(one[1], other[1]) for one, other in zip(*flat, strict=True)
    )


def fault_of_run(name: str, batch_size: int, steps: int, evaluations: Evaluations) -> str:
    """What a run asks otherwise of its trainer, or measures otherwise, than it has to; empty if nothing."""
    calls, plan, used = [], plan_of(name, batch_size, steps, evaluations), data()
    start = time.perf_counter()
    measured = measure.measure(framework(calls, name), plan, used, Watch())
    longest_ms, made = 1e3 * (time.perf_counter() - start), parts(calls)
    if len(made) != PARTS:
        return f"it starts a trainer anew {len(made)} times, not {PARTS}"
    paced = len(made[0]) - 5, len(made[3]) - 1
    if min(paced) < FEWEST_CALLS or not alike(made, expected(plan, used, paced, made[2][0])):
        return "it asks its trainer for other steps or outputs than a run has to"
    of_call = min(steps_of_a_call(evaluations, batch_size), steps)
    of_steps_ms = [measured.step_ms.get(when, 0.0) for when in ("before", "after")]
    if not all(1e3 * STEP_S <= ms <= longest_ms / of_call for ms in of_steps_ms):
        return "the time of a step that it measures is not that of its calls"
    if abs(measured.measurements["peak_memory_mib"] - HELD_MIB) > ROUNDED_MIB:
        return "the memory that it measures is not what its steps hold"
    return ""


@functools.cache
def fault(framework: str) -> str:
    """What a run of a framework does otherwise than it has to; empty if there is nothing."""
    causes = ((what, fault_of_run(framework, *run)) for what, run in RUNS.items())
    return next((f"a run {what}: {cause}" for what, cause in causes if cause), "")


def fault_of_timings(workload: Workload) -> str:
    """At which batch size throughput times calls of other lengths than those of a run; empty if at none."""
    for case in cases_of(workload, ["momentum"]):
        if case.call_steps != steps_of_a_call(workload.evaluations, case.batch_size):
            return (
                f"throughput at batch size {case.batch_size} is timed in calls of other lengths than a run's"
            )
    return ""
