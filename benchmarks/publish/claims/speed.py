"""Evidence from timings: the time of an epoch, what reading the input costs, round batch sizes."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, exactly, of_mean, of_ratio, worst
from benchmarks.publish.results import Results
from benchmarks.summary.schema.names import MEASURED

KNEE = 1.1
"""The knee is the smallest batch size whose epoch takes at most this many times the shortest."""
SMALLEST_ROUND = 8
"""Next to a smaller one, one example more or less is much of the batch."""


def time_per_epoch(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The time of an epoch at the smallest batch size over that at the largest."""

    def judged(speeds: pd.DataFrame) -> Evidence:
        small, large = speeds.columns[0], speeds.columns[-1]
        found = _ratio(speeds, large, small, claim)
        means = np.exp(np.log(speeds).mean())
        near = f"; within a tenth of the fastest from B = {(means * KNEE >= means.max()).idxmax()}"
        return found.noted(f"B = {small} over {large}{near if found.tested else ''}")

    return _judged(results, judged, execution="fused", quantity="samples_per_s")


def bigger_is_faster(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The time of an epoch over that at the next smaller batch size, of the worst pair."""

    def judged(speeds: pd.DataFrame) -> Evidence:
        pairs = zip(speeds.columns, speeds.columns[1:], strict=False)
        return worst(
            [_ratio(speeds, small, size, claim).noted(f"B = {size} over {small}") for small, size in pairs]
        )

    return _judged(results, judged, execution="fused", quantity="samples_per_s")


def _ratio(speeds: pd.DataFrame, above: int, below: int, claim: Claim) -> Evidence:
    """The speed at one batch size over that at another, process by process."""
    pairs = speeds[[above, below]].dropna()
    return of_ratio(exactly(np.log(pairs[above] / pairs[below])), claim.region, fewest=claim.fewest)


def data_loading(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The input's share of an idiomatic step at the smallest batch size, less that at the largest."""

    def judged(shares: pd.DataFrame) -> Evidence:
        small, large = shares.columns[0], shares.columns[-1]
        values = 100 * (shares[small] - shares[large]).dropna()
        found = of_mean(exactly(values), claim.region, fewest=claim.fewest)
        full = [size for size in (small, large) if (shares[size] >= 1).any()]
        ceiling = (
            f"; at B = {full[0]} it is cut off at 100 %, so that the interval is too narrow" if full else ""
        )
        return found.noted(f"B = {small} less {large}{ceiling}")

    return _judged(results, judged, execution="idiomatic", quantity="input_share")


def powers_of_two(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The speed at powers of two over that of the sizes one below and one above, all powers together."""
    return _round(results, claim, lambda size: size & (size - 1) == 0)


def multiples_of_eight(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The same of all multiples of eight, powers of two or not."""
    return _round(results, claim, lambda size: size % 8 == 0)


def _round(results: Results, claim: Claim, is_round: Callable[[int], bool]) -> dict[Place, Evidence | None]:
    """The speed at these batch sizes over that of the sizes one below and one above."""

    def judged(speeds: pd.DataFrame) -> Evidence | None:
        beside = [size for size in speeds if {size - 1, size + 1} <= {*speeds}]
        chosen = [size for size in beside if size >= SMALLEST_ROUND and is_round(size)]
        if not chosen:
            return None
        logs = np.log(speeds)
        each = [logs[size] - (logs[size - 1] + logs[size + 1]) / 2 for size in chosen]
        values = pd.concat(each, axis=1).dropna().mean(axis=1)
        found = of_ratio(exactly(values), claim.region, fewest=claim.fewest)
        return found.noted(f"B = {', '.join(map(str, chosen))}")

    return _judged(results, judged, execution="fused", quantity="samples_per_s")


def _judged(
    results: Results, judge: Callable[[pd.DataFrame], Evidence | None], *, execution: str, quantity: str
) -> dict[Place, Evidence | None]:
    """The evidence of each (workload, framework): a row per process, a column per batch size."""
    return {place: judge(values) for place, values in _by_process(results, execution, quantity)}


def _by_process(results: Results, execution: str, quantity: str) -> Iterator[tuple[Place, pd.DataFrame]]:
    """The timings of an execution in the first step kind of a workload, of several sizes.

    Those that were disturbed have no value, but their batch sizes and processes stay: a place does not
    disappear with them.
    """
    rows = results.throughput
    rows = rows[(rows["status"] == MEASURED) & (rows["execution"] == execution)]
    rows = rows.assign(value=rows[quantity].where(rows["disturbed"].fillna("") == ""))
    first = results.summary.drop_duplicates(["dataset", "model", "framework"])
    for place in first[["dataset", "model", "framework", "step_kind"]].itertuples(index=False):
        own = rows.merge(pd.DataFrame([place]))
        if own["batch_size"].nunique() > 1:
            table = own.pivot(index="process", columns="batch_size", values="value")
            yield Place(place.dataset, place.model, place.framework), table
