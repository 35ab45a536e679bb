"""The sentences at the report's head: what to take, what is fastest, soonest and most accurate."""

from collections.abc import Iterator

import pandas as pd

from benchmarks.publish import advice, choice, marks, wording
from benchmarks.publish.results import Results, of_workload, overlapping
from benchmarks.summary.schema.names import CASE, UNTRAINED
from benchmarks.summary.statistics import by_process, geometric_mean, ratio

SPEED, TIME = "throughput_samples_per_s", "time_to_target_s"


def findings(results: Results) -> dict[str, list[str]]:
    """What each (dataset, model) shows: which batch size to take, speed, time to the target, accuracy."""
    speed, time = (_speed, _time) if results.side_by_side else (_speeds, _times)
    sentences_of, choices = {}, choice.all_choices(results)
    for workload in results.workloads:
        cells = of_workload(results.summary, workload)
        doubts = [*_disturbance(cells), *_contradictions(cells[cells["disturbed"] == ""])]
        take = [advice.briefly(made) for made in choices if (made.dataset, made.model) == workload]
        sentences = [
            *doubts,
            *take,
            *speed(results, cells),
            *time(cells),
            *_accuracy(results, cells),
        ]
        sentences_of[wording.workload(workload)] = sentences
    return sentences_of


def _disturbance(cells: pd.DataFrame) -> Iterator[str]:
    """Says that sentences on speed and time leave disturbed cells out."""
    left_out = (cells["disturbed"] != "").sum()
    if left_out:
        verb = "is" if left_out == 1 else "are"
        yield (
            f"{marks.DISTURBED} {left_out} of {len(cells)} cells {verb} left out of speeds and times: the "
            "machine was disturbed."
        )


BELIEVED = 2.0
"""How many times as fast as the other a training or its timing may be, before neither is believed."""


def _contradictions(cells: pd.DataFrame) -> Iterator[str]:
    """Says of which framework trainings and timings have speeds that do not fit together."""
    for framework, group in cells.groupby("framework", sort=False):
        speeds = geometric_mean(group["training_over_throughput"].dropna()).value
        if speeds > BELIEVED or speeds < 1 / BELIEVED:
            yield (
                f"{wording.name(framework)}: the trainings were {wording.number(speeds)} times as fast as "
                "the timings, so that one of the two was disturbed and neither says which batch size is "
                "fastest: measure again."
            )


def _speed(results: Results, cells: pd.DataFrame) -> Iterator[str]:
    """The fastest of the cases that were timed undisturbed."""
    cases = cells.dropna(subset=[SPEED]).drop_duplicates(CASE)
    for framework, group in cases.groupby("framework", sort=False):
        name, known = wording.name(framework), marks.undisturbed(group)
        if known.empty:
            yield f"{name}: the machine was disturbed at too many cells to say which batch size is fastest."
            continue
        best = known.loc[known[SPEED].idxmax()]
        alike = known[known["step_kind"] == best["step_kind"]]
        first = alike.loc[alike["batch_size"].idxmin()]
        others = alike.drop(index=best.name)
        step_kind = f" ({best['step_kind']})" if results.several_step_kinds else ""
        near = _as_fast(results.throughput, best, others)
        apart = first.name in others.index.difference(near.index)
        yield (
            f"{name} trains fastest{_of(known, group)} at {_size(best)}{step_kind}: "
            f"{_with_interval(best, SPEED)} examples/s"
            f"{_multiple(best, first) if apart else ''}{_not_told_apart(near, SPEED)}."
        )


def _as_fast(throughput: pd.DataFrame, best: pd.Series, others: pd.DataFrame) -> pd.DataFrame:
    """The other cells that the best is not faster than with a whole interval, paired over processes."""
    timings = throughput[throughput["execution"] == "fused"]
    for name in ("dataset", "model", "framework", "step_kind"):
        timings = timings[timings[name] == best[name]]
    processes = by_process(timings, of="batch_size")
    ratios = [ratio(processes, best["batch_size"], size) for size in others["batch_size"]]
    return others.loc[[not each.lo > 1 for each in ratios]]


def _multiple(best: pd.Series, first: pd.Series) -> str:
    """How many times as fast a cell is as another one."""
    return f", {wording.number(best[SPEED] / first[SPEED])} times its speed at {_size(first)}"


def _undisturbed(cells: pd.DataFrame) -> pd.DataFrame:
    """Those of each framework's cells that were undisturbed; none of one that has too few."""
    kept = [marks.undisturbed(group) for _, group in cells.groupby("framework", sort=False)]
    return pd.concat([cells.iloc[:0], *kept])


def _speeds(results: Results, cells: pd.DataFrame) -> Iterator[str]:
    """The highest throughput of each framework, the fastest first."""
    timed = cells.dropna(subset=[SPEED])
    known = _undisturbed(timed)
    best = known.loc[known.groupby("framework")[SPEED].idxmax()].sort_values(SPEED, ascending=False)
    parts = [
        f"{wording.name(cell['framework'])} {wording.number(cell[SPEED])} at {_size(cell)}"
        f"{' (' + cell['step_kind'] + ')' if results.several_step_kinds else ''}"
        for _, cell in best.iterrows()
    ]
    if parts:
        yield f"Most examples/s: {'; '.join(parts)}."
    elif len(timed):
        yield "The machine was disturbed at too many cells to say which batch size is fastest."


def _time(cells: pd.DataFrame) -> Iterator[str]:
    """The soonest of the undisturbed cells; whether one reaches its target is no question of time."""
    trained = cells[cells["status"] != UNTRAINED]
    for framework, group in trained.groupby("framework", sort=False):
        name, reached = wording.name(framework), group.dropna(subset=[TIME])
        if reached.empty:
            yield f"{name} reaches the target at no batch size within its budget."
            continue
        largest = f"the largest batch size that reaches it is {wording.whole(reached['batch_size'].max())}"
        known = marks.undisturbed(reached)
        if known.empty:
            yield f"{name}: the machine was disturbed at too many cells to say which is soonest; {largest}."
            continue
        best = known.loc[known[TIME].idxmin()]
        near = overlapping(best, known.drop(index=best.name), TIME)
        yield (
            f"{name} reaches the target soonest{_of(known, reached)} at {_size(best)} ({best['arm']}), in "
            f"{_with_interval(best, TIME)} s{_not_told_apart(near, TIME)}{_start(best)}; {largest}."
        )


def _of(known: pd.DataFrame, cells: pd.DataFrame) -> str:
    """Among how many cells something was found, where some of them are left out."""
    return (
        ""
        if len(known) == len(cells)
        else f", of the {len(known)} of {len(cells)} cells that were undisturbed,"
    )


def _start(cell: pd.Series) -> str:
    """What a user waits for before the first step, where it was measured."""
    start_s = cell["start_s"]
    return "" if pd.isna(start_s) else f", after a start of {wording.number(start_s)} s"


def _times(cells: pd.DataFrame) -> Iterator[str]:
    """The shortest time to the target of each framework, the shortest first."""
    reached = cells.dropna(subset=[TIME])
    known = _undisturbed(reached)
    best = known.loc[known.groupby("framework")[TIME].idxmin()].sort_values(TIME)
    parts = [
        f"{wording.name(cell['framework'])} in {wording.number(cell[TIME])} s at {_size(cell)} "
        f"({cell['arm']})"
        for _, cell in best.iterrows()
    ]
    largest = wording.whole(reached["batch_size"].max()) if len(reached) else ""
    if parts:
        yield (
            f"The target is reached soonest{_of(known, reached)} by {'; '.join(parts)}. The largest batch "
            f"size that reaches it is {largest}."
        )
    elif largest:
        yield (
            "The machine was disturbed at too many cells to say which reaches the target soonest. The "
            f"largest batch size that reaches it is {largest}."
        )
    elif (cells["status"] != UNTRAINED).any():
        yield "The target is reached at no batch size within its budget."


def _accuracy(results: Results, cells: pd.DataFrame) -> Iterator[str]:
    tested = cells.dropna(subset=["test_accuracy", "test_accuracy_sd"])
    if tested.empty:
        return
    best = tested.loc[tested["test_accuracy"].idxmax()]
    near = tested[tested["test_accuracy"] >= best["test_accuracy"] - best["test_accuracy_sd"]]
    sizes = ", ".join(wording.whole(size) for size in sorted(near["batch_size"].unique()))
    yield (
        f"The best test accuracy is {wording.percent(best['test_accuracy'], decimals=2)} % ± "
        f"{wording.percent(best['test_accuracy_sd'], decimals=2)} (standard deviation over runs; "
        f"{wording.name(best['framework'])}, {best['arm']}, {_size(best)}); within one standard "
        f"deviation of it, with some framework and arm: B = {sizes}."
    )
    if uneven := marks.uneven_budgets(results, tested):
        yield f"But {uneven}."


def _with_interval(cell: pd.Series, quantity: str) -> str:
    return wording.interval(cell[quantity], cell[f"{quantity}_lo"], cell[f"{quantity}_hi"])


def _not_told_apart(near: pd.DataFrame, quantity: str) -> str:
    """The cells that are near the best, by batch size; a time is of an arm too."""
    near = near.sort_values("batch_size", kind="stable")
    names = [
        wording.whole(cell["batch_size"]) + (f" {cell['arm']}" if quantity == TIME else "")
        for _, cell in near.iterrows()
    ]
    return f" (not told apart from B = {', '.join(names)})" if names else ""


def _size(cell: pd.Series) -> str:
    return f"B = {wording.whole(cell['batch_size'])}"
