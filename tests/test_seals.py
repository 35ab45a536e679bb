"""Seals: what is damaged or incomplete is noticed, whatever it is; what is whole or missing is left alone."""

import pytest

from benchmarks.common import seals


@pytest.fixture
def results(tmp_path):
    """A results folder with a sealed table and a sealed folder of two figures."""
    (tmp_path / "figures" / "extra").mkdir(parents=True)
    for name in ("summary.csv", "figures/a.svg", "figures/extra/b.svg"):
        (tmp_path / name).write_text(f"content of {name}")
    seals.seal(tmp_path / "summary.csv", tmp_path / "figures")
    return tmp_path


def flip(path):
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "a byte": ("summary.csv", lambda folder: flip(folder / "summary.csv")),
    "cut short": ("summary.csv", lambda folder: (folder / "summary.csv").write_text("content")),
    "emptied": ("summary.csv", lambda folder: (folder / "summary.csv").write_text("")),
    "one figure gone": ("figures", lambda folder: (folder / "figures/extra/b.svg").unlink()),
    "one figure changed": ("figures", lambda folder: flip(folder / "figures/a.svg")),
    "one figure renamed": (
        "figures",
        lambda folder: (folder / "figures/a.svg").rename(folder / "figures/c.svg"),
    ),
    "a foreign figure": ("figures", lambda folder: (folder / "figures/d.svg").write_text("")),
    "a damaged seal": ("summary.csv", lambda folder: flip(folder / ".summary.csv.seal")),
    "no text in a seal": ("summary.csv", lambda folder: (folder / ".summary.csv.seal").write_bytes(b"\xff")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_set_aside(results, damage):
    name, do = DAMAGES[damage]
    do(results)
    assert seals.set_aside_broken(seals.sealed(results)) == [f"{results / name} is damaged or not complete"]
    assert not (results / name).exists() and (results / f"{name}.damaged").exists()
    assert seals.set_aside_broken(seals.sealed(results)) == []


def test_what_is_whole_is_left_alone(results):
    (results / "figures/.snakemake_timestamp").write_text("")
    assert seals.set_aside_broken(seals.sealed(results)) == [] and (results / "figures/a.svg").exists()


def test_what_was_never_sealed_was_not_finished(results):
    (results / "half.csv").write_text("a,b")
    assert len(seals.set_aside_broken([results / "half.csv"])) == 1


def test_what_is_missing_is_the_workflows_own(results):
    (results / "summary.csv").unlink()
    assert seals.set_aside_broken(seals.sealed(results)) == []


def test_a_second_damage_replaces_what_was_set_aside(results):
    for _ in range(2):
        (results / "figures").mkdir(exist_ok=True)
        (results / "figures/a.svg").write_text("drawn again")
        seals.seal(results / "figures")
        (results / "figures/a.svg").unlink()
        assert len(seals.set_aside_broken(seals.sealed(results))) == 1


def test_a_new_seal_is_of_what_is_there_now(results):
    (results / "summary.csv").write_text("made again")
    seals.seal(results / "summary.csv")
    assert seals.set_aside_broken(seals.sealed(results)) == []
