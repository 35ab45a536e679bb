"""Seals: the digest of a finished file or folder, kept beside it, by which damage and loss are noticed.

The workflow asks for outputs that are missing. A figure that was deleted from a folder of figures, or a table
cut short by a full disk, is not missing to it; a broken seal tells.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.common.files import set_aside, write_text


def seal(*paths: Path) -> None:
    """Seal these files and folders, which are finished."""
    for path in paths:
        write_text(_digest(path) + "\n", _seal_of(path))


def sealed(folder: Path) -> list[Path]:
    """Every file and folder below this one that has a seal."""
    return sorted(seal.with_name(seal.name[1:].removesuffix(".seal")) for seal in folder.rglob(".*.seal"))


def set_aside_broken(paths: Iterable[Path]) -> list[str]:
    """Set aside what is not as it was when it was sealed, so that it is made again; a line for each.

    What is missing is left alone. What has no seal was not finished.
    """
    found = [path for path in paths if path.exists() and not _is_whole(path)]
    for path in found:
        set_aside(path)
        _seal_of(path).unlink(missing_ok=True)
    return [f"{path} is damaged or not complete" for path in found]


def _is_whole(path: Path) -> bool:
    seal = _seal_of(path)
    return seal.exists() and seal.read_bytes().decode(errors="replace").strip() == _digest(path)


def _seal_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.seal")


def _digest(path: Path) -> str:
    """SHA-256 (hex) of a file, or of the names and contents of all files in a folder."""
    total = hashlib.sha256()
    for name, file in _files(path):
        with file.open("rb") as content:
            total.update(f"{name}\0{hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder by their names within it; the file itself, without a name.

    Those with a dot in front are left out: Snakemake keeps a file of its own in folders.
    """
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")]
        yield from sorted((str(file.relative_to(path)), file) for file in files)
    else:
        yield "", path
