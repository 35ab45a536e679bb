"""Pairs of arms that differ in one setting alone, which one of them has."""

from collections.abc import Callable, Iterable, Iterator
from itertools import permutations

import pandas as pd

from benchmarks.publish import marks
from benchmarks.publish.claims.evidence import Place
from benchmarks.publish.results import Results

Settings = dict
"""An arm as `provenance.json` has it."""


def with_and_without(
    results: Results,
    places: Iterable[tuple[Place, pd.DataFrame]],
    has: Callable[[Settings], object],
    without: Callable[[Settings], Settings],
) -> Iterator[tuple[Place, pd.DataFrame, pd.DataFrame]]:
    """The runs of each arm that has a setting, at each place, and those of the arm that is the same without.

    `without` takes the setting from an arm. Only batch sizes that both have at these places count, and only
    arms that are certified to stand beside another one.
    """
    found = dict(places)
    arms = {arm["name"]: {**arm, "name": ""} for arm in results.provenance["study"]["arms"]}
    for one, other in permutations(arms, 2):
        if has(arms[one]) and not has(arms[other]) and without(arms[one]) == without(arms[other]):
            for place in found:
                beside = place._replace(arm=other)
                if place.arm == one and beside in found and certified(results, beside):
                    yield place, *_at_common_sizes(found[place], found[beside])


def certified(results: Results, place: Place) -> bool:
    """Whether every cell of a place is certified, or agrees with the others in distribution."""
    names = {name: value for name, value in place._asdict().items() if value}
    cells = results.summary.merge(pd.DataFrame([names]))
    return not (marks.kinds(cells["identity"]) == marks.NOT_CERTIFIED).any()


def _at_common_sizes(*runs: pd.DataFrame) -> list[pd.DataFrame]:
    common = set.intersection(*({*each["batch_size"]} for each in runs))
    return [each[each["batch_size"].isin(common)] for each in runs]
