"""Traces in the store: what was traced under the same conditions is not traced again.

A trace is arrays, too large for an entry's JSON. They lie beside it, and the entry has their digest.
"""

import hashlib
import sys
from pathlib import Path

from benchmarks.common.store import Conditions, Store, digest
from benchmarks.identity import quantity
from benchmarks.identity.quantity import Trace

NAME = "trace"


def find(store: Store, conditions: Conditions) -> Trace | None:
    """The trace that was recorded under exactly these conditions; None if there is none that is whole."""
    entry, arrays = store.find(conditions), _arrays(store, conditions)
    if entry is None:
        return None
    if not arrays.exists() or _sha256(arrays) != entry["sha256"]:
        print(f"{arrays} is damaged or missing; it is recorded again", file=sys.stderr)
        store.path(conditions).unlink()
        return None
    arrays.touch()  # as the store does with its entries
    return quantity.read_trace(arrays, NAME)


def keep(store: Store, conditions: Conditions, trace: Trace) -> None:
    """Keep a trace, unless the store has one already."""
    if find(store, conditions) is not None:
        return
    arrays = _arrays(store, conditions)
    quantity.write_traces({NAME: trace}, {NAME: digest(conditions)}, arrays)
    store.keep(conditions, {"sha256": _sha256(arrays)})


def _arrays(store: Store, conditions: Conditions) -> Path:
    return store.path(conditions).with_suffix(".safetensors")


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
