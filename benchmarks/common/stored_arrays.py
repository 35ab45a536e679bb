"""Arrays in the store: a file of safetensors beside an entry, which has the file's digest.

What a trace recorded, or the parameters of a training, are too large for an entry's JSON.
"""

import hashlib
import sys
from pathlib import Path

from benchmarks.common import files
from benchmarks.common.store import Conditions, Store


def find(store: Store, conditions: Conditions) -> Path | None:
    """The file that was made under exactly these conditions; None if there is none that is whole."""
    entry, arrays = store.find(conditions), path(store, conditions)
    if entry is None:
        return None
    if not arrays.exists() or _sha256(arrays) != entry["sha256"]:
        print(f"{arrays} is damaged or missing; it is made again", file=sys.stderr)
        store.path(conditions).unlink()
        return None
    arrays.touch()  # as the store does with its entries
    return arrays


def keep(store: Store, conditions: Conditions, content: bytes) -> Path:
    """Keep the content of a file, unless the store has one already, and give the file that counts."""
    if earlier := find(store, conditions):
        return earlier
    files.write_bytes(content, path(store, conditions))
    store.keep(conditions, {"sha256": hashlib.sha256(content).hexdigest()})
    return path(store, conditions)


def path(store: Store, conditions: Conditions) -> Path:
    """The place of the file, whether or not it exists."""
    return store.path(conditions).with_suffix(".safetensors")


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
