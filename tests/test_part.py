"""Parts of a training set: how many examples and which, and that validation and test stay whole."""

import re

import numpy as np
import pytest

from benchmarks import datasets
from benchmarks.common.errors import Problem
from benchmarks.datasets.part import Part, chosen, named, of_slug
from benchmarks.identity import expected_data
from benchmarks.publish import wording
from benchmarks.study import check


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Read digits, or a part of it, from a file of its own."""
    folder = tmp_path_factory.mktemp("parts")

    def read(source):
        path = folder / f"{datasets.file_name(source)}.npz"
        if not path.exists():
            datasets.store(source, path)
        data = datasets.read(path)
        assert expected_data.fault(path, data) == ""
        return data

    return read


@pytest.mark.parametrize(
    ("source", "slug", "n"),
    [
        ("digits/fraction=0.25", "digits--fraction-0-25", 314),  # 1,257 / 4, rounded down
        ("digits/imbalance=10", "digits--imbalance-10", 403),
        ("digits/fraction=0.5/imbalance=10", "digits--fraction-0-5--imbalance-10", 199),
        ("digits/fraction=1", "digits", 1257),
    ],
)
def test_a_part_has_its_name_and_its_size(stored, source, slug, n):
    data = stored(source)
    assert data.name == slug == datasets.slug(source) == datasets.file_name(source)
    assert datasets.split_sizes(source) == (n, 180, 360)
    assert len(data.train_y) == n


def test_a_product_that_rounds_below_its_whole_number_is_that_number():
    assert int(0.29 * 100) == 28
    assert Part(0.29).n_kept(100, None) == 29


def test_the_numbers_of_the_classes_fall_by_the_same_factor(stored):
    # .8 of an even share of 1,257 is 100; then 100 * 10^(-c/9), rounded down.
    assert np.bincount(stored("digits/imbalance=10").train_y).tolist() == [
        *(100, 77, 59, 46, 35, 27, 21, 16, 12, 10)
    ]


@pytest.mark.parametrize("source", ["digits/fraction=0.25", "digits/imbalance=10"])
def test_validation_and_test_stay_whole_and_nothing_else_is_trained_on(stored, source):
    whole, part = stored("digits"), stored(source)
    for name in ("validation_x", "validation_y", "test_x", "test_y"):
        assert np.array_equal(getattr(whole, name), getattr(part, name))
    rows = {row.tobytes() for row in whole.train_x}
    assert all(row.tobytes() in rows for row in part.train_x)
    assert part.digest != whole.digest


def test_a_fraction_is_the_first_examples_and_contains_every_smaller_one(stored):
    half, quarter = stored("digits/fraction=0.5"), stored("digits/fraction=0.25")
    assert np.array_equal(half.train_x[: len(quarter.train_x)], quarter.train_x)


def test_of_each_class_the_first_are_kept():
    labels = np.array([1, 0, 0, 1, 0, 1, 0, 0, 1, 0])
    # .8 of an even share of ten is 4 of class 0, and a quarter of that, 1, of class 1.
    kept = chosen(labels, Part(imbalance=4), n_kept=5, n_classes=2)
    assert kept.tolist() == [0, 1, 2, 4, 6]


def test_a_class_with_too_few_examples_is_named():
    with pytest.raises(Problem) as caught:
        chosen(np.array([1] * 9 + [0]), Part(imbalance=4), n_kept=5, n_classes=2)
    assert caught.value.cause == "class 0 has 1 training examples, and 4 are wanted of it"


@pytest.mark.parametrize("part", ["fraction=0", "fraction=1.5", "imbalance=0.5", "fraction=0.0001"])
def test_a_part_that_is_none_is_refused(part):
    with pytest.raises(Problem):
        datasets.split_sizes(f"digits/{part}")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("digits/fraction=", "has no such part"),
        ("digits/fraction=25%", "has no such part"),
        ("digits/imbalance=2/fraction=0.5", "has no such part"),
        ("digits/part=2", "unknown data set"),
        ("digits/", "unknown data set"),
    ],
)
def test_what_is_no_part_is_told(source, told):
    with pytest.raises(Problem, match=told):
        datasets.slug(source)


@pytest.mark.parametrize("part", [Part(0.00005), Part(imbalance=999999.5), Part(0.123456, 100.1234), Part()])
def test_every_part_has_a_name_of_its_own_that_leads_back_to_it(part):
    assert re.fullmatch("[a-z0-9_-]*", part.slug)
    assert of_slug(f"mnist{part.slug}") == ("mnist", part)


def test_a_folder_of_a_user_is_no_part():
    name = datasets.slug("images:my--fraction--0.5")
    assert of_slug(name) == (name, Part())


def test_a_class_without_any_example_left_is_told():
    with pytest.raises(Problem, match="of one of their classes, none is left"):
        datasets.split_sizes("digits/imbalance=1000")


def test_of_data_in_the_order_of_their_classes_a_part_has_all_classes(tmp_path):
    labels = np.repeat([0, 1, 2, 3], [40, 30, 20, 100])
    images = np.random.default_rng(0).random((190, 4, 4, 1))
    few = {"validation_x": images[:20], "validation_y": np.arange(20) % 4}
    np.savez(
        tmp_path / "own.npz",
        train_x=images,
        train_y=labels,
        test_x=images[:8],
        test_y=np.arange(8) % 4,
        **few,
    )
    path = tmp_path / "half.npz"
    datasets.store(f"npz:{tmp_path / 'own.npz'}/fraction=0.5", path)
    data = datasets.read(path)
    counts = np.bincount(data.train_y)
    assert (np.abs(counts - [20, 15, 10, 50]) < 10).all()
    assert len(data.validation_y) == 20
    assert expected_data.fault(path, data) == ""


def test_a_path_may_end_in_what_looks_like_a_part():
    assert named("images:photos/fraction=0.5@32") == ("images:photos/fraction=0.5@32", Part())
    assert named("images:photos@32/fraction=0.5") == ("images:photos@32", Part(fraction=0.5))


def test_a_users_own_data_may_be_halved_and_not_made_uneven(tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, x=np.random.default_rng(0).random((100, 4, 4, 1)), y=np.arange(100) % 5)
    source = f"npz:{path}/fraction=0.5"
    assert datasets.split_sizes(source).train == datasets.split_sizes(f"npz:{path}").train // 2
    datasets.store(source, tmp_path / "half.npz")
    data = datasets.read(tmp_path / "half.npz")
    assert (data.name, len(data.train_y)) == ("npz-own--fraction-0-5", 40)
    with pytest.raises(Problem, match="an imbalance is for the built-in data sets of images"):
        datasets.split_sizes(f"npz:{path}/imbalance=3")


def test_text_is_cut_short_and_not_made_uneven():
    assert datasets.split_sizes("tinyshakespeare/fraction=0.5").train == (
        datasets.split_sizes("tinyshakespeare").train // 2
    )
    with pytest.raises(Problem, match="an imbalance is for"):
        datasets.split_sizes("tinyshakespeare/imbalance=3")


def test_a_study_trains_on_several_parts():
    workload = {"model": "cnn", "target": {"validation_accuracy": 0.5, "source": "test"}}
    workload |= {"budget": {"epochs": 1, "seconds": 5}}
    made = check.read(
        {
            "study": "parts",
            "frameworks": ["numpy"],
            "seeds": [0],
            "arms": [{"name": "a", "learning_rate": 0.0625, "momentum": 0.875, "scaling": "none"}],
            "workloads": [
                workload | {"dataset": source, "batch_sizes": [16, "full"]}
                for source in ("digits", "digits/fraction=0.25")
            ],
        }
    )
    assert [w.sizes for w in made.workloads] == [[16, 1257], [16, 314]]
    assert [w.slug for w in made.workloads] == ["digits", "digits--fraction-0-25"]


def test_results_name_the_part():
    assert wording.name("mnist--fraction-0-25") == "MNIST (fraction 0.25)"
    assert wording.name("digits--fraction-0-5--imbalance-10") == "Digits (fraction 0.5, imbalance 10)"
    assert wording.name("images-my-fraction-5") == "images-my-fraction-5"
