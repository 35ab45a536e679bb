"""What a data set must be once it is scaled and split, worked out from its file by other code.

All frameworks train on the same arrays: if their scale or their split were wrong, it would be so everywhere.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.datasets.dataset import Dataset

SPLIT_SEED = 20160915
LOOKED_AT = 2000
"""The most examples of a part whose numbers are compared; the labels of all are."""
TOLERANCE = 1e-6


def parts(path: Path) -> tuple[float, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """The scale of a data file, and the raw examples and labels of each part.

    Validation is what is left of the source's training set. Images are drawn at random, text in its order.
    """
    with np.load(path, allow_pickle=False) as file:
        facts = json.loads(str(file["facts"]))
        raw = {name: file[name] for name in ("train_x", "train_y", "test_x", "test_y")}
    n_train, n_validation, _ = facts["split"]
    order = np.arange(n_train + n_validation)
    if facts["kind"] == "images":
        order = np.random.RandomState(SPLIT_SEED).permutation(len(order))
    places = {"train": order[:n_train], "validation": order[n_train:]}
    found = {part: (raw["train_x"][place], raw["train_y"][place]) for part, place in places.items()}
    return facts["scale"], found | {"test": (raw["test_x"], raw["test_y"])}


def faults(path: Path, data: Dataset) -> Iterator[str]:
    """Every part of a data set that is not what its file says, in words."""
    scale, found = parts(path)
    for part, (raw_x, raw_y) in found.items():
        x, y = getattr(data, f"{part}_x"), getattr(data, f"{part}_y")
        if x.shape != raw_x.shape or not np.array_equal(y, raw_y):
            yield f"its {part} set does not consist of the examples that it has to"
            continue
        place = np.linspace(0, len(x) - 1, min(len(x), LOOKED_AT)).astype(int)
        due = raw_x[place].astype(np.float64) / (scale if x.dtype.kind == "f" else 1)
        if not np.allclose(x[place], due, rtol=TOLERANCE, atol=TOLERANCE):
            yield f"its {part} examples are not the raw ones over {scale:g}"


def fault(path: Path, data: Dataset) -> str:
    """The first of them; empty if there is none."""
    return next(faults(path, data), "")
