"""What a data set must be once it is scaled and split, worked out from its file by other code.

All frameworks train on the same arrays: if their scale or their split were wrong, it would be so everywhere.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.datasets.dataset import Dataset

SPLIT_SEED = 20160915
SCALES = {"digits": 16, "mnist1d": 4096} | dict.fromkeys(
    ("mnist", "fashion_mnist", "cifar10", "cifar100"), 255
)
"""By which the numbers of a data set that is built in are divided."""
LOOKED_AT = 2000
"""The most examples of a part whose numbers are compared; the labels of all are."""
TOLERANCE = 1e-6


def parts(path: Path) -> tuple[dict, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """The facts of a data file, and the raw examples and labels of each part.

    Validation is the end of the source's training set. Images are drawn at random, unless they have a
    validation set of their own; text is in its order. Of a part of a training set, only the first examples
    are trained on, or the first of each class.
    """
    with np.load(path, allow_pickle=False) as file:
        facts = json.loads(str(file["facts"]))
        raw = {name: file[name] for name in ("train_x", "train_y", "test_x", "test_y")}
    n_train, n_validation, _ = facts["split"]
    order = np.arange(len(raw["train_y"]))
    if facts["kind"] == "images" and not facts["own_validation"]:
        order = np.random.RandomState(SPLIT_SEED).permutation(len(order))
    n_whole = len(order) - n_validation
    train = order[:n_whole]
    if facts["kind"] == "images" and facts["own_validation"] and facts["part"] != [1.0, 1.0]:
        train = train[np.random.RandomState(SPLIT_SEED).permutation(n_whole)]
    if (ratio := facts["part"][1]) != 1:
        train = uneven(train, raw["train_y"], ratio, share=facts["part"][0], n_classes=facts["n_classes"])
    places = {"train": train[:n_train], "validation": order[n_whole:]}
    found = {part: (raw["train_x"][place], raw["train_y"][place]) for part, place in places.items()}
    return facts, found | {"test": (raw["test_x"], raw["test_y"])}


def uneven(
    order: np.ndarray, labels: np.ndarray, ratio: float, *, share: float, n_classes: int
) -> np.ndarray:
    """Of the examples in this order, the first of each class: in the last class 1 / `ratio` of the first."""
    most = int(0.8 * share * len(order) / n_classes + 1e-9)
    left = [int(most * ratio ** (-c / (n_classes - 1)) + 1e-9) for c in range(n_classes)]
    kept = []
    for place in order:
        label = int(labels[place])
        if left[label] > 0:
            kept.append(place)
            left[label] -= 1
    return np.array(kept)


def faults(path: Path, data: Dataset) -> Iterator[str]:
    """Every part of a data set that is not what its file says, in words."""
    facts, found = parts(path)
    scale, labels = facts["scale"], [y for _, y in found.values()]
    if scale != SCALES.get(facts["name"].split("/")[0], scale):
        yield f"its examples are divided by {scale:g}"
    if facts["kind"] == "images" and data.n_classes != 1 + max(int(y.max(initial=0)) for y in labels):
        yield f"it is said to have {data.n_classes} classes"
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
