"""The card of a data set against arithmetic, its warnings, and what is refused as meaningless."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_user_arrays import saved
from test_user_data import refused

from benchmarks import datasets
from benchmarks.common.errors import Problem

RANDOM = np.random.default_rng(0)
N = 200


def examples(n=N):
    """Different images."""
    return RANDOM.integers(0, 256, (n, 4, 4, 3), dtype=np.uint8)


def alternating(n=N):
    return np.arange(n) % 2


def stored(tmp_path, **arrays):
    """The card of arrays that are given with training, validation and test set."""
    return datasets.store(saved(tmp_path, **arrays), tmp_path / "stored.npz")


def in_parts(**changed):
    """200 training, 100 validation and 100 test images of two classes, of which some arrays are changed."""
    sizes = {"train": N, "val": N // 2, "test": N // 2}
    whole = {f"{part}_x": examples(n) for part, n in sizes.items()}
    whole |= {f"{part}_y": alternating(n) for part, n in sizes.items()}
    return whole | changed


def test_the_card_counts_every_class_in_every_part(tmp_path):
    y = np.arange(N // 2) % 5 == 0
    card = stored(tmp_path, **in_parts(test_y=y.astype(int)))
    assert card.sizes == {"train": 200, "validation": 100, "test": 100}
    assert card.classes == {"0": (100, 50, 80), "1": (100, 50, 20)}
    assert (card.chance_level, card.ends, card.shape) == (0.8, (0.0, 1.0), (4, 4, 3))
    assert card.repeated == {"validation in train": 0, "test in train": 0, "test in validation": 0}
    assert [each.split(":")[0] for each in card.warnings] == ["the classes are uneven"]


def test_the_card_lies_beside_the_data_as_json(tmp_path):
    card = stored(tmp_path, **in_parts())
    written = json.loads((tmp_path / "stored.json").read_text())
    assert written["sizes"] == card.sizes and written["sentences"] == card.sentences
    assert card.warnings == []


def test_examples_of_one_part_in_another_are_counted(tmp_path):
    parts = in_parts()
    parts["test_x"][:30] = parts["train_x"][:30]
    parts["val_x"][:20] = parts["train_x"][40:60]
    parts["test_x"][30:35] = parts["val_x"][50:55]
    card = stored(tmp_path, **parts)
    assert card.repeated == {"validation in train": 20, "test in train": 30, "test in validation": 5}
    assert "30 of the 100 test examples are in the training set too" in card.warnings[1]


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_one_image_in_two_classes_is_counted(tmp_path, part):
    parts = in_parts()
    parts[f"{part}_x"][1] = parts["train_x"][0]
    card = stored(tmp_path, **parts)
    assert card.contradictory == 2 and "2 examples occur in several classes" in card.warnings


def test_files_of_one_image_in_several_classes_are_named(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number, pixels in enumerate(examples(12)):
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{number}.png")
    Image.open(tmp_path / "pets/cat/3.png").save(tmp_path / "pets/dog/7.png")
    card = datasets.store(f"images:{tmp_path / 'pets'}", tmp_path / "pets.npz")
    assert "2 examples occur in several classes, such as cat/3.png = dog/7.png" in card.warnings


def test_the_card_says_to_what_an_accuracy_is_known(tmp_path):
    """Of n = 100 examples, half of them right: ± 1.96 √(¼ / 100) = 9.8 %."""
    assert any(
        "the 100 validation examples to ± 9.8% and the 100 test examples to ± 9.8%" in sentence
        for sentence in stored(tmp_path, **in_parts()).sentences
    )


BLANK = np.concatenate([examples(N - 3), np.full((3, 4, 4, 3), 7, np.uint8)])
ONE_COLOUR = BLANK.copy()
ONE_COLOUR[-3:] = (200, 30, 7)
THREE_FIRST = {
    key: np.moveaxis(examples(n), 3, 1) for key, n in (("train_x", N), ("val_x", 100), ("test_x", 100))
}
RARE = np.arange(N) % 2 * (np.arange(N) < 14)
LARGE = {key: 900 * np.float32(examples(n)) for key, n in (("train_x", N), ("val_x", 100), ("test_x", 100))}

MASKS = {key: examples(n) // 128 for key, n in (("train_x", N), ("val_x", 100), ("test_x", 100))}
UNLIKE = {key: np.float32(examples(n)) for key, n in (("train_x", N), ("val_x", 100))}
UNLIKE["test_x"] = np.float32(examples(100) > 128)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"train_x": BLANK}, "nothing can be seen in 3 of the examples"),
        ({"train_x": ONE_COLOUR}, "nothing can be seen in 3 of the examples"),
        (THREE_FIRST, "3 × 4 × 4 is read as height × width × channels"),
        ({"train_y": RARE}, "fewer than 10 examples to train on in class 1"),
        ({"test_y": np.zeros(N // 2, int)}, "no example of class 1 in the test set"),
        ({"test_x": examples(40), "test_y": alternating(40)}, "one of the 40 test examples is 2.5%"),
        (LARGE, "values from 0 to 229500 are too large"),
        (MASKS, "values of at most 0.00392157 are tiny"),
        (
            UNLIKE,
            "the parts are scaled differently: values up to 1 in train, 1 in validation, 0.00392157 in test",
        ),
    ],
)
def test_what_looks_odd_is_warned_of(tmp_path, changed, said):
    assert any(said in warning for warning in stored(tmp_path, **in_parts(**changed)).warnings)


def test_identical_examples_are_refused(tmp_path):
    same = np.zeros((N, 4, 4, 3), np.uint8)
    assert "all 160 examples to train on are identical" in refused(
        saved(tmp_path, x=same, y=alternating()), tmp_path
    )


def test_classes_that_share_every_example_are_refused(tmp_path):
    twice = np.repeat(examples(N // 2), 2, axis=0)
    said = refused(saved(tmp_path, **in_parts(train_x=twice)), tmp_path)
    assert "each of the examples to train on occurs in several classes" in said


def test_the_words_name_classes_and_conversions(tmp_path):
    floats = {part: np.float32(array) for part, array in in_parts().items() if part.endswith("_x")}
    card = stored(tmp_path, **in_parts(**floats))
    assert "200 train, 100 validation, 100 test examples of 4 × 4 × 3; values 0 to 1" in card.sentences[0]
    assert "0 100 + 50 + 50, 1 100 + 50 + 50" in card.sentences[1] and "50.0%" in card.sentences[1]
    assert card.sentences[2] == "converted: floats from 0 to 255 are divided by 255"


def test_columns_of_a_table_are_not_taken_for_bytes(tmp_path):
    ages = np.column_stack([RANDOM.random((N, 3)), RANDOM.integers(0, 150, N)])
    ages[0, 3] = 150
    card = datasets.store(saved(tmp_path, x=ages, y=alternating()), tmp_path / "stored.npz")
    assert card.ends[1] == 150 and card.converted == [] and "too large" in card.warnings[-1]


def test_names_of_classes_cannot_forge_a_line(tmp_path):
    for name in (b"a\nwarning: all fine", b"\xff\xfe"):
        folder = tmp_path / "photos" / os.fsdecode(name)
        folder.mkdir(parents=True)
        for k in range(20):
            Image.fromarray(examples(1)[0]).save(folder / f"{k}.png")
    card = datasets.store(f"images:{tmp_path / 'photos'}", tmp_path / "stored.npz")
    assert {*card.classes} == {r"a\nwarning: all fine", r"\udcff\udcfe"}


@pytest.mark.parametrize("name", ["own.npz", "x.json", "folder", ""])
def test_data_are_never_written_over_themselves_nor_over_anything_else(tmp_path, name):
    source = saved(tmp_path, x=examples(), y=alternating())
    before = (tmp_path / "own.npz").read_bytes()
    (tmp_path / "folder").mkdir()
    with pytest.raises(Problem):
        datasets.store(source, tmp_path / name if name else Path(name))
    assert (tmp_path / "own.npz").read_bytes() == before


def test_text_has_a_card_too(tmp_path):
    (tmp_path / "a.txt").write_text("".join(map(chr, RANDOM.integers(97, 107, 64 * 400 + 1))))
    card = datasets.store(f"text:{tmp_path / 'a.txt'}", tmp_path / "stored.npz")
    assert card.classes == {} and card.sizes["train"] == 360 and 0.08 < card.chance_level < 0.2
    assert "360 train, 20 validation, 20 test windows of text of 64" in card.sentences[0]


def test_folders_of_one_name_in_two_places_have_two_files(tmp_path):
    names = [datasets.file_name(f"images:{tmp_path / place / 'pets'}@16") for place in ("a", "b")]
    assert len({*names}) == 2 and all(name.startswith("images-pets-16-") for name in names)
    assert datasets.file_name("mnist") == "mnist"


def test_a_file_is_the_same_however_its_path_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert datasets.file_name("npz:a/../own.npz") == datasets.file_name(f"npz:{tmp_path}/own.npz")
