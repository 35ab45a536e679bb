"""Fashion-MNIST, CIFAR and Tiny Shakespeare, on small files of the same formats."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile

import numpy as np
import pytest

from benchmarks import datasets
from benchmarks.common.errors import Problem
from benchmarks.datasets import (
    cifar10,
    cifar100,
    dataset,
    download,
    fashion_mnist,
    formats,
    text,
    tinyshakespeare,
)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The user's own folder, where the small files are put; nothing is fetched from anywhere."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv(download.FOLDER_VARIABLE, str(folder))
    return folder


def stored(name, folder):
    datasets.store(name, folder / "stored.npz")
    return datasets.read(folder / "stored.npz")


# Fashion-MNIST: the files of MNIST


def test_fashion_mnist_is_read_from_the_four_files_of_mnist(own, tmp_path, monkeypatch):
    draw = np.random.default_rng(1)
    digests = {}
    for name, key in formats.IDX_FILES.items():
        shape = (6 if "train" in key else 2, *(() if key.endswith("y") else (28, 28)))
        array = draw.integers(0, 10, shape, dtype=np.uint8)
        header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
        (own / name).write_bytes(gzip.compress(header + array.tobytes()))
        digests[key] = hashlib.sha256(array.tobytes()).hexdigest()
    monkeypatch.setattr(fashion_mnist, "SPLIT", dataset.Split(4, 2, 2))
    with pytest.raises(Problem, match=f"expected {fashion_mnist.SHA256['train_x']}"):
        datasets.store("fashion_mnist", tmp_path / "refused.npz")
    monkeypatch.setattr(fashion_mnist, "SHA256", digests)
    assert stored("fashion_mnist", tmp_path).validation_x.shape == (2, 28, 28, 1)


def test_the_files_of_mnist_are_not_called_damaged_where_fashion_mnist_is_wanted(own, tmp_path):
    """Both name their files alike: whoever replaced those would lose MNIST."""
    for name, key in formats.IDX_FILES.items():
        shape = (60_000 if "train" in key else 10_000, *(() if key.endswith("y") else (28, 28)))
        header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
        (own / name).write_bytes(gzip.compress(header + bytes(np.prod(shape)), 1))
    with pytest.raises(Problem) as raised:
        datasets.store("fashion_mnist", tmp_path / "refused.npz")
    assert "is not of fashion_mnist: SHA-256 of train_x" in raised.value.cause
    assert "damaged" not in raised.value.cause and "replace" not in raised.value.fix
    assert str(own / "fashion_mnist") in raised.value.fix
    (own / "fashion_mnist").mkdir()
    for name in formats.IDX_FILES:
        (own / name).rename(own / "fashion_mnist" / name)
    with pytest.raises(Problem, match="is damaged: SHA-256 of train_x"):
        datasets.store("fashion_mnist", tmp_path / "refused.npz")


# CIFAR: a tar of pickles written by Python 2


def short(value):
    """A str of Python 2, as its pickle module wrote it."""
    return b"U" + bytes([len(value)]) + value


def whole(value):
    return b"M" + struct.pack("<H", value)


def python2_array(array):
    n_rows, n_columns = array.shape
    made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + short(b"b") + b"tR"
    kind = b"cnumpy\ndtype\n(" + short(b"u1") + b"K\x00K\x01tR(K\x03" + short(b"|")
    kind += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"(" + whole(n_rows) + whole(n_columns) + b"t"
    content = array.tobytes()
    state = b"(K\x01" + shape + kind + b"\x89" + b"T" + struct.pack("<I", len(content)) + content + b"t"
    return made + state + b"b"


def batch(images, labels, *, key):
    """One file of CIFAR: planes of red, green, blue, one image a row, and a list of labels."""
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    content = short(b"data") + python2_array(np.ascontiguousarray(rows)) + b"s" + short(key) + numbers + b"s"
    return b"\x80\x02}" + content + b"."


def tar_of(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file.getvalue()


FORMATS = {
    cifar10: ([f"cifar-10-batches-py/data_batch_{k}" for k in range(1, 6)], "cifar-10-batches-py/test_batch"),
    cifar100: (["cifar-100-python/train"], "cifar-100-python/test"),
}


@pytest.fixture(params=[cifar10, cifar100], ids=["cifar10", "cifar100"])
def small(request, own, monkeypatch):
    """A small archive in the user's own folder, its digest stated; images and labels that are in it."""
    plugin, (train, test) = request.param, FORMATS[request.param]
    key = b"labels" if plugin is cifar10 else b"fine_labels"
    draw = np.random.default_rng(2)
    parts = {
        name: (draw.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8), draw.integers(0, plugin.N_CLASSES, 4))
        for name in [*train, test]
    }
    content = tar_of({name: batch(*part, key=key) for name, part in parts.items()})
    (own / plugin.ARCHIVE).write_bytes(content)
    monkeypatch.setattr(plugin, "ARCHIVE_SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(plugin, "SPLIT", dataset.Split(4 * len(train) - 1, 1, 4))
    return plugin, [parts[name] for name in train], parts[test]


def test_cifar_images_are_put_channels_last_in_their_order(small):
    plugin, train, test = small
    raw = plugin.raw_arrays()
    assert np.array_equal(raw["train_x"], np.concatenate([images for images, _ in train]))
    assert np.array_equal(raw["train_y"], np.concatenate([labels for _, labels in train]))
    assert np.array_equal(raw["test_x"], test[0]) and np.array_equal(raw["test_y"], test[1])


def test_cifar_arrays_are_held_to_the_digests_they_were_stored_with(small, tmp_path):
    plugin, *_ = small
    data = stored(plugin.NAME, tmp_path)
    assert (data.n_classes, data.train_x.dtype, data.train_x.shape[1:]) == (
        plugin.N_CLASSES,
        "f4",
        (32, 32, 3),
    )
    with np.load(tmp_path / "stored.npz") as file:
        arrays = dict(file)
    arrays["test_x"] = arrays["test_x"] ^ 1
    np.savez(tmp_path / "stored.npz", **arrays)
    with pytest.raises(Problem, match="SHA-256 of test_x"):
        datasets.read(tmp_path / "stored.npz")


def test_another_archive_is_not_even_opened(small, monkeypatch):
    plugin, *_ = small
    monkeypatch.setattr(plugin, "ARCHIVE_SHA256", "0" * 64)
    monkeypatch.setattr(tarfile, "open", lambda *_, **__: pytest.fail("opened"))
    with pytest.raises(Problem, match=f"expected {'0' * 64}, found .*; not decoded"):
        plugin.raw_arrays()


def test_a_pickle_in_the_archive_that_holds_more_than_arrays_is_refused(small, own, monkeypatch):
    plugin, *_ = small
    train, test = FORMATS[plugin]
    content = tar_of({name: pickle.dumps(print) for name in [*train, test]})
    (own / plugin.ARCHIVE).write_bytes(content)
    monkeypatch.setattr(plugin, "ARCHIVE_SHA256", hashlib.sha256(content).hexdigest())
    with pytest.raises(Problem, match="nothing of it was executed"):
        plugin.raw_arrays()


# Tiny Shakespeare


def test_tinyshakespeare_holds_the_file_and_its_arrays_to_digests(own, tmp_path, monkeypatch):
    content = bytes(range(65, 125)) * 64
    (own / tinyshakespeare.FILE).write_bytes(content)
    with pytest.raises(Problem, match=f"expected {tinyshakespeare.FILE_SHA256}"):
        datasets.store("tinyshakespeare", tmp_path / "refused.npz")
    arrays, n_classes = text.windows(content.decode(), n_test=2)
    monkeypatch.setattr(tinyshakespeare, "FILE_SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(tinyshakespeare, "SPLIT", dataset.Split(55, 2, 2))
    monkeypatch.setattr(tinyshakespeare, "N_CLASSES", n_classes)
    with pytest.raises(Problem, match=f"expected {tinyshakespeare.SHA256['train_x']}"):
        datasets.store("tinyshakespeare", tmp_path / "refused.npz")
    digests = {key: dataset.array_sha256(array) for key, array in arrays.items()}
    monkeypatch.setattr(tinyshakespeare, "SHA256", digests)
    assert stored("tinyshakespeare", tmp_path).train_x.shape == (55, 64)
