"""Verdicts on the claims about batch size that circulate, by criteria that were written down before.

To add a claim, add it to `claims.yaml`. To judge it, write a function `judge(results, claim)` in a module
here that returns the evidence of every place, None where it does not apply, and name it there.
"""

from importlib import import_module
from typing import NamedTuple

from benchmarks.publish.claims import verdict
from benchmarks.publish.claims.arms import certified
from benchmarks.publish.claims.claim import Claim, claims
from benchmarks.publish.claims.evidence import Evidence, Place, lacking
from benchmarks.publish.results import Results


class Judged(NamedTuple):
    """A claim with its verdict and the evidence of every place."""

    claim: Claim
    verdict: str
    evidence: dict[Place, Evidence]


def judge(*studies: Results) -> list[Judged]:
    """The verdict on every claim from all of these studies, in the order of `claims.yaml`.

    Of a place that several studies have, the first one that says anything counts.
    """
    found = {name: _of_all(studies, claim) for name, claim in claims().items()}
    always = frozenset(name for name, claim in claims().items() if claim.always)
    decided = verdict.verdicts(found, always=always)
    return [Judged(claim, decided[name], found[name]) for name, claim in claims().items()]


def _of_all(studies: tuple[Results, ...], claim: Claim) -> dict[Place, Evidence]:
    """The evidence of every place of all studies."""
    found: dict[Place, Evidence] = {}
    for results in studies:
        for place, evidence in evidence_of(results, claim).items():
            if not (place in found and found[place].tested):
                found[place] = evidence
    return found


def evidence_of(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """What every place says of a claim; nothing where it is not measured."""
    if not claim.judge:
        return {}
    module, function = claim.judge.split(".")
    found = getattr(import_module(f"{__name__}.{module}"), function)(results, claim)
    return {place: _if_certified(results, place, evidence) for place, evidence in found.items() if evidence}


def _if_certified(results: Results, place: Place, evidence: Evidence) -> Evidence:
    """The evidence of a place, unless what was computed there is not known to be the same training."""
    if certified(results, place):
        return evidence
    return lacking("a cell is not certified", n=evidence.n, effect=evidence.effect)
