"""What the README and the pages of docs/ quote of the published results: one function for each text."""

import pandas as pd

from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.publish import claims, marks, mlperf, wording
from benchmarks.publish.claims.verdict import NOT_MEASURED
from benchmarks.publish.results import CASE, Results, of_workload, overlapping
from benchmarks.publish.table import markdown
from benchmarks.publish.tables import execution, identity, training_rate, tuning
from benchmarks.publish.tables.claims import with_places
from benchmarks.publish.tables.equivalence import distinct, shown_of
from benchmarks.summary.statistics import by_process, ratio

WORKLOAD = ("mnist", "mlp")
ARM = "tuned"
"""The workload and the arm that the README shows: the arm whose rate was tuned at each batch size."""
SHOWN = (1, 32, 256, 1024, 8192)
"""The batch sizes of the README's table."""
NEAR_FULL_SPEED = 0.75
"""From this part of its highest throughput on, a framework counts as near its full speed."""
SPEED, TIME = "throughput_samples_per_s", "time_to_target_s"


def texts(full: Results, implementations: Results) -> dict[str, str]:
    """Every text that can be quoted, by its name."""
    rates, laws = tuning.tables(full)
    return {
        "answer": answer(full),
        "results": table(full),
        "certainty": certainty(full),
        "certificates": certificates(full),
        "stages": stages(full),
        "predicted": predicted(full),
        "training-rate": _rows_of(training_rate.tables(full)[0]),
        "drift": wording.number(training_rate.drift(full.provenance)),
        "mlperf": _rows_of(mlperf.table()),
        "speed": speed(full),
        "loops": loops(full),
        "frameworks": frameworks(full),
        "target": target(full),
        "rates": _rows_of(rates),
        "laws": _rows_of(laws),
        "verdicts": verdicts(full),
        "equivalence": equivalence(full),
        "implementations": implementations_table(implementations),
        "implementations-told-apart": frameworks(implementations, ("fused",)),
        "implementations-intervals": implementations_intervals(implementations),
        "identity-full": _rows_of(identity.tables(full)[0]),
        "identity-implementations": _rows_of(identity.tables(implementations)[0]),
    }


def cells(full: Results, arm: str = ARM) -> pd.DataFrame:
    """The cells that the README shows, those of one workload in one arm, and whether they `ended_early`."""
    own = of_workload(full.summary, WORKLOAD)
    own = own[own["arm"] == arm]
    return own.assign(ended_early=marks.ended_early(full, own, epochs="epochs_trained"))


def answer(full: Results) -> str:
    """The answer in three sentences."""
    shown = cells(full)
    by_framework = [own.set_index("batch_size") for _, own in shown.groupby("framework", sort=False)]
    near = [own.index[own[SPEED] >= NEAR_FULL_SPEED * own[SPEED].max()].min() for own in by_framework]
    gains = [own.at[size, SPEED] / own.at[1, SPEED] for own, size in zip(by_framework, near, strict=True)]
    soonest = _soonest_in_all(by_framework)
    doubt = ", not told apart" if len(set(soonest)) > 1 else ""
    budget = full.targets.set_index(["dataset", "model"]).loc[WORKLOAD]
    return (
        f"On {_hardware(full)}, a small network on MNIST reaches three quarters of its highest speed at "
        f"B = {_span(near)}, {_span(gains, wording.number)} times its speed at B = 1. With a learning rate "
        f"tuned at each batch size, {_reaching(shown)} reaches "
        f"{wording.percent(budget['validation_accuracy'], decimals=0)} % validation accuracy, soonest at "
        f"B = {_span(soonest)}{doubt}. A larger batch saves steps up to about B = {_critical(full)}, and "
        "beyond that mostly costs examples."
    )


def _reaching(shown: pd.DataFrame) -> str:
    """Which batch sizes reach the target in every framework."""
    missed = shown.loc[shown[TIME].isna(), "batch_size"].drop_duplicates()
    span = f"from 1 to {wording.whole(shown['batch_size'].max())}"
    but = f" but {', '.join(map(wording.whole, missed))}" if len(missed) else ""
    return f"every one {span}{but}"


def _critical(full: Results) -> str:
    """The critical batch size with its interval; frameworks that are certified have the same one."""
    laws = of_workload(full.critical_batch, WORKLOAD)
    law = laws[laws["arm"] == ARM].iloc[0]
    ends = law["critical_batch_lo"], law["critical_batch_hi"]
    return wording.interval(law["critical_batch"], *ends)


def _soonest_in_all(frameworks: list[pd.DataFrame]) -> list[int]:
    """The batch sizes that no framework tells apart from its soonest, or else the soonest of each."""
    common = set.intersection(*({*_soonest(own)} for own in frameworks))
    return sorted(common or {own[TIME].idxmin() for own in frameworks})


def _soonest(own: pd.DataFrame) -> list[int]:
    """The batch sizes whose interval of the time to the target overlaps that of the soonest."""
    best = own.loc[own[TIME].idxmin()]
    return list(overlapping(best, own, TIME).index)


def _hardware(full: Results) -> str:
    machine = full.provenance["machine"]
    return f"{machine['cores']} cores of an {machine['cpu'].replace('(R)', '')}"


def _span(values: list, say=wording.whole) -> str:
    """One value, or the smallest and the largest of several."""
    ends = list(dict.fromkeys([say(min(values)), say(max(values))]))
    return " to ".join(ends)


def table(full: Results) -> str:
    """Five rows of results, without intervals; the accuracies are from the lower to the higher framework."""
    shown = cells(full).set_index(["batch_size", "framework"])
    names = [wording.name(framework) for framework in full.frameworks]
    heads = [f"{name}: {unit}" for unit in ("examples/s", "s to target") for name in names]
    lines = [["Batch size", *heads, "Test accuracy of both (%)"]]
    lines.append(["---:"] * len(lines[0]))
    for size in SHOWN:
        own = [shown.loc[(size, framework)] for framework in full.frameworks]
        accuracies = [cell["test_accuracy"] * 100 for cell in own]
        values = [wording.number(cell[SPEED]) for cell in own]
        values += [cell["status"] if pd.isna(cell[TIME]) else wording.number(cell[TIME]) for cell in own]
        early = f" {marks.ENDED_EARLY}" if any(cell["ended_early"] for cell in own) else ""
        lines.append([wording.whole(size), *values, _span(accuracies, lambda value: f"{value:.1f}") + early])
    return _in_rows(lines)


def certainty(full: Results) -> str:
    """How certain the five rows of the table are, and what a sign in it means."""
    shown = cells(full)
    shown = shown[shown["batch_size"].isin(SHOWN)]
    widths = shown[f"{SPEED}_hi"] / shown[f"{SPEED}_lo"]
    processes = full.throughput["process"].nunique()
    disturbed = (shown["disturbed"] != "").sum()
    return (
        f"Speeds are those of the `fused` loop, means of {processes} processes; the upper end of their 95 % "
        f"interval is {_span(list(widths), lambda value: f'{value:.2g}')} times the lower one. Times are "
        f"medians of {shown['n_runs'].max()} seeds: only large differences are sure."
        + (f" The machine was disturbed in {disturbed} of these {len(shown)} cells." if disturbed else "")
        + (f" {marks.ENDED_EARLY}: a training ended before its epochs." if shown["ended_early"].any() else "")
    )


def certificates(full: Results) -> str:
    """How many certificates hold, and how closely."""
    made = full.certificates
    held = (made["verdict"] == marks.CERTIFIED).sum()
    largest = wording.difference(made["largest_difference"].astype(float).max())
    return f"{held} of {len(made)} certificates hold; the largest difference is {largest}"


def stages(full: Results) -> str:
    """How many stages the certificates compare."""
    compared = {stage for differences in full.certificates["differences"] for stage in differences}
    return f"{len(compared)} stages"


def predicted(full: Results) -> str:
    """How far the computed times to the target are from the measured ones."""
    ratios = full.summary["time_ratio"].dropna()
    return f"{_span(list(ratios), lambda value: f'{value:.2g}')} times"


def speed(full: Results) -> str:
    """Where the throughput of each workload levels off."""
    lines = []
    for workload in full.workloads:
        own = of_workload(full.summary, workload).drop_duplicates(CASE)
        for framework, timed in own.groupby("framework", sort=False):
            values = ", ".join(
                f"{wording.number(cell[SPEED])} at B = {wording.whole(cell['batch_size'])}"
                for _, cell in timed.iterrows()
            )
            lines.append(f"- {wording.workload(workload)}, {wording.name(framework)}: {values}.")
    return "\n".join(lines)


def loops(full: Results) -> str:
    """How much faster the fused execution is than the idiomatic one, and how often that is significant."""
    gains = execution.tables(full)[0].data
    above, below = (gains["ratio_lo"] > 1).sum(), (gains["ratio_hi"] < 1).sum()
    lines = [
        f"- {wording.workload((gain.dataset, gain.model))}, {wording.name(gain.framework)}, "
        f"B = {wording.whole(gain.batch_size)}: "
        f"{wording.interval(gain.ratio, gain.ratio_lo, gain.ratio_hi)} times."
        for gain in gains[gains["ratio_lo"] > 1].itertuples()
    ]
    summary = (
        f"Of {len(gains)} ratios, {above} lie above 1 with their whole 95 % interval and {below} below it. "
        "Those above are:"
    )
    return "\n".join([summary, "", *lines])


def frameworks(known: Results, executions: tuple[str, ...] = EXECUTIONS) -> str:
    """Where the throughputs of the first framework and another one differ significantly."""
    first, *others = known.frameworks
    timed = known.throughput[known.throughput["execution"].isin(executions)]
    return "\n".join(
        f"- {wording.workload((dataset, model))}, {kind}, B = {wording.whole(size)}: {wording.name(first)} "
        f"is {wording.interval(*own)} times as fast as {wording.name(other)}."
        for (dataset, model, kind, size), rows in timed.groupby(CASE_ALONE, sort=False)
        for other in others
        if (own := ratio(by_process(rows, of="framework"), first, other)).lo > 1 or own.hi < 1
    )


CASE_ALONE = ["dataset", "model", "execution", "batch_size"]
"""What a ratio of two frameworks is taken within."""


def target(full: Results) -> str:
    """Which batch sizes reach the target, and which soonest."""
    lines = []
    for workload in full.workloads:
        for (arm, framework), own in of_workload(full.summary, workload).groupby(
            ["arm", "framework"], sort=False
        ):
            reached = own.dropna(subset=[TIME])
            where = f"{wording.workload(workload)}, {arm}, {wording.name(framework)}"
            if reached.empty:
                lines.append(f"- {where}: no batch size reaches the target.")
                continue
            best = reached.loc[reached[TIME].idxmin()]
            sizes = ", ".join(wording.whole(size) for size in reached["batch_size"])
            lines.append(
                f"- {where}: B = {sizes}; soonest at {wording.whole(best['batch_size'])}, after "
                f"{wording.interval(best[TIME], best[f'{TIME}_lo'], best[f'{TIME}_hi'])} s of training, "
                f"after a start of {wording.number(best['start_s'])} s."
            )
    return "\n".join(lines)


def equivalence(full: Results) -> str:
    """At how many cells the frameworks are shown to be equivalent over the seeds, each training once."""
    tested = full.equivalence.groupby("quantity", sort=False)
    parts = {
        quantity: f"{shown_of(tests)} cells that can be tested{_others(tests)}" for quantity, tests in tested
    }
    return (
        f"in test accuracy (within half a point) in {parts['test_accuracy']}, and in epochs to the target (a "
        f"ratio of 0.8 to 1.25) in {parts['epochs_to_target']}"
    )


def _others(tests: pd.DataFrame) -> str:
    """The cells that cannot be tested: those in which every seed came out equal need no test; the others."""
    untested = distinct(tests)[lambda rows: rows["verdict"] == "not testable"]
    n_equal = untested["reason"].fillna("").str.startswith("no spread: every pair is equal").sum()
    parts = [f"in {n_equal} more every seed came out exactly equal"] if n_equal else []
    parts += [f"{len(untested) - n_equal} more cannot be tested"] if len(untested) > n_equal else []
    return f" ({', '.join(parts)})" if parts else ""


def implementations_table(known: Results) -> str:
    """The throughput of all frameworks in two significant digits, a row per framework."""
    speeds = known.summary.pivot_table(index="framework", columns="batch_size", values=SPEED, sort=False)
    sizes = sorted(speeds.columns)
    lines = [["Fused, examples/s", *(f"B = {wording.whole(size)}" for size in sizes)]]
    lines.append(["---", *["---:"] * len(sizes)])
    for framework in known.frameworks:
        values = [wording.rough(speeds.at[framework, size]) for size in sizes]
        lines.append([wording.name(framework), *values])
    return _in_rows(lines)


def implementations_intervals(known: Results) -> str:
    """How wide the intervals of that table are."""
    widths = (known.summary[f"{SPEED}_hi"] / known.summary[f"{SPEED}_lo"]).dropna()
    middle, most = (f"{value:.2g}" for value in (widths.median(), widths.max()))
    return f"in the median the upper end of an interval is {middle} times the lower one, at the most {most}"


def verdicts(full: Results) -> str:
    """The verdict on each claim that the study judges."""
    judged = [each for each in claims.judge(full) if each.verdict != NOT_MEASURED]
    told = [[each.claim.sentence, with_places(each)] for each in judged]
    return _in_rows([["Claim", "Verdict"], ["---", "---"], *told])


def _in_rows(lines: list[list[str]]) -> str:
    """A table in Markdown, its head and what lies below that included."""
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows_of(built) -> str:
    """A table in Markdown, without its title and caption."""
    return "\n".join(line for line in markdown(built).splitlines() if line.startswith("|"))
