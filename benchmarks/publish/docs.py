"""The numbers in the README and in docs/, which a command writes from the published results.

A page quotes between two comments, `<!-- numbers: NAME -->` and `<!-- end -->`; NAME is a function of
`benchmarks.publish.quoted`. A text of one line stays in its line (one that does not begin with
the comment, or Markdown takes it for HTML); a longer one has lines of its own.
"""

import re
from functools import cache
from pathlib import Path

from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.publish import answer, claims, quoted, results, verdicts, writing
from benchmarks.publish.claims import Judged
from benchmarks.publish.drawing import verdicts as chart
from benchmarks.publish.results import Results

PUBLISHED = Path("results/published/intel-xeon-processor-icelake-2-cores/full")
"""The published study that the pages quote."""
IMPLEMENTATIONS = Path("results/published/amd-epyc-2-cores/implementations")
"""The published study of all five frameworks."""
CLAIMED = (
    PUBLISHED,
    *map(
        PUBLISHED.with_name,
        ("powers-of-two", "mccandlish-mnist", "growing-batch", "masters-luschi", "accumulation"),
    ),
)
"""The published studies that claims are judged by in docs/claims.md; the first counts where several could."""
QUOTED = re.compile(r"(<!-- numbers: ([\w-]+) -->)(.*?)(<!-- end -->)", re.DOTALL)
FIGURE, CHART = "answer", "claims"


def pages(root: Path) -> list[Path]:
    """Every page that may quote: the README and those of docs/."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def quotations(root: Path) -> dict[str, str]:
    """The text behind every name that a page may quote, from the published results below `root`."""
    full, implementations = (results.read(root / folder) for folder in (PUBLISHED, IMPLEMENTATIONS))
    claimed, judged = judged_together(root)
    of_claims = {
        "claimed-studies": verdicts.studies_told(claimed),
        "claims": verdicts.told(claimed, judged),
        "claims-open": verdicts.open_yet(judged),
        "papers": verdicts.of_papers(claimed),
    }
    return quoted.texts(full, implementations) | of_claims | {"published": f"`{PUBLISHED}`"}


@cache
def judged_together(root: Path) -> tuple[dict[str, Results], list[Judged]]:
    """The studies of the page on claims by their folders, and the verdicts from all of them."""
    claimed = {str(folder): results.read(root / folder) for folder in CLAIMED}
    return claimed, claims.judge(*claimed.values())


def written(page: str, texts: dict[str, str]) -> str:
    """The page, with the text of the published results between each pair of markers.

    Raises:
        Problem: a marker names a text that does not exist.
    """

    def replaced(match: re.Match) -> str:
        start, name, _, end = match.groups()
        if name not in texts:
            raise Problem(f"there are no numbers '{name}'", fix=f"known names: {', '.join(sorted(texts))}")
        inside = texts[name]
        # Markdown wants blank lines around a table or a list.
        return f"{start}\n\n{inside}\n\n{end}" if "\n" in inside else f"{start}{inside}{end}"

    return QUOTED.sub(replaced, page)


def write(root: Path) -> list[Path]:
    """Write the numbers into the pages below `root` and draw their figures; return what changed."""
    texts = quotations(root)
    changed = []
    for page in pages(root):
        before = page.read_text(encoding="utf-8")
        after = written(before, texts)
        if after != before:
            write_text(after, page)
            changed.append(page)
    figure = answer.draw(results.read(root / PUBLISHED), workload=quoted.WORKLOAD, arm=quoted.ARM)
    writing.write_figure(figure, root / "docs/images", name=FIGURE)
    writing.write_figure(chart.draw(judged_together(root)[1]), root / "docs/images", name=CHART)
    return changed
