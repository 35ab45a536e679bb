"""What MkDocs does for the site beside the pages of this folder: `mkdocs build --strict` calls these hooks.

The README, the description of studies and the changelog lie where GitHub shows them. They become pages too,
and links are rewritten, so that one text works in both places.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
OUTSIDE = {"README.md": "index.md", "config/README.md": "studies.md", "CHANGELOG.md": "changelog.md"}
"""Files that lie outside this folder, and the pages that they become."""
LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)\s#]+)(?=[)#])")


def on_files(files, config):
    """Add the pages that lie outside the folder."""
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    return files


def on_page_markdown(markdown, page, config, files):
    """Rewrite the links of a page from where its file lies to where its page lies."""
    source = {name: path for path, name in OUTSIDE.items()}.get(page.file.src_uri)
    folder = posixpath.dirname(source or f"docs/{page.file.src_uri}")
    return LINK.sub(lambda match: _place(posixpath.normpath(posixpath.join(folder, match[1]))), markdown)


def _place(path: str) -> str:
    """Where on the site a file of the repository is."""
    return OUTSIDE.get(path) or path.removeprefix("docs/")
