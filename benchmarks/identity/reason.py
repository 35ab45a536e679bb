"""Why a verdict on equivalence is what it is, in words.

What is not testable begins with one of a few words and a colon, which a table counts by: `too few pairs`,
`failed`, `target not reached`, `no spread` or `too coarse`.
"""

import numpy as np

from benchmarks.identity.paired import Paired
from benchmarks.identity.two_one_sided import Differences, has_spread, is_equal

SILENT = "so that a t test says nothing"


def untestable(found: Paired) -> str:
    """Why these differences cannot be tested; empty if they can."""
    few = len(found.differences.observed) < 2
    why = _too_few(found) if few else _without_spread(found.differences)
    return "; ".join([why, *_apart(found)]) if why else ""


def remark(found: Paired, *, coarse: bool) -> str:
    """What a reader should know beside a verdict; may be empty. `coarse`: exact values would pass."""
    known = "too coarse: values are known only to within one evaluation, or one test example"
    return "; ".join([*_apart(found), *([known] if coarse else [])])


def _apart(found: Paired) -> list[str]:
    """How many seeds fell short in one of the two frameworks, and how many in both."""
    ways = "only one of the two frameworks reached the target, or only one failed"
    alone = [f"for {found.alone} of the seeds {ways}"] if found.alone else []
    return alone + ([f"{found.neither} of {found.seeds} seeds {found.ends.neither}"] if found.neither else [])


def _too_few(found: Paired) -> str:
    """Why there are fewer than two pairs: other runs fell short, or there never were enough."""
    n = len(found.differences.observed)
    enough_otherwise = n + found.alone + found.neither >= 2
    why = found.ends.lacking if enough_otherwise else "too few pairs"
    seeds = f"{n} seed{'' if n == 1 else 's'}"
    return f"{why}: {seeds} with {found.ends.having} in both frameworks; two are needed"


def _without_spread(differences: Differences) -> str:
    """Why a t test says nothing of n ≥ 2 differences, as observed or taken at the ends of their ranges."""
    observed, *ends = differences
    if not has_spread(observed):
        alike = "is equal" if is_equal(observed, 0) else "differs by the same amount"
        return f"no spread: every pair {alike}, {SILENT}"
    if not np.all(np.isfinite(ends)):
        return "too coarse: with some seed the target was met at the first evaluation, at any time before it"
    if not all(map(has_spread, ends)):
        return f"no spread: at the ends of their ranges all pairs differ by the same amount, {SILENT}"
    return ""
