"""The user's own arrays and text: names, round trips, splits, and what is refused."""

import os

import pytest

from benchmarks import datasets
from benchmarks.common.errors import Problem

PARTS = ("train", "validation", "test")


def round_trip(source, folder):
    datasets.store(source, folder / "stored.npz")
    data = datasets.read(folder / "stored.npz")
    sizes = [len(getattr(data, f"{part}_x")) for part in PARTS]
    assert sizes == list(datasets.split_sizes(source)) == [len(getattr(data, f"{part}_y")) for part in PARTS]
    assert data.name == datasets.slug(source)
    return data


def refused(source, folder):
    with pytest.raises(Problem) as raised:
        datasets.store(source, folder / "refused.npz")
    assert not (folder / "refused.npz").exists()
    return str(raised.value)


# Names


@pytest.mark.parametrize(
    ("source", "slug"),
    [
        ("mnist", "mnist"),
        ("images:../a/My Photos@32", "images-my-photos-32"),
        ("images:photos/@24x32", "images-photos-24x32"),
        ("images:v1.2_b", "images-v1-2_b"),
        ("npz:~/Data/Spectra 7.npz", "npz-spectra-7"),
        ("text:/a/war-and-peace.txt", "text-war-and-peace"),
        ("text:Été.md", "text-t-md"),
    ],
)
def test_slug(source, slug):
    assert datasets.slug(source) == slug


def test_the_working_folder_has_its_own_name(tmp_path, monkeypatch):
    (tmp_path / "Leaves").mkdir()
    monkeypatch.chdir(tmp_path / "Leaves")
    assert datasets.slug("images:.@8") == "images-leaves-8"


@pytest.mark.parametrize("kind", datasets.SOURCES)
def test_the_module_and_the_kind_of_a_source(kind):
    assert datasets.module_name(f"{kind}:no/such:path") == f"benchmarks.datasets.{kind}"
    assert datasets.kind(f"{kind}:no/such:path") == ("tokens" if kind == "text" else "images")
    assert kind not in datasets.NAMES


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("image:photos@32", "did you mean images:photos@32?"),
        ("images:", "write images:PATH"),
        ("text", "write text:PATH"),
        ("mnist:x", "unknown data set 'mnist:x'"),
        ("own", "known: cifar10, "),
        ("dataset:x", "npz:PATH"),
    ],
)
def test_an_unknown_source_is_told_with_what_there_is(source, said):
    for ask in (datasets.module_name, datasets.slug, datasets.kind, datasets.split_sizes):
        with pytest.raises(Problem) as raised:
            ask(source)
        assert said in str(raised.value)


@pytest.mark.parametrize("kind", datasets.SOURCES)
def test_a_path_that_is_not_there_is_named(kind, tmp_path):
    for ask in (datasets.split_sizes, datasets.fingerprint):
        with pytest.raises(Problem, match=r"nowhere does not exist\n.*correct the path"):
            ask(f"{kind}:{tmp_path}/nowhere")


@pytest.mark.parametrize("kind", ["npz", "text"])
def test_a_folder_is_no_file(kind, tmp_path):
    assert "is not a file" in refused(f"{kind}:{tmp_path}", tmp_path)


def test_the_fingerprint_follows_size_and_time(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("abc" * 1000)
    seen = {datasets.fingerprint(f"text:{path}"), datasets.fingerprint(f"text:{path}")}
    assert len(seen) == 1
    os.utime(path, ns=(1, 1))
    seen.add(datasets.fingerprint(f"text:{path}"))
    path.write_text("abcd")
    os.utime(path, ns=(1, 1))
    seen.add(datasets.fingerprint(f"text:{path}"))
    assert len(seen) == 3
