"""Searches the learning rates of all tuned arms of a study; what the store has is taken from there.

Frameworks that are certified compute the same numbers, so that one of them searches for all: the one that
is fastest on this machine. Each batch size starts near its neighbour's optimum, which changes the cost of the
search and not its result.
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import datasets, frameworks
from benchmarks.common import machine, process, processor
from benchmarks.common.conditions import conditions
from benchmarks.common.errors import Problem
from benchmarks.common.progress import Progress
from benchmarks.common.store import Conditions, Store
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks import devices
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import as_float32
from benchmarks.recipe.plan import Plan
from benchmarks.recipe.search import Candidate, Search
from benchmarks.study import rates
from benchmarks.study.rates import Found, Tuned
from benchmarks.study.study import Study, Workload, plan
from benchmarks.summary import reading, schema
from benchmarks.tuning.forked import found


class Task(NamedTuple):
    """One arm of a workload, in the framework that searches for all."""

    workload: Workload
    arm: Arm
    framework: str
    data: Dataset

    def plan(self, study: Study, batch_size: int) -> Plan:
        """The plan of its trials; their seeds and settings take the place of those here."""
        names = {"workload": self.workload, "framework": self.framework, "arm": self.arm}
        return plan(study, **names, batch_size=batch_size, seed=self.arm.search.seeds[0])


def conditions_of(task: Task, plan: Plan, start: Candidate, *, threads: int) -> Conditions:
    """All that the result of a search depends on."""
    settings = plan.model_dump(mode="json", exclude={"seed": True, "device": True, "cell": {"arm"}})
    return conditions(
        "search",
        {
            **settings,
            "search": task.arm.search.model_dump(mode="json"),
            "start": start.model_dump(mode="json"),
        },
        modules=(
            "benchmarks.tuning.forked",
            f"benchmarks.models.{plan.cell.model}",
            frameworks.module_name(plan.cell.framework),
        ),
        data={plan.cell.dataset: task.data.digest},
        threads=threads,
        device=plan.device,
    )


def fastest(folder: Path, study: Study, workload: Workload, arm: Arm) -> str:
    """The framework with the highest fused throughput, the geometric mean over batch sizes and processes.

    It is one of those that are certified for the arm, if any is.
    """
    certificates = json.loads((folder / "traces" / "certificates.json").read_bytes())["certificates"]
    place = {"dataset": workload.slug, "model": workload.model, "arm": arm.name}
    doubtful = {
        each["framework"] for each in certificates if place.items() <= each.items() and not each["certified"]
    }
    candidates = [name for name in study.frameworks if name not in doubtful] or study.frameworks
    timed = reading.table(folder, schema.THROUGHPUT)
    case = {
        "dataset": workload.slug,
        "model": workload.model,
        "step_kind": arm.step_kind,
        "execution": "fused",
    }
    for name, value in case.items():
        timed = timed[timed[name] == value]
    speeds = np.log(timed["samples_per_s"]).groupby(timed["framework"]).mean()
    return max(candidates, key=lambda name: speeds.get(name, -np.inf))


def from_the_middle(sizes: list[int]) -> Iterator[tuple[int, int | None]]:
    """The batch sizes from the middle one outwards, each with its neighbour that comes before it."""
    middle = len(sizes) // 2
    yield sizes[middle], None
    yield from ((sizes[place], sizes[place - 1]) for place in range(middle + 1, len(sizes)))
    yield from ((sizes[place], sizes[place + 1]) for place in range(middle - 1, -1, -1))


def near(search: Search, neighbour: Candidate, ratio: float) -> Candidate:
    """Where the search of a batch size starts, `ratio` times its neighbour's: at the neighbour's optimum.

    A smaller one starts as far below it as the linear rule says: rates that are too high cost most, since
    they train to the end of the budget until something has reached the target. All start within the range.
    """
    lowest, highest = search.learning_rate
    rate = max(lowest, min(highest, neighbour.learning_rate * min(1.0, ratio)))
    if search.in_several_dimensions:
        return neighbour.model_copy(update={"learning_rate": as_float32(rate)})
    return search.nearest(rate)


def searched(tasks: list[Task], study: Study, store: Store, *, threads: int) -> list[Tuned]:
    """The searches of all tasks of one framework, which this process imports if the store lacks any."""
    progress = Progress("learning rates", sum(len(task.workload.sizes) for task in tasks))
    made = []
    for task in tasks:
        best: dict[int, Candidate] = {}
        for size, neighbour in from_the_middle(sorted(task.workload.sizes)):
            start = task.arm.search.start
            if neighbour:
                start = near(task.arm.search, best[neighbour], size / neighbour)
            made.append(_searched(task, task.plan(study, size), start, store, threads=threads))
            best[size] = made[-1].found.best if made[-1].found else start
            progress.advance()
    return sorted(made, key=lambda each: (each.dataset, each.model, each.arm, each.batch_size))


def _searched(task: Task, plan: Plan, start: Candidate, store: Store, *, threads: int) -> Tuned:
    """The search at one batch size, from the store or made now; one without a result is kept nowhere."""
    depends_on = conditions_of(task, plan, start, threads=threads)
    result, failure = store.find(depends_on), ""
    if result is None:
        framework, settings = frameworks.load(task.framework), task.arm.search
        made, failure = found(framework, plan, task.data, settings, start, threads=threads)
        result = made and store.keep(depends_on, made.model_dump(mode="json"))
    return Tuned(
        dataset=task.workload.slug,
        model=task.workload.model,
        arm=task.arm.name,
        batch_size=plan.cell.batch_size,
        framework=task.framework,
        start=start,
        found=result and Found.model_validate(result),
        failure=failure,
    )


def write(study: Study, data: list[Path], folder: Path, *, threads: int, store: Path) -> None:
    """Search what the store lacks and write the searches to the results folder of the study.

    The throughput and the certificates of the study must be there. Each framework searches in a process of
    its own.

    Raises:
        Problem: the process of a framework was killed, or told of a problem on the terminal; or this machine
            has no instructions for the mixed precision of an arm.
    """
    if study.multiplies_in_bfloat16:
        devices.check_bfloat16(study.device)
    read = {each.name: each for each in map(datasets.read, data)}
    tasks: dict[str, list[Task]] = {}
    for workload, arm in itertools.product(study.workloads, study.arms):
        framework = fastest(folder, study, workload, arm)
        task = Task(workload, arm, framework, read[workload.slug])
        tasks.setdefault(framework, []).append(task)
    searches: list[Tuned] = []
    with machine.leased_gpu(study.device):
        for framework, of_framework in tasks.items():
            given = (of_framework, study, Store(store))
            made, exit_code = process.forked(searched, *given, threads=threads or processor.cores())
            if made is None:
                ended = process.ended(exit_code)
                raise Problem(f"the process that searched with {framework} {ended}", fix="see the log")
            searches += made
    rates.write(searches, folder / rates.NAME)
