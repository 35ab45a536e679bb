"""How fast a trainer is next to a run: the calls that the run makes of it, with nothing between them.

A machine has times in which everything takes longer, and they may last for minutes. Whether evaluation, or
anything else that lies between its calls, slows a run down shows only beside calls of the same minute.
"""

import statistics
import time
import traceback
from collections.abc import Callable

import numpy as np

from benchmarks.frameworks.trainer import Trainer
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.plan import Plan

SECONDS = 0.1
"""Calls are repeated until they took this long together."""
WARM_UP_STEPS = 100
"""The most steps of the first call."""
MOST_CALLS = 1000
"""Beyond so many, however short they are, another call changes the median no more."""


def step_ms(
    trainer: Trainer, stream: BatchStream, plan: Plan, *, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Milliseconds of a step: the median over calls of their mean, after a first call that is not counted.

    The first call finds the cores rested and the caches with other data. It may be shorter than the others.
    """
    count = min(plan.evaluations.call_steps(plan.cell.batch_size), plan.optimizer.total_steps)
    call_s: list[float] = []
    while sum(call_s[1:]) < SECONDS and len(call_s) <= MOST_CALLS:
        steps = count if call_s else min(count, WARM_UP_STEPS)
        batches = stream.batches(plan.cell.batch_size, first=len(call_s) * count, count=steps)
        start = clock()
        trainer.train(batches)
        call_s.append(clock() - start)
    return 1e3 * statistics.median(call_s[1:]) / count


def step_ms_after(
    trainer: Trainer, parameters: dict[str, np.ndarray], stream: BatchStream, plan: Plan
) -> dict[str, float]:
    """The same from these parameters, as `after`; empty if it fails, for the run is finished and stays."""
    try:
        trainer.reset(parameters)
        return {"after": step_ms(trainer, stream, plan)}
    except Exception:
        traceback.print_exc()
        return {}
