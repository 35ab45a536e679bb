"""Datasets: the contract of every plug-in, and what is said when a file or a source is bad."""

import errno
import functools
import hashlib
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import datasets
from benchmarks.common.errors import Problem
from benchmarks.datasets import dataset

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """Each dataset stored once; MNIST really comes from this user's folder, cache or network."""
    folder = tmp_path_factory.mktemp("stored")

    @functools.cache
    def path(name):
        datasets.store(name, folder / f"{name}.npz")
        return folder / f"{name}.npz"

    return path


# The contract of every plug-in. Those that no test can count on getting are tried in
# test_published_data.py, on small files of their formats.

OBTAINED = ("digits", "mnist", "mnist1d")


@pytest.mark.parametrize("name", OBTAINED)
def test_sizes_types_and_shapes_are_the_facts(name, stored):
    data, facts = datasets.read(stored(name)), datasets.module(name)
    assert data.name == facts.NAME == name
    assert data.n_classes == facts.N_CLASSES
    for part, n in zip(("train", "validation", "test"), datasets.split_sizes(name), strict=True):
        x, y = getattr(data, f"{part}_x"), getattr(data, f"{part}_y")
        assert (x.dtype, x.shape) == (np.float32, (n, *facts.SHAPE))
        assert (y.dtype, y.shape) == (np.int32, (n,))
        assert set(np.unique(y)) == set(range(facts.N_CLASSES))


def fingerprints(x, y, facts):
    raw = np.rint(x * facts.SCALE).astype(facts.DTYPE)
    return [hashlib.sha256(image.tobytes() + bytes([k])).digest() for image, k in zip(raw, y, strict=True)]


@pytest.mark.parametrize("name", OBTAINED)
def test_train_and_validation_are_the_source_training_set_each_example_once(name, stored):
    data, facts = datasets.read(stored(name)), datasets.module(name)
    with np.load(stored(name)) as raw:
        source = fingerprints(raw["train_x"] / facts.SCALE, raw["train_y"], facts)
    train = fingerprints(data.train_x, data.train_y, facts)
    assert sorted(train + fingerprints(data.validation_x, data.validation_y, facts)) == sorted(source)
    assert train != source[: len(train)]


@pytest.mark.parametrize("name", OBTAINED)
def test_one_digest_stands_for_the_four_arrays(name, stored):
    with np.load(stored(name)) as raw:
        digests = [hashlib.sha256(raw[key].tobytes()).hexdigest() for key in dataset.KEYS]
    assert datasets.read(stored(name)).sha256 == hashlib.sha256("\n".join(digests).encode()).hexdigest()


def test_facts_are_known_without_a_heavy_import():
    code = """import sys; from benchmarks import datasets
for name in datasets.NAMES: assert sum(datasets.split_sizes(name)) > 1000
assert not {"pooch", "requests", "sklearn", "mnist1d", "rich", "matplotlib", "PIL"} & set(sys.modules)"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_new_file_is_a_new_dataset(tmp_path):
    shutil.copytree(ROOT / "benchmarks" / "datasets", tmp_path / "benchmarks" / "datasets")
    shutil.copytree(ROOT / "benchmarks" / "common", tmp_path / "benchmarks" / "common")
    (tmp_path / "benchmarks" / "datasets" / "ones.py").write_text("SPLIT = (3, 2, 1)\n")
    code = "from benchmarks import datasets; assert datasets.split_sizes('ones') == (3, 2, 1)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize("name", datasets.NAMES)
def test_facts_go_together(name):
    facts = dataset.stated(datasets.module(name))
    assert facts.name == name == datasets.slug(name)
    assert datasets.module_name(name) == f"benchmarks.datasets.{name}"
    assert datasets.kind(name) == facts.kind == ("tokens" if len(facts.shape) == 1 else "images")
    assert datasets.fingerprint(name) == ""
    assert facts.type_and_shape("train_y")[0] == "uint8"
    assert set(facts.sha256) in ({*dataset.KEYS}, set())
    assert facts.sha256 or len(datasets.module(name).ARCHIVE_SHA256) == 64


def test_images_come_into_zero_to_one(stored):
    for name in ("mnist", "digits"):
        data = datasets.read(stored(name))
        assert (data.train_x.min(), data.train_x.max(), data.test_x.max()) == (0.0, 1.0, 1.0)
    assert datasets.split_sizes("mnist") == (55_000, 5_000, 10_000)


def test_the_split_is_a_pinned_permutation():
    assert dataset.permutation(10).tolist() == [5, 8, 2, 9, 4, 7, 6, 0, 3, 1]


def test_mnist1d_leaves_the_global_random_generators_as_found():
    def draws():
        return np.random.random(), random.random()

    def seed():
        np.random.seed(5)
        random.seed(5)

    seed()
    expected = draws()
    seed()
    datasets.module("mnist1d").raw_arrays()
    assert draws() == expected


def test_an_unknown_dataset_is_told_with_the_nearest_and_all_known():
    with pytest.raises(Problem, match=r"'mnits'\n.*did you mean mnist\? known: .*mnist1d.*images:PATH"):
        datasets.module("mnits")


def test_the_command_stores_a_dataset_and_tells_an_unknown_one_plainly(tmp_path):
    def fetch(name):
        command = [
            sys.executable,
            "-m",
            "benchmarks",
            "fetch",
            name,
            "--output",
            tmp_path / "new" / "data.npz",
        ]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert fetch("digits").returncode == 0
    assert datasets.read(tmp_path / "new" / "data.npz").name == "digits"
    wrong = fetch("digit")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error: unknown data set") and "Traceback" not in wrong.stderr


# The stored file: missing, damaged, altered


@pytest.fixture
def npz(stored, tmp_path):
    return Path(shutil.copy(stored("digits"), tmp_path / "data.npz"))


def refused(path):
    with pytest.raises(Problem) as raised:
        datasets.read(path)
    assert str(path) in raised.value.cause
    return raised.value


def test_a_missing_file_is_told(tmp_path):
    assert "benchmarks fetch" in refused(tmp_path / "none.npz").fix


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.999])
def test_a_truncated_file_is_refused(npz, kept):
    content = npz.read_bytes()
    npz.write_bytes(content[: kept if isinstance(kept, int) else int(len(content) * kept)])
    assert refused(npz).fix == "delete it and run again"


def test_no_flipped_byte_goes_unnoticed(npz):
    content, good = npz.read_bytes(), datasets.read(npz)
    noticed = 0
    for position in [*range(0, 500, 7), *range(500, len(content) - 700, 2_003), *range(-700, 0, 7)]:
        flipped = bytearray(content)
        flipped[position] ^= 0x21
        npz.write_bytes(flipped)
        try:  # a byte that carries no data (a date in the zip's directory) may leave the arrays alone
            read = datasets.read(npz)
        except Problem as problem:
            assert str(npz) in problem.cause
            noticed += 1
        else:
            assert all(np.array_equal(getattr(read, k), getattr(good, k)) for k in vars(good))
    assert noticed > 150


def resave(path, **changes):
    with np.load(path) as file:
        arrays = {**file, **changes}
    np.savez(path, **{key: array for key, array in arrays.items() if array is not None})


@pytest.mark.parametrize("key", ["facts", *dataset.KEYS])
def test_a_missing_array_is_named(npz, key):
    resave(npz, **{key: None})
    assert key in refused(npz).cause


def test_an_altered_array_is_named_with_both_digests(npz):
    with np.load(npz) as file:
        labels = file["test_y"]
    labels[0] = (labels[0] + 1) % 10
    resave(npz, test_y=labels)
    cause = refused(npz).cause
    assert "test_y" in cause and datasets.module("digits").SHA256["test_y"] in cause
    assert hashlib.sha256(labels.tobytes()).hexdigest() in cause


def test_the_same_bytes_in_another_shape_or_type_are_refused(npz):
    with np.load(npz) as file:
        images = file["test_x"]
    for altered in (images.reshape(360, 64, 1, 1), images.view("int8")):
        resave(npz, test_x=altered)
        assert "type and shape of test_x" in refused(npz).cause


def restate(path, **changes):
    with np.load(path) as file:
        facts = json.loads(str(file["facts"]))
    resave(path, facts=np.array(json.dumps(facts | changes)))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "mnist1d"},
        {"name": "elsewhere"},
        {"n_classes": 11},
        {"split": [1, 2]},
        {"more": 1},
        {"sha256": {}},
    ],
)
def test_other_facts_in_the_file_are_refused(npz, change):
    restate(npz, **change)
    assert "damaged" in refused(npz).cause


def test_an_interrupted_store_leaves_the_old_file_and_no_draft(npz, monkeypatch):
    def full_disk(file, **arrays):
        file.write(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    before = npz.read_bytes()
    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space"):
        datasets.store("digits", npz)
    assert npz.read_bytes() == before
    assert list(npz.parent.iterdir()) == [npz]


def test_a_package_that_makes_other_arrays_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(datasets.module("digits").SHA256, "test_x", "0" * 64)
    with pytest.raises(Problem, match=f"test_x: expected {'0' * 64}, found"):
        datasets.store("digits", tmp_path / "data.npz")
    assert not list(tmp_path.iterdir())
