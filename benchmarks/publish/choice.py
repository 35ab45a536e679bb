"""Which batch size to take: the best of the tuned cells by a goal, what is as good, what others cost."""

from typing import Literal, NamedTuple

import pandas as pd

from benchmarks.common.errors import Problem
from benchmarks.common.value import Value
from benchmarks.publish import marks, wording
from benchmarks.publish.claims.tuned import searched_for
from benchmarks.publish.course import Change, Course, finite
from benchmarks.publish.results import Results, of_workload, overlapping
from benchmarks.summary.schema.names import FAILED, NO_RATE, OUT_OF_MEMORY

PLACE = ["dataset", "model", "arm", "batch_size"]
GoalName = Literal["time", "examples", "accuracy"]


class Goal(NamedTuple):
    """What is to be best: a column of the summary, whether the least is, and how it is told."""

    column: str
    least: bool
    text: str


GOALS: dict[str, Goal] = {
    "time": Goal("time_to_target_s", True, "the shortest time to the target"),
    "examples": Goal("examples_to_target", True, "the fewest examples to the target"),
    "accuracy": Goal("test_accuracy", False, "the highest test accuracy"),
}
SEVERAL = 2
"""Runs from which on something is known of their spread."""


class Choice(Value):
    """The batch size to take for a goal, and the learning rate to take with it.

    `momentum` and `weight_decay` are those that were searched for too; otherwise the arm gives them.
    `as_good` are the batch sizes of the same arm that are not told apart from it. `half` and `double` say
    what half and twice the batch size cost; None where that lies outside what was measured. `near_from` and
    `near_to`: the batch sizes whose time, predicted as examples of the law over speed, is within a tenth of
    the shortest. `largest_trained` is the largest batch size that was trained within the memory; `largest`
    a larger one that would fill it, by the line through the measured peaks, if there are as many examples.
    Of `n_cells` cells that the goal was measured at, `n_disturbed` were disturbed. Where the goal is the
    time, these are left out, unless they are more than half: then the choice is not `supported`.
    """

    dataset: str
    model: str
    framework: str
    arm: str
    goal: GoalName
    batch_size: int
    learning_rate: float
    momentum: float | None
    weight_decay: float | None
    value: float
    lo: float | None
    hi: float | None
    as_good: list[int]
    half: Change | None
    double: Change | None
    near_from: int | None
    near_to: int | None
    largest_trained: int
    largest: int | None
    n_runs: int
    n_cells: int
    n_disturbed: int
    supported: bool
    doubts: list[str]


def candidates(
    results: Results, workload: tuple[str, str], framework: str, *, goal: GoalName = "time"
) -> pd.DataFrame:
    """The tuned cells of a workload in a framework; those tuned for accuracy count for that goal alone.

    Raises:
        Problem: there are none.
    """
    searched = results.rates[results.rates["status"] != FAILED]
    if goal != "accuracy":
        searched = searched[searched["arm"].isin(searched_for(results, "steps"))]
    cells = of_workload(results.trained, workload).merge(searched[PLACE])
    cells = cells[cells["framework"] == framework]
    if cells.empty:
        raise Problem(
            f"no arm of {wording.workload(workload)} in {wording.name(framework)} is tuned here, so that any "
            "answer would be one about its learning rate",
            fix="train an arm with `learning_rate: tune` (config/README.md), as `snakemake --cores all` does",
        )
    return cells.sort_values("batch_size", ignore_index=True)


def choose(
    results: Results,
    workload: tuple[str, str],
    framework: str,
    *,
    goal: GoalName = "time",
    memory_mib: float | None = None,
) -> Choice:
    """The choice for a goal, among the batch sizes that need no more than this memory.

    Raises:
        Problem: the data do not support an answer; its fix says which run would.
    """
    cells, wanted = candidates(results, workload, framework, goal=goal), GOALS[goal]
    fitting = _fitting(cells, memory_mib)
    known = fitting.dropna(subset=[wanted.column])
    if known.empty:
        raise Problem(
            f"{wording.workload(workload)} in {wording.name(framework)}: no batch size reaches the target",
            fix="give the study more epochs or steps, or a target that can be reached",
        )
    compared, timed = (_undisturbed(each) if goal == "time" else each for each in (known, cells))
    values = compared[wanted.column] if wanted.least else -compared[wanted.column]
    best = compared.loc[values.idxmin()]
    course, near = Course.of(results, timed, best), Course.of(results, compared, best).near()
    lo, hi = _interval(best, wanted)
    largest_trained = int(fitting["batch_size"][~fitting["status"].isin([FAILED, OUT_OF_MEMORY])].max())
    return Choice(
        **{name: best[name] for name in ("dataset", "model", "framework", "arm")},
        goal=goal,
        batch_size=int(best["batch_size"]),
        learning_rate=float(best["learning_rate"]),
        **{name: finite(_rate(results, best)[name]) for name in ("momentum", "weight_decay")},
        value=float(best[wanted.column]),
        **{"lo": finite(lo), "hi": finite(hi)},
        as_good=_as_good(compared[compared["arm"] == best["arm"]].drop(index=best.name), best, wanted),
        half=course.change(best["batch_size"], int(best["batch_size"]) // 2),
        double=course.change(best["batch_size"], 2 * int(best["batch_size"])),
        **near,
        largest_trained=largest_trained,
        largest=_largest(results, best, memory_mib, beyond=largest_trained),
        n_runs=int(best["n_runs"]),
        n_cells=len(known),
        n_disturbed=int((known["disturbed"] != "").sum()),
        supported=goal != "time" or not marks.undisturbed(known).empty,
        doubts=[
            *doubts(results, cells, best),
            *_left_out(known[known["arm"] == best["arm"]], compared),
            *_by_chance(goal, int(best["batch_size"]), near),
            *_of_accuracy(results, cells, goal),
        ],
    )


def _undisturbed(cells: pd.DataFrame) -> pd.DataFrame:
    """Those of the cells that were timed undisturbed; all if they are too few to compare."""
    quiet = marks.undisturbed(cells)
    return cells if quiet.empty else quiet


def _fitting(cells: pd.DataFrame, memory_mib: float | None) -> pd.DataFrame:
    """The cells that need no more than this memory."""
    if memory_mib is None:
        return cells
    fitting = cells[cells["peak_memory_mib"] <= memory_mib]
    if cells["peak_memory_mib"].isna().all():
        raise Problem("the peak of memory was measured at no batch size", fix="leave out --memory")
    if fitting.empty:
        least = cells.loc[cells["peak_memory_mib"].idxmin()]
        raise Problem(
            f"nothing that was trained fits in {wording.number(memory_mib)} MiB: B = "
            f"{wording.whole(least['batch_size'])} takes {wording.number(least['peak_memory_mib'])} MiB",
            fix="give more memory, or train smaller batch sizes or a smaller model",
        )
    return fitting


def _interval(cell: pd.Series, goal: Goal) -> tuple[float, float]:
    """The interval of what is to be best; that of the accuracy is one standard deviation."""
    if goal.column == "test_accuracy":
        return cell[goal.column] - cell["test_accuracy_sd"], cell[goal.column] + cell["test_accuracy_sd"]
    name = "epochs_to_target" if goal.column == "examples_to_target" else goal.column
    factor = cell[goal.column] / cell[name]
    return cell[f"{name}_lo"] * factor, cell[f"{name}_hi"] * factor


def _as_good(others: pd.DataFrame, best: pd.Series, goal: Goal) -> list[int]:
    """The batch sizes whose interval overlaps that of the best; of the accuracy, whose mean does."""
    if best["n_runs"] < SEVERAL:
        near = others
    elif goal.column == "test_accuracy":
        near = others[others[goal.column] >= best[goal.column] - best["test_accuracy_sd"]]
    else:
        name = "epochs_to_target" if goal.column == "examples_to_target" else goal.column
        near = overlapping(best, others, name)
    return sorted(int(size) for size in near["batch_size"].unique())


def _largest(results: Results, best: pd.Series, memory_mib: float | None, *, beyond: int) -> int | None:
    """The batch size at which the line through the measured peaks meets the memory.

    None where that is not beyond what was trained, or beyond all training examples.
    """
    fits = of_workload(results.memory_fit, (best["dataset"], best["model"]))
    fits = fits[(fits["framework"] == best["framework"]) & (fits["step_kind"] == best["step_kind"])]
    if fits.empty or pd.isna(fits["largest_batch"].iloc[0]):
        return None
    line = fits.iloc[0]
    memory = line["capacity_mib"] if memory_mib is None else memory_mib
    full = max(0, int((memory - line["a_mib"]) / line["b_mib_per_example"]))
    n_training = of_workload(results.targets, (best["dataset"], best["model"]))["n_training"].item()
    return full if beyond < full < n_training else None


def _rate(results: Results, cell: pd.Series) -> pd.Series:
    """What the search of a cell found."""
    rates = of_workload(results.rates, (cell["dataset"], cell["model"]))
    return rates[(rates["arm"] == cell["arm"]) & (rates["batch_size"] == cell["batch_size"])].iloc[0]


def doubts(results: Results, cells: pd.DataFrame, best: pd.Series) -> list[str]:
    """What a reader should know before following a choice."""
    sizes, size, rate = cells["batch_size"], best["batch_size"], _rate(results, best)
    causes = {
        "it is the largest batch size that was tried, so that a larger one may do better": size
        == sizes.max(),
        "it is the smallest batch size that was tried, so that a smaller one may do better": size
        == sizes.min(),
        "its learning rate lies at an end of the range that was searched": rate["at_edge"],
        "no learning rate that was tried reaches the target from every seed": rate["status"] == NO_RATE,
        "it was trained once, so that nothing is told apart from it": best["n_runs"] < SEVERAL,
        "the machine was disturbed there, so that its speed and time are rough": best["disturbed"] != "",
        f"its numbers are {best['identity']}": best["identity"] != marks.CERTIFIED,
        f"{best['n_reached']} of {best['n_runs']} runs reached the target": best["n_reached"]
        < best["n_runs"],
    }
    return [cause for cause, holds in causes.items() if holds]


def _left_out(known: pd.DataFrame, compared: pd.DataFrame) -> list[str]:
    """Which batch sizes were not compared, since the machine was disturbed while they were timed."""
    left = sorted(known.loc[known.index.difference(compared.index), "batch_size"].unique())
    sizes = ", ".join(map(wording.whole, left))
    return [f"B = {sizes} could not be compared, since the machine was disturbed there"] if left else []


def _by_chance(goal: GoalName, size: int, near: dict[str, int | None]) -> list[str]:
    """That the law, which rests on all batch sizes, has others among the fastest."""
    if goal != "time" or near["near_from"] is None or near["near_from"] <= size <= near["near_to"]:
        return []
    return ["by the law it is not among the best, so that its time may be the shortest by chance"]


def _of_accuracy(results: Results, cells: pd.DataFrame, goal: GoalName) -> list[str]:
    """What may make one batch size more accurate than another besides its size."""
    uneven = marks.uneven_budgets(results, cells) if goal == "accuracy" else ""
    return [uneven] if uneven else []


def all_choices(results: Results) -> list[Choice]:
    """The choice of every workload and framework for the shortest time, where the data support one."""
    found = []
    for workload in results.workloads:
        for framework in results.frameworks:
            try:
                found.append(choose(results, workload, framework))
            except Problem:
                continue
    return found
