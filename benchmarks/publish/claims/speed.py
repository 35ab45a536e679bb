"""Evidence from timings: the time of an epoch, what reading the input costs, powers of two."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, of_mean, of_ratio, worst
from benchmarks.publish.results import Results
from benchmarks.summary.schema import MEASURED

KNEE = 1.1
"""The knee is the smallest batch size whose epoch takes at most this many times the shortest."""


def time_per_epoch(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The time of an epoch at the smallest batch size over that at the largest."""

    def judged(speeds: pd.DataFrame) -> Evidence:
        ends = speeds[[speeds.columns[0], speeds.columns[-1]]].dropna()
        found = of_ratio(np.log(ends.iloc[:, 1] / ends.iloc[:, 0]), claim.region, fewest=claim.fewest)
        means = np.exp(np.log(speeds).mean())
        knee = means.index[means * KNEE >= means.max()][0]
        return found._replace(
            remark=f"within a tenth of the fastest from B = {knee}; {found.remark}".rstrip("; ")
        )

    return _judged(results, judged, execution="fused", quantity="samples_per_s")


def bigger_is_faster(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The time of an epoch over that at the next smaller batch size, of the worst pair."""

    def judged(speeds: pd.DataFrame) -> Evidence:
        parts = []
        for smaller, size in zip(speeds.columns, speeds.columns[1:], strict=False):
            pairs = speeds[[smaller, size]].dropna()
            part = of_ratio(np.log(pairs[smaller] / pairs[size]), claim.region, fewest=claim.fewest)
            parts.append(part._replace(remark=f"B = {size} against {smaller}; {part.remark}".rstrip("; ")))
        return worst(parts)

    return _judged(results, judged, execution="fused", quantity="samples_per_s")


def data_loading(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The input's share of an idiomatic step at the smallest batch size, less that at the largest."""

    def judged(shares: pd.DataFrame) -> Evidence:
        ends = shares[[shares.columns[0], shares.columns[-1]]].dropna()
        return of_mean(100 * (ends.iloc[:, 0] - ends.iloc[:, 1]), claim.region, fewest=claim.fewest)

    return _judged(results, judged, execution="idiomatic", quantity="input_share")


def powers_of_two(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The speed at powers of two over that of the sizes one below and one above, all powers together."""

    def judged(speeds: pd.DataFrame) -> Evidence | None:
        powers = [b for b in speeds if b & (b - 1) == 0 and {b - 1, b + 1} <= {*speeds}]
        if not powers:
            return None
        logs = np.log(speeds)
        each = [logs[b] - (logs[b - 1] + logs[b + 1]) / 2 for b in powers]
        return of_ratio(pd.concat(each, axis=1).dropna().mean(axis=1), claim.region, fewest=claim.fewest)

    return _judged(results, judged, execution="fused", quantity="samples_per_s")


def _judged(
    results: Results, judge: Callable[[pd.DataFrame], Evidence | None], *, execution: str, quantity: str
) -> dict[Place, Evidence]:
    """The evidence of each (workload, framework): a row per process, a column per batch size."""
    found = {place: judge(values) for place, values in _by_process(results, execution, quantity)}
    return {place: evidence for place, evidence in found.items() if evidence}


def _by_process(results: Results, execution: str, quantity: str) -> Iterator[tuple[Place, pd.DataFrame]]:
    """The undisturbed timings of an execution in the first step kind of a workload, of several sizes."""
    rows = results.throughput
    quiet = (rows["status"] == MEASURED) & (rows["disturbed"].fillna("") == "")
    rows = rows[quiet & (rows["execution"] == execution)].dropna(subset=[quantity])
    first = results.summary.drop_duplicates(["dataset", "model", "framework"])
    for place in first[["dataset", "model", "framework", "step_kind"]].itertuples(index=False):
        own = rows.merge(pd.DataFrame([place]))
        if own["batch_size"].nunique() > 1:
            table = own.pivot_table(index="process", columns="batch_size", values=quantity)
            yield Place(place.dataset, place.model, place.framework), table
