"""The store: every finished measurement, kept under the digest of all that it depends on.

An entry is one JSON file, `MEASUREMENT/DIGEST.json`, with what the measurement depends on and its result. It
is written once and checked whenever it is read. The outputs of the workflow are views of it: an output that
was deleted, damaged or replaced is made again from the store, and a measurement under other conditions has
another digest, so that the two cannot be mixed.
"""

import hashlib
import itertools
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import files
from benchmarks.common.errors import Problem
from benchmarks.common.quiet import Disturbance, calm_ms

Conditions = dict
"""All that a measurement depends on, as JSON; `common.conditions` says what that is."""


def digest(conditions: Conditions) -> str:
    """SHA-256 (hex) of the conditions; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(conditions, sort_keys=True).encode()).hexdigest()


class Store:
    """The entries below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, conditions: Conditions) -> Path:
        """The file of the entry for these conditions, whether or not it exists."""
        return self.folder / conditions["measurement"] / f"{digest(conditions)}.json"

    def find(self, conditions: Conditions) -> dict | None:
        """The result that was measured under exactly these conditions; None if there is none."""
        path = self.path(conditions)
        if not path.exists():
            return None
        try:
            entry = _read(path)
        except Problem as problem:
            print(f"{problem.cause}; it is set aside and measured again", file=sys.stderr)
            files.set_aside(path)
            return None
        path.touch()  # `sweep` goes by the last use
        return entry["result"]

    def keep(self, conditions: Conditions, result: dict) -> dict:
        """Keep a result, unless there is one already; give the one that counts, which is the earlier."""
        earlier = self.find(conditions)
        if earlier is not None:
            return earlier
        files.write_sealed({"conditions": conditions, "result": result}, self.path(conditions))
        return result

    def entries(self, measurement: str) -> Iterator[tuple[Path, Conditions]]:
        """Every intact entry of a kind of measurement, with its conditions."""
        for path in sorted((self.folder / measurement).glob("*.json")):
            try:
                yield path, _read(path)["conditions"]
            except Problem:
                continue

    def nearest(self, conditions: Conditions) -> Conditions | None:
        """The conditions of the entry that differ in the fewest places; None if the store has none."""
        others = [found for _, found in self.entries(conditions["measurement"])]
        return min(others, key=lambda other: len(differences(conditions, other)), default=None)

    def sweep(self, *, unused_for_s: float = math.inf, disturbed: bool = False) -> list[Path]:
        """Remove what was not used for this time, damaged files and drafts too; return the paths.

        `disturbed`: remove also every measurement that the machine disturbed.
        """
        now, rough = time.time(), self.disturbed() if disturbed else set()
        files_of_all = [path for path in self.folder.glob("*/*") if path.is_file()]
        removed = [
            path for path in files_of_all if now - path.stat().st_mtime >= unused_for_s or path in rough
        ]
        for path in removed:
            path.unlink()
        return removed

    def disturbed(self) -> set[Path]:
        """Every intact entry that was disturbed, by itself or beside others of its kind on its machine.

        The calm ones beside which it is slow are those of all studies here; a study marks it beside its own.
        """
        found: set[Path] = set()
        alike: dict[tuple, dict[Path, list[Disturbance]]] = {}
        for path in self.folder.glob("*/*.json"):
            machine, of_one = _seen(path)
            alike.setdefault((path.parent, machine), {})[path] = of_one
        for seen in alike.values():
            calm = calm_ms([each for of_one in seen.values() for each in of_one])
            found |= {
                path for path, of_one in seen.items() if any(each.reason_beside(calm) for each in of_one)
            }
        return found


def _read(path: Path) -> dict:
    """An entry, with its `conditions` and `result`.

    Raises:
        Problem: the file is damaged, or was measured under other conditions than its name says.
    """
    entry = files.read_sealed(path)
    if digest(entry["conditions"]) != path.stem:
        raise Problem(f"{path} holds another measurement", fix="run the same command again")
    return entry


def _seen(path: Path) -> tuple[str, list[Disturbance]]:
    """The machine of an entry, and every disturbance within it; nothing if it is not intact."""
    try:
        entry = _read(path)
    except Problem:
        return "", []
    return str(entry["conditions"].get("machine")), list(disturbances(entry["result"]))


def disturbances(result: object) -> Iterator[Disturbance]:
    """Every disturbance within a result, whatever the kind of measurement."""
    if isinstance(result, list):
        yield from itertools.chain.from_iterable(map(disturbances, result))
    elif isinstance(result, dict):
        if result.get("disturbance"):
            yield Disturbance.model_validate(result["disturbance"])
        yield from disturbances(list(result.values()))


def differences(ours: Conditions, theirs: Conditions, prefix: str = "") -> dict[str, tuple]:
    """Every place, by its path of keys, at which two conditions differ, with both values."""
    found = {}
    for key in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(key), theirs.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            found |= differences(one, other, f"{prefix}{key}.")
        elif one != other:
            found[f"{prefix}{key}"] = (one, other)
    return found
