"""The answer of `python -m benchmarks recommend`, in words."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.common.errors import Problem
from benchmarks.compare import machines
from benchmarks.publish import advice, choice, wording
from benchmarks.publish import results as folders
from benchmarks.publish.choice import GoalName
from benchmarks.publish.results import Results, of_workload
from benchmarks.recommend import evidence, noise, predicted, rate
from benchmarks.summary.schema import CHECKPOINTS

UNITS = {"MB": 1e6, "GB": 1e9, "MiB": 2**20, "GiB": 2**30}
"""Bytes of each unit of memory."""


class Change(NamedTuple):
    """A change from one batch size, at which a learning rate is known, to another."""

    before: int
    rate: float
    after: int


def memory_mib(text: str) -> float:
    """An amount of memory such as 8GiB, in MiB.

    Raises:
        Problem: it is no such amount.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(\w+)", text.strip())
    if not match or match[2] not in UNITS or not float(match[1]):
        raise Problem(f"{text} is no amount of memory", fix=f"write it like 8GiB ({', '.join(UNITS)})")
    return float(match[1]) * UNITS[match[2]] / 2**20


def wanted_change(before: int | None, learning_rate: float | None, after: int | None) -> Change | None:
    """The change that is asked for, if any part of it is given.

    Raises:
        Problem: only a part of it is given, or a number is not above 0.
    """
    parts = (before, learning_rate, after)
    if all(part is None for part in parts):
        return None
    if any(part is None or part <= 0 for part in parts):
        raise Problem(
            "the rate at another batch size needs three numbers above 0",
            fix="give all of --from-batch, --learning-rate and --to-batch",
        )
    return Change(*parts)


def answer(
    results: Path,
    workload: tuple[str, str],
    *,
    machine: str | None,
    here: str,
    framework: str | None,
    goal: GoalName,
    memory: float | None,
    change: Change | None,
) -> list[str]:
    """The answer, a sentence each; `here` is the name of this machine in results, `memory` is in MiB.

    Raises:
        Problem: the results do not support an answer; its fix says which run would.
    """
    found = evidence.sources(results, workload)
    tuned = evidence.tuned(workload)
    if change:
        known = evidence.latest(found, tuned)
        if known is None:
            raise _untuned(workload)
        return _rates(known, workload, change)
    own = evidence.of_machine(found, machine, here=here)
    known = evidence.latest(own, tuned)
    if known is not None:
        quiet = evidence.latest(own, evidence.undisturbed(workload, framework)) if goal == "time" else None
        told = _choices(quiet or known, workload, framework, goal=goal, memory=memory)
        return told if quiet is None else [*told, *_passed_over(known, in_favour_of=quiet)]
    there, timed = evidence.latest(found, tuned), evidence.latest(own, lambda _: True)
    if there is None:
        raise _untuned(workload)
    if goal != "time" or memory is not None:
        raise Problem(
            "this machine trained nothing, and its timings tell no accuracy and no memory of a training",
            fix="leave out --goal and --memory, or train the study here",
        )

    def told(name: str) -> list[str]:
        return predicted.sentences(predicted.predicted(timed, there, workload, name))

    return [*_each(_frameworks(timed, workload, framework), told), _told_from(timed)]


def check_alone(goal: GoalName, *others: object) -> None:
    """Refuse what an answer by the noise scale does not heed.

    Raises:
        Problem: there is another goal than time, or anything else.
    """
    if goal != "time" or any(each is not None for each in others):
        raise Problem(
            "an answer by the noise scale depends on no machine, framework, goal, memory or rate of your own",
            fix="give --dataset and --model alone beside --from-noise",
        )


def from_noise(results: Path, workload: tuple[str, str]) -> list[str]:
    """The answer by the gradient noise scale of one training, which depends on no machine.

    Raises:
        Problem: it was measured in no results.
    """
    found = evidence.sources(results, workload)
    known = evidence.latest(found, lambda each: noise.measured(each, workload))
    if known is None:
        raise Problem(
            f"the noise scale of {workload[0]} × {workload[1]} on the way to its target is in no results",
            fix="train one small batch size of it with `analyses: [noise-scale]` (docs/inside.md)",
        )
    inside = [each for each in machines.find(results).taken if (each.folder / CHECKPOINTS.name).exists()]
    studies = [folders.read(source.folder) for source in inside]
    return [*noise.sentences(known, workload, studies), _told_from(known)]


def _each(frameworks: list[str], told: Callable[[str], list[str]]) -> list[str]:
    """What is told of each framework, or why there is nothing to tell.

    Raises:
        Problem: there is nothing to tell of any.
    """
    sentences, problems = [], []
    for name in frameworks:
        try:
            sentences += told(name)
        except Problem as problem:
            problems.append(problem)
            sentences.append(f"{problem.cause}.")
    if len(problems) == len(frameworks):
        raise problems[0]
    return sentences


def _untuned(workload: tuple[str, str]) -> Problem:
    return Problem(
        f"the learning rate of {workload[0]} × {workload[1]} was tuned in no results, so that any answer "
        "would be one about learning rates",
        fix="train an arm with `learning_rate: tune` (config/README.md), as `snakemake --cores all` does",
    )


def _frameworks(known: Results, workload: tuple[str, str], framework: str | None) -> list[str]:
    """The frameworks to answer for."""
    names = list(of_workload(known.summary, workload)["framework"].unique())
    if framework is not None and framework not in names:
        raise Problem(f"there are no results in {framework}; there are in {', '.join(names)}", fix="give one")
    return [framework] if framework else names


def _choices(
    known: Results,
    workload: tuple[str, str],
    framework: str | None,
    *,
    goal: GoalName,
    memory: float | None,
) -> list[str]:
    """What to take in each framework."""

    def told(name: str) -> list[str]:
        return advice.sentences(choice.choose(known, workload, name, goal=goal, memory_mib=memory))

    return [*_each(_frameworks(known, workload, framework), told), _told_from(known)]


def _passed_over(latest: Results, *, in_favour_of: Results) -> list[str]:
    """That there are later results, if there are, whose times say less."""
    names = [each.summary["study"].iloc[0] for each in (latest, in_favour_of)]
    later = f"The study {names[0]} is later, and most of its times were measured on a disturbed machine."
    return [] if names[0] == names[1] else [later]


def _told_from(known: Results) -> str:
    """Where an answer comes from."""
    first = known.summary.iloc[0]
    n_runs = known.summary["n_runs"].max()
    runs = f"{n_runs} runs of each cell" if n_runs else "no training, its timings alone"
    return f"From the study {first['study']} on {first['machine']}: {runs}."


def _rates(known: Results, workload: tuple[str, str], change: Change) -> list[str]:
    """The learning rate at another batch size."""
    before, learning_rate, after = change
    rates = rate.transferred(known, workload, rate=learning_rate, before=before, after=after)
    multiple = wording.number(learning_rate / rate.best_rate(known, workload, before))
    return [
        rate.best(known, workload, after),
        f"Your rate {wording.number(learning_rate)} is {multiple} times the best at B = "
        f"{wording.whole(before)}. From there:",
        *(f"  {rate.sentence(each)}" for each in rates),
        _told_from(known),
    ]
