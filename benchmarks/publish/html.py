"""Pages: one HTML file each, which holds everything it shows and opens with no network."""

import base64
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.common.errors import Problem

SHARED = Path(__file__).parent
"""Where the style sheet and the parts lie that all pages have in common."""


def render(template: Path, **values: object) -> str:
    """The page that a template makes of these values."""
    loader = FileSystemLoader([template.parent, SHARED])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template(template.name).render(values)


def image(path: Path) -> str:
    """A drawn figure in base64; as an image of its own its ids clash with no other's.

    Raises:
        Problem: it has not been drawn.
    """
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except FileNotFoundError as error:
        mend = "run `python -m benchmarks figures` on this folder first"
        raise Problem(f"{path} does not exist", mend=mend) from error
