"""Writing tables, figures and pages: a file is complete or absent, and the same data give the same bytes."""

import base64
import os
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.publish.table import Table, latex, markdown

FORMATS = ("svg", "pdf", "png")
UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
DPI = 200


def write_table(table: Table, folder: Path) -> None:
    """Write a table as CSV, Markdown and LaTeX."""
    write_text(table.data.to_csv(index=False, float_format="%.6g"), folder / f"{table.name}.csv")
    write_text(markdown(table), folder / f"{table.name}.md")
    write_text(latex(table), folder / f"{table.name}.tex")


def laid_out(figure: Figure) -> None:
    """Fix the position of everything in a figure, so that all its file formats show the same."""
    # Twice, since what stands above a panel has its height only when the panel has.
    for _ in range(2):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")


def write_figure(figure: Figure, folder: Path, *, name: str) -> None:
    """Write a figure as SVG, PDF and PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    laid_out(figure)
    for kind in FORMATS:
        path = folder / f"{name}.{kind}"
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            figure.savefig(draft, format=kind, dpi=DPI, metadata=UNDATED[kind])
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


TEMPLATES = Path(__file__).parent
"""Where the style sheet and the parts lie that all pages have in common."""


def page(template: Path, **values: object) -> str:
    """The page that a template makes of these values."""
    loader = FileSystemLoader([template.parent, TEMPLATES])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template(template.name).render(values)


def embedded_image(path: Path) -> str:
    """A drawn figure in base64. Embedded as an image, its ids cannot clash with those of other figures.

    Raises:
        Problem: it has not been drawn.
    """
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except FileNotFoundError as error:
        fix = "run `python -m benchmarks figures` on this folder first"
        raise Problem(f"{path} does not exist", fix=fix) from error
