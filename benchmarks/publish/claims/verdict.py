"""From the evidence of all places to one verdict for each claim, corrected for the number of claims."""

from typing import NamedTuple

from benchmarks.publish.claims.evidence import Evidence, Place

LEVEL = 0.05
"""The chance that any verdict of all claims together is wrong."""
SUPPORTED, REFUTED, DEPENDS = "supported", "refuted", "depends on"
INCONCLUSIVE, NOT_MEASURED = "inconclusive", "not measured"
Found = dict[Place, Evidence]


class Hypothesis(NamedTuple):
    """One of the verdicts that a claim may have, with its p value."""

    claim: str
    verdict: str
    p: float


def verdicts(found: dict[str, Found], *, always: frozenset[str] = frozenset()) -> dict[str, str]:
    """The verdict of each claim from its evidence; one that is `always` fails where it fails once.

    Each claim has three tests over the places that could be tested: supported at all of them, refuted at all,
    or one at some and the other at others. Holm's correction (1979, Scand. J. Statist. 6:65) goes over all
    tests of all claims, so that the chance of any wrong verdict is at most LEVEL.
    """
    known = {name: tested(places) for name, places in found.items() if tested(places)}
    tests = [test for name, places in known.items() for test in _tests(name, places, name in always)]
    shown = {test.claim: test.verdict for test in holm(tests)}
    return {
        name: _worded(shown.get(name, INCONCLUSIVE), known[name]) if name in known else NOT_MEASURED
        for name in found
    }


def tested(places: Found) -> Found:
    """The places that say anything."""
    return {place: evidence for place, evidence in places.items() if evidence.tested}


def _tests(name: str, places: Found, always: bool) -> list[Hypothesis]:
    supported = [evidence.p_supported for evidence in places.values()]
    refuted = [evidence.p_refuted for evidence in places.values()]
    some_supported, some_refuted = (min(1.0, len(ps) * min(ps)) for ps in (supported, refuted))
    if always:
        return [Hypothesis(name, SUPPORTED, max(supported)), Hypothesis(name, REFUTED, some_refuted)]
    return [
        Hypothesis(name, SUPPORTED, max(supported)),
        Hypothesis(name, REFUTED, max(refuted)),
        Hypothesis(name, DEPENDS, max(some_supported, some_refuted)),
    ]


def holm(tests: list[Hypothesis]) -> list[Hypothesis]:
    """The tests that are significant together, from the smallest p value on."""
    ordered = sorted(tests, key=lambda test: test.p)
    for rank, test in enumerate(ordered):
        if test.p > LEVEL / (len(ordered) - rank):
            return ordered[:rank]
    return ordered


FACTORS = {"framework": ("framework",), "workload": ("dataset", "model"), "arm": ("arm",)}


def _worded(verdict: str, places: Found) -> str:
    """The verdict, with what it depends on: each factor that alone tells the places apart that decide."""
    if verdict != DEPENDS:
        return verdict
    decided = {place: found.p_supported <= LEVEL for place, found in places.items() if _decides(found)}
    names = [name for name, fields in FACTORS.items() if _tells_apart(decided, fields)]
    return f"{DEPENDS} {' or '.join(names) or ', '.join(FACTORS)}"


def _decides(found: Evidence) -> bool:
    return min(found.p_supported, found.p_refuted) <= LEVEL


def _tells_apart(decided: dict[Place, bool], fields: tuple[str, ...]) -> bool:
    """Whether places that are alike in these fields say the same."""
    sides: dict[tuple, set[bool]] = {}
    for place, holds in decided.items():
        sides.setdefault(tuple(getattr(place, field) for field in fields), set()).add(holds)
    return all(len(side) == 1 for side in sides.values())
