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
from benchmarks.publish.tables.claims import UNITS, not_measured


def told(studies: dict[str, Results]) -> str:
    """A table in Markdown: every claim with its verdict and its effects, by the folders of the studies."""
    lines = [["Claim", "Verdict", "What was seen", "Shown by"], ["---"] * 4]
    drawn = {folder: {*figures.applicable(results)} for folder, results in studies.items()}
    for judged in chart.in_order(claims.judge(*studies.values())):
        verdict = judged.verdict
        seen = not_measured(judged) if verdict == NOT_MEASURED else _effects(judged)
        shown = "" if verdict == NOT_MEASURED else _figure(studies, drawn, judged.claim)
        lines.append([judged.claim.sentence, f"**{verdict}**", seen, shown])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _effects(judged: Judged) -> str:
    """The effect at each place where it was tested, and what the effect is; where it could not be tested."""
    places = [_seen(judged.claim, place, found) for place, found in tested(judged.evidence).items()]
    untested = [_where(place) for place in judged.evidence if place not in tested(judged.evidence)]
    effect = judged.claim.effect
    without = f". Not tested: {'; '.join(untested)}" if untested else ""
    return f"{effect[0].upper()}{effect[1:]}: {'; '.join(places)}{without}"


def _seen(claim: Claim, place: Place, found: Evidence) -> str:
    """The effect at a place, with the remark of its evidence."""
    effect = UNITS[claim.unit].format(wording.interval(*found.effect))
    return f"{_where(place)}: {effect}" + (f" ({found.remark})" if found.remark else "")


def _where(place: Place) -> str:
    names = [wording.workload((place.dataset, place.model)), wording.name(place.framework), place.arm]
    return ", ".join(filter(None, names))


def _figure(studies: dict[str, Results], drawn: dict[str, set[str]], claim: Claim) -> str:
    """A link to the figure of the first study that says anything of a claim."""
    for folder, results in studies.items():
        if claim.figure in drawn[folder] and tested(claims.evidence_of(results, claim)):
            title = figures.modules()[claim.figure].TITLE
            return f"[{title}](../{folder}/figures/{claim.figure}.svg)"
    return ""


def of_papers(studies: dict[str, Results]) -> str:
    """The tables of papers of all studies that follow one, one below the other."""
    found = [each for results in studies.values() for each in findings.of_study(results)]
    if not found:
        return "No published study follows a paper."
    return "\n".join(line for line in markdown(paper.table(found)).splitlines() if line.startswith("|"))
