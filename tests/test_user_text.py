"""The user's own text: windows of characters, each labelled with the next, split where they stand."""

import subprocess

import numpy as np
import pytest
from test_user_data import PARTS, refused, round_trip

from benchmarks import datasets
from benchmarks.common.errors import Problem

TEXT = "".join(chr(97 + (k * k + k // 7) % 23) for k in range(64 * 41 + 10)) + "é→😀\r\n" * 3


@pytest.fixture
def source(tmp_path):
    (tmp_path / "novel.txt").write_bytes(TEXT.encode())
    return f"text:{tmp_path / 'novel.txt'}"


def test_labels_are_the_next_characters_and_the_vocabulary_is_sorted(source, tmp_path):
    data = round_trip(source, tmp_path)
    vocabulary = sorted(set(TEXT))
    assert data.n_classes == len(vocabulary)
    x = np.concatenate([getattr(data, f"{part}_x") for part in PARTS])
    y = np.concatenate([getattr(data, f"{part}_y") for part in PARTS])
    assert (x.dtype, y.dtype, x.shape) == (np.int32, np.int32, (41, 64))
    assert "".join(vocabulary[token] for token in x.ravel()) == TEXT[: 64 * 41]
    assert "".join(vocabulary[token] for token in y.ravel()) == TEXT[1 : 64 * 41 + 1]


def test_no_window_of_another_part_lies_between_those_of_one(source, tmp_path):
    data = round_trip(source, tmp_path)
    assert datasets.split_sizes(source) == (37, 2, 2)
    vocabulary = sorted(set(TEXT))
    for part, start in zip(PARTS, (0, 37, 39), strict=True):
        tokens = getattr(data, f"{part}_x").ravel()
        assert "".join(vocabulary[token] for token in tokens) == TEXT[64 * start :][: len(tokens)]


def test_more_than_256_characters_are_kept_apart(tmp_path):
    written = "".join(chr(0x4E00 + k % 500) for k in range(2000))
    (tmp_path / "a.txt").write_text(written, encoding="utf-8")
    data = round_trip(f"text:{tmp_path / 'a.txt'}", tmp_path)
    assert data.n_classes == 500
    assert data.train_x.ravel()[:1500].tolist() == [k % 500 for k in range(data.train_x.size)][:1500]


def test_a_byte_order_mark_is_no_character(tmp_path):
    (tmp_path / "a.txt").write_bytes(("ab" * 1000).encode("utf-8-sig"))
    assert round_trip(f"text:{tmp_path / 'a.txt'}", tmp_path).n_classes == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has 0 characters\n  fix: give at least 1,281"),
        (b"ab" * 640, "has 1,280 characters"),
        (b"a" * 2000, "has only one character, 'a'"),
        (b"abc\xff" * 2000, "is not UTF-8: byte 3 is 0xff"),
        (b"abc" * 2000 + b"\0", "holds characters 0\n  fix: remove them"),
        ("abc".encode("utf-16") * 2000, "is not UTF-8: byte 0 is 0xff"),
    ],
)
def test_text_that_cannot_be_trained_on_is_refused(tmp_path, content, said):
    (tmp_path / "a.txt").write_bytes(content)
    assert said in refused(f"text:{tmp_path / 'a.txt'}", tmp_path)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_the_advice_for_another_encoding_works_as_printed(tmp_path, monkeypatch, encoding):
    monkeypatch.chdir(tmp_path)
    written = "Ein Märchen für große Kinder. " * 100
    (tmp_path / "-a b.txt").write_bytes(written.encode(encoding))
    command = refused("text:-a b.txt", tmp_path).split("`")[1]
    subprocess.run(command, shell=True, check=True)
    assert (tmp_path / "utf8.txt").read_text(encoding="utf-8").removeprefix("\ufeff") == written
    assert round_trip("text:utf8.txt", tmp_path).n_classes == len({*written})


def test_the_shortest_text_has_one_window_to_validate_and_one_to_test(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"ab" * 640 + b"c")
    assert datasets.split_sizes(f"text:{tmp_path / 'a.txt'}") == (18, 1, 1)


def test_too_short_is_known_before_anything_is_decoded(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"ab")
    with pytest.raises(Problem, match="has 2 characters"):
        datasets.split_sizes(f"text:{tmp_path / 'a.txt'}")
