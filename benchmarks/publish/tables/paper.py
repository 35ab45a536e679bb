"""The numbers of a paper beside those of the study that follows it."""

import pandas as pd

from benchmarks.publish import findings, wording
from benchmarks.publish.findings import Found
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table

HEADS = ("Paper", "Finding", "Theirs", "Ours [95 % interval]", "Reproduced if", "Verdict", "What differs")


def tables(results: Results) -> list[Table]:
    """One table: a row for each finding of a paper that this study follows; none if it follows no paper."""
    found = findings.of_study(results)
    return [table(found)] if found else []


def table(found: list[Found]) -> Table:
    """A row for each finding."""
    return Table(
        name="paper",
        title="What a paper found, and this study",
        caption="A finding is reproduced where the whole 95 % interval of ours lies within the criterion, "
        "not reproduced where all of it lies outside, not told otherwise, and not comparable where the "
        "study has no such interval or a cell is not certified. The criteria were written down before the "
        "study was run. Intervals are Student's over n seeds, or that of the law through all of them; of "
        "two laws, all ratios that they leave open. Where a seed lacks the value, as where it missed the "
        "target, nothing is told.",
        columns=[Column(head, words=True) for head in HEADS],
        rows=[[Entry(text) for text in _line(each)] for each in found],
        data=pd.DataFrame([_data(each) for each in found]),
    )


def _line(found: Found) -> list[str]:
    finding = found.finding
    ours = f"{wording.interval(*found.ours)}, n = {found.n}"
    criterion = wording.region(*finding.region)
    return [finding.paper, finding.sentence, finding.theirs, ours, criterion, found.verdict, finding.differs]


def _data(found: Found) -> dict:
    finding = found.finding
    return {
        **{"paper": finding.paper, "finding": finding.sentence, "theirs": finding.theirs},
        **{"ours": found.ours.value, "ours_lo": found.ours.lo, "ours_hi": found.ours.hi, "n": found.n},
        **{"above": finding.above, "below": finding.below},
        **{"verdict": found.verdict, "differs": finding.differs},
    }
