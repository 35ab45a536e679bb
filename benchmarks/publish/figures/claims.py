"""The verdicts on claims about batch size."""

from matplotlib.figure import Figure

from benchmarks.publish import claims
from benchmarks.publish.drawing import verdicts
from benchmarks.publish.results import Results

TITLE = "What circulates about batch size"


def applies(results: Results) -> bool:
    """Whether any place says something of any claim."""
    judges = (claims.evidence_of(results, claim) for claim in claims.claims().values())
    return any(found.tested for evidence in judges for found in evidence.values())


def caption(results: Results) -> str:
    """What a reader needs to read the figure."""
    return (
        "Each claim with its verdict, and a mark for each place, that is workload, framework and arm, with "
        "what it would say if it were the only test. The verdict is corrected for the number of claims. "
        "The criterion of each claim, its effects and intervals stand in the tables of verdicts."
    )


def draw(results: Results) -> Figure:
    """The chart of this study."""
    return verdicts.draw(claims.judge(results))
