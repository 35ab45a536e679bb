"""The verdicts on the claims about batch size, and the evidence behind each."""

import pandas as pd

from benchmarks.publish import claims, figures, wording
from benchmarks.publish.claims import Judged
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import NOT_TOLD, Evidence, Place
from benchmarks.publish.claims.verdict import NOT_MEASURED, tested
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table

UNITS = {"ratio": "{}", "points": "{} points", "slope": "{}", "correlation": "{}", "octaves": "{} octaves"}


def tables(results: Results) -> list[Table]:
    """The verdict on every claim, and the evidence of every place where a study has any."""
    judged = claims.judge(results)
    evidence = [(each.claim, place, found) for each in judged for place, found in each.evidence.items()]
    if not evidence:
        return []
    return [_verdicts(judged, {*figures.applicable(results)}), _evidence(evidence)]


def _verdicts(judged: list[Judged], drawn: set[str]) -> Table:
    columns = [Column(head, words=True) for head in ("Claim", "Verdict", "Supported if", "Shown by")]
    return Table(
        name="claims",
        title="What circulates about batch size, and what this study says of it",
        caption="Each claim is judged by a criterion of the suite, applied by its code. It is supported "
        "where the data show at every place, that is workload, framework and arm, at which it could be "
        "tested that the effect lies within the criterion, and refuted where they show at every such place "
        "that it lies outside; of what always happens, one place refutes it. Depends on: it is shown to hold "
        "at one place and not to hold at another. Inconclusive: the data show neither. Tests: Student's t "
        "over seeds or processes, or the exact chance of ranks, corrected for the number of claims (Holm), "
        "so that with 95 % probability no verdict is wrong by chance. Values that were disturbed, and cells "
        "that are not certified, are no evidence. A verdict is about the workloads, machine and budget of "
        "this study.",
        columns=columns,
        rows=[_verdict(each, drawn) for each in judged],
        data=pd.DataFrame(
            [
                {"claim": each.claim.name, "sentence": each.claim.sentence, "verdict": each.verdict}
                | {"supported_if": each.claim.supported_if, "places": len(each.evidence)}
                for each in judged
            ]
        ),
    )


def _verdict(judged: Judged, drawn: set[str]) -> list[Entry]:
    claim = judged.claim
    measured = judged.verdict != NOT_MEASURED
    shown = claim.figure if measured and claim.figure in drawn else ""
    verdict = with_places(judged) if measured else f"{NOT_MEASURED} yet: {not_measured(judged)}"
    name = figures.modules()[shown].TITLE if shown else wording.NOTHING
    return [
        Entry(claim.sentence),
        Entry(verdict, bold=measured),
        Entry(claim.supported_if),
        Entry(name, link=f"figure-{shown}" if shown else ""),
    ]


def with_places(judged: Judged) -> str:
    """The verdict, with the number of places that it is about where others could not be tested."""
    n, of = len(tested(judged.evidence)), len(judged.evidence)
    return judged.verdict if n == of else f"{judged.verdict} ({n} of {of} places could be tested)"


def not_measured(judged: Judged) -> str:
    """What it takes to judge a claim, and how much of that there is, or why no place could be tested."""
    return f"it takes {judged.claim.needs}{_here(judged)}"


def _here(judged: Judged) -> str:
    """How much of what it takes to judge a claim this study has, or why the first place says nothing."""
    numbers = sorted({found.n for found in judged.evidence.values() if 0 < found.n < judged.claim.fewest})
    reasons = [found.remark for found in judged.evidence.values() if found.remark]
    if numbers:
        return f" (here: {numbers[0]}{f' to {numbers[-1]}' if len(numbers) > 1 else ''})"
    return f" (here: {reasons[0]})" if reasons else ""


def _evidence(evidence: list[tuple[Claim, Place, Evidence]]) -> Table:
    columns = [Column(head, words=True) for head in ("Claim", "Workload", "Framework", "Arm", "Effect")]
    columns += [Column("Measured [95 % interval]"), Column("Criterion"), Column("n")]
    columns += [Column("By itself", words=True), Column("Would decide"), Column("Remarks", words=True)]
    return Table(
        name="claims-evidence",
        title="The evidence behind the verdicts",
        caption="The effect at each place with its interval (Student's t over n seeds or processes), and the "
        "criterion that it is held to: least and most of the effect with which the claim holds. By itself: "
        "what this place would say if it were the only test, at 5 %. Would decide: how many seeds or "
        "processes would let it say so by itself, with a chance of 80 %, if the effect is as large as it is "
        "seen.",
        columns=columns,
        rows=[_line(*each) for each in evidence],
        data=pd.DataFrame([_data(*each) for each in evidence]),
    )


def _line(claim: Claim, place: Place, found: Evidence) -> list[Entry]:
    texts = [
        claim.sentence,
        wording.workload((place.dataset, place.model)),
        wording.name(place.framework),
        place.arm or wording.NOTHING,
        claim.effect,
        UNITS[claim.unit].format(wording.interval(*found.effect)),
        wording.region(*(found.criterion or claim.region)),
        wording.whole(found.n),
        found.alone,
        would_decide(found),
        found.remark,
    ]
    return [Entry(text) for text in texts]


def would_decide(found: Evidence) -> str:
    """How many values would decide where those at hand do not."""
    return wording.whole(found.decided_by) if _is_open(found) else wording.NOTHING


def _is_open(found: Evidence) -> bool:
    """Whether the values at hand do not decide, and more would."""
    return found.alone == NOT_TOLD and bool(found.decided_by)


def _data(claim: Claim, place: Place, found: Evidence) -> dict:
    least, most = found.criterion or claim.region
    return {
        "claim": claim.name,
        **place._asdict(),
        **{"effect": found.effect.value, "effect_lo": found.effect.lo, "effect_hi": found.effect.hi},
        **{"unit": claim.unit, "least": least, "most": most, "n": found.n},
        **{"p_supported": found.p_supported, "p_refuted": found.p_refuted},
        **{"decided_by": found.decided_by if _is_open(found) else None, "remark": found.remark},
    }
