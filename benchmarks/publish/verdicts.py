"""What the page on claims says of each, from several published studies together."""

from benchmarks.publish import claims, figures, findings, wording
from benchmarks.publish.claims import Judged
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place
from benchmarks.publish.claims.verdict import NOT_MEASURED, tested
from benchmarks.publish.drawing import verdicts as chart
from benchmarks.publish.results import Results
from benchmarks.publish.table import markdown
from benchmarks.publish.tables import paper
from benchmarks.publish.tables.claims import UNITS, not_measured, with_places, would_decide
from benchmarks.summary import hardware

Studies = dict[str, Results]
"""Published studies by their folders."""


def studies_told(studies: Studies) -> str:
    """A line for each study: where it ran, and what it trained."""
    return "\n".join(f"- {_study(folder, results)}" for folder, results in studies.items())


def _study(folder: str, results: Results) -> str:
    settings = results.provenance["study"]
    workloads = "; ".join(map(wording.workload, results.workloads))
    names = ", ".join(map(wording.name, results.frameworks))
    seeds = f"{len(settings['seeds'])} seeds" if settings.get("seeds") else "timings alone"
    where = hardware.line(results.provenance)
    return f"[`{settings['study']}`](../{folder}/tables/main.csv), {where}: {workloads}; {names}; {seeds}"


def told(studies: Studies, judged: list[Judged]) -> str:
    """A table in Markdown of the claims that were judged, with their effects at every place."""
    lines = [["Claim", "Verdict", "What was seen", "Shown by"], ["---"] * 4]
    drawn = {folder: {*figures.applicable(results)} for folder, results in studies.items()}
    for each in chart.in_order(judged):
        if each.verdict != NOT_MEASURED:
            shown = _figure(studies, drawn, each.claim)
            lines.append([_said(each.claim), f"**{with_places(each)}**", _effects(each), shown])
    return _in_rows(lines)


def open_yet(judged: list[Judged]) -> str:
    """The same of those that were not, with what it takes."""
    lines = [[_said(each.claim), not_measured(each)] for each in judged if each.verdict == NOT_MEASURED]
    return _in_rows([["Claim", "What it takes"], ["---"] * 2, *lines])


def _said(claim: Claim) -> str:
    """The claim, and where it was heard."""
    return claim.sentence + (f" ({claim.heard_in})" if claim.heard_in else "")


def _in_rows(lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _effects(judged: Judged) -> str:
    """What the effect is, at each place where it was tested; where it could not be, and why."""
    seen = [_seen(judged.claim, place, found) for place, found in tested(judged.evidence).items()]
    untested = [
        f"{_where(place)} ({found.remark})"
        for place, found in judged.evidence.items()
        if place not in tested(judged.evidence)
    ]
    effect = judged.claim.effect
    without = f". Could not be tested: {'; '.join(untested)}" if untested else ""
    return f"{effect[0].upper()}{effect[1:]}: {'; '.join(seen)}{without}"


def _seen(claim: Claim, place: Place, found: Evidence) -> str:
    """The effect at a place with its remark, and how many values would decide where these do not."""
    effect, needed = UNITS[claim.unit].format(wording.interval(*found.effect)), would_decide(found)
    more = f"{needed} seeds or processes would decide" if needed != wording.NOTHING else ""
    remarks = "; ".join(filter(None, [found.remark, more]))
    return f"{_where(place)}: {effect}" + (f" ({remarks})" if remarks else "")


def _where(place: Place) -> str:
    names = [wording.workload((place.dataset, place.model)), wording.name(place.framework), place.arm]
    return ", ".join(filter(None, names))


def _figure(studies: Studies, drawn: dict[str, set[str]], claim: Claim) -> str:
    """A link to the figure of the first study that says anything of a claim."""
    for folder, results in studies.items():
        if claim.figure in drawn[folder] and tested(claims.evidence_of(results, claim)):
            title = figures.modules()[claim.figure].TITLE
            return f"[{title}](../{folder}/figures/{claim.figure}.svg)"
    return ""


def of_papers(studies: Studies) -> str:
    """The tables of papers of all studies that follow one, one below the other."""
    found = [each for results in studies.values() for each in findings.of_study(results)]
    if not found:
        return "No published study follows a paper."
    return "\n".join(line for line in markdown(paper.table(found)).splitlines() if line.startswith("|"))
