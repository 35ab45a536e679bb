"""Data that are scaled or split otherwise than they have to be are told."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from benchmarks import datasets
from benchmarks.datasets import dataset, digits, tinyshakespeare
from benchmarks.datasets.part import WHOLE, Part
from benchmarks.identity import expected_data


def stored(folder, *, kind="images", dtype="uint8", scale=16.0, own_validation=False, part=WHOLE):
    """A data file of random examples."""
    random = np.random.default_rng(0)
    shape, plugin = ((6,), tinyshakespeare) if kind == "tokens" else ((4, 4, 1), digits)
    sizes = {"train": 30, "test": 12}
    arrays = {f"{part}_x": random.integers(1, 16, (n, *shape)).astype(dtype) for part, n in sizes.items()}
    labels = shape if kind == "tokens" else ()
    arrays |= {f"{part}_y": random.integers(0, 10, (n, *labels)).astype("uint8") for part, n in sizes.items()}
    facts = replace(
        dataset.stated(plugin),
        **{
            "name": "images-own",
            "kind": kind,
            "shape": shape,
            "dtype": dtype,
            "scale": scale,
            "n_classes": 10,
        },
        **{"split": dataset.Split(20, 10, 12), "sha256": {}, "own_validation": own_validation},
    )
    facts = dataset.taken(facts, part)
    dataset.save(dataset.with_digests(facts, arrays), arrays, folder / "own.npz")
    return folder / "own.npz"


KINDS = {
    "images": {},
    "text": {"kind": "tokens", "scale": 1.0},
    "float images": {"dtype": "float32", "scale": 1.0},
    "images with a validation set of their own": {"own_validation": True},
    "a part of images": {"part": Part(0.5)},
    "a part of text": {"kind": "tokens", "scale": 1.0, "part": Part(0.5)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_data_that_were_read_as_they_have_to_be(tmp_path, kind):
    path = stored(tmp_path, **KINDS[kind])
    assert expected_data.fault(path, datasets.read(path)) == ""


def of_the_first(facts, labels):
    order = np.arange(len(labels))
    return order[: facts.split.train], order[: facts.split.validation]


def scaled_more(original):
    return lambda raw, facts: np.float32(0.8) * original(raw, facts)


PLANTS = {
    "validation on examples for training": (
        lambda: patch.object(dataset, "division", of_the_first),
        "train set",
    ),
    "another split": (lambda: patch.object(dataset, "SPLIT_SEED", 1), "train set"),
    "another scale": (lambda: patch.object(dataset, "_scaled", scaled_more(dataset._scaled)), "over 16"),
}


@pytest.mark.parametrize("name", PLANTS)
def test_data_that_are_otherwise_are_told(tmp_path, name):
    path, (plant, told) = stored(tmp_path), PLANTS[name]
    with plant():
        assert told in expected_data.fault(path, datasets.read(path))


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_each_part_is_held_to_the_file(tmp_path, part):
    path = stored(tmp_path)
    read = datasets.read(path)
    x, y = getattr(read, f"{part}_x"), getattr(read, f"{part}_y")
    for changed in ({f"{part}_x": x[::-1]}, {f"{part}_y": y[::-1]}, {f"{part}_x": x[1:], f"{part}_y": y[1:]}):
        assert f"its {part}" in expected_data.fault(path, replace(read, **changed))


def test_numbers_of_a_known_data_set_that_are_divided_by_another_are_told(tmp_path):
    datasets.store("digits", tmp_path / "digits.npz")
    data = datasets.read(tmp_path / "digits.npz")
    assert expected_data.fault(tmp_path / "digits.npz", data) == ""
    with patch.dict(expected_data.SCALES, digits=255):
        assert expected_data.fault(tmp_path / "digits.npz", data) == "its examples are divided by 16"


def test_more_classes_than_there_are_labels_are_told(tmp_path):
    path = stored(tmp_path)
    data = datasets.read(path)
    assert expected_data.fault(path, replace(data, n_classes=11)) == "it is said to have 11 classes"
