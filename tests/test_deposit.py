"""Results published: what is committed, and what survives an interruption."""

import json
import shutil

import pandas as pd
import pytest
import synthetic

from benchmarks.common.errors import Problem
from benchmarks.publish import deposit
from benchmarks.summary import columns
from benchmarks.summary.schema import CHECKPOINTS, RUNS, VERSION

MACHINE = {"cpu": "AMD EPYC", "cpu_model": "26 2 1", "microarchitecture": "zen5", "cores": 2, "gpus": []}


def finished_study(folder, **machine):
    for path in (
        *deposit.FILES,
        "tables/main.md",
        "figures/a.svg",
        "figures/.stamp",
        "runs/digits/mlp/keras/0.json",
        "throughput/a.json",
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    run = {"dataset": "digits", "model": "mlp", "framework": "keras", "seed": 0}
    run |= {"arm": "a", "batch_size": 16, "status": "reached", "examples": 160, "disturbed": ""}
    columns.frame([run], RUNS).to_csv(folder / "runs.csv", index=False)
    provenance = {"schema_version": VERSION, "machine": MACHINE | machine}
    (folder / "provenance.json").write_text(json.dumps(provenance))
    return folder


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_committed(tmp_path):
    into = tmp_path / "published" / "slow" / "tiny"
    deposit.deposit(finished_study(tmp_path / "here"), into)
    expected = {*deposit.FILES, "tables/main.md", "figures/a.svg", "throughput/a.json"}
    expected |= {"runs/digits/mlp/keras/0.json"}
    assert set(contents(into)) == expected
    assert [path.name for path in into.parent.iterdir()] == ["tiny"]


def test_what_was_measured_from_the_inside_is_published_with_its_table(tmp_path):
    results = finished_study(tmp_path / "here")
    row = {"dataset": "digits", "model": "mlp", "arm": "a", "batch_size": 16, "seed": 0, "roles": "start"}
    row |= {"steps": 0, "examples": 0, "epochs": 0.0, "status": "measured"}
    columns.frame([row], CHECKPOINTS).to_csv(results / "checkpoints.csv", index=False)
    for seed in (0, 7):
        path = results / f"analysis/digits/mlp/{seed}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    deposit.deposit(results, tmp_path / "into")
    found = {path for path in contents(tmp_path / "into") if path.startswith(("analysis/", "checkpoints"))}
    assert found == {"checkpoints.csv", "analysis/digits/mlp/0.json"}


def test_records_of_a_seed_that_the_study_has_no_more_are_not_published(tmp_path):
    results = finished_study(tmp_path / "here")
    (results / "runs/digits/mlp/keras/7.json").write_text("of a seed that was left out since")
    deposit.deposit(results, tmp_path / "into")
    assert [path for path in contents(tmp_path / "into") if path.startswith("runs/")] == [
        "runs/digits/mlp/keras/0.json"
    ]


def test_bulky_records_are_packed_into_the_same_bytes_whenever_and_wherever(tmp_path, monkeypatch):
    monkeypatch.setattr(deposit, "PLAIN_BYTES", 10)
    packed = []
    for place in ("a", "b"):
        results = finished_study(tmp_path / place / "here")
        deposit.deposit(results, tmp_path / place / "into")
        packed.append(contents(tmp_path / place / "into"))
        shutil.rmtree(results)
        monkeypatch.setattr("time.time", lambda: 2e9)
    assert packed[0] == packed[1]
    assert set(packed[0]) == {*deposit.FILES, "tables/main.md", "figures/a.svg", deposit.PACKED}


def test_an_interruption_while_building_leaves_the_earlier_publication(tmp_path, monkeypatch):
    results, into = finished_study(tmp_path / "here"), tmp_path / "into"
    deposit.deposit(results, into)
    before = contents(into)
    (results / "report.html").write_text("later")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(deposit.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        deposit.deposit(results, into)
    assert contents(into) == before
    assert not (tmp_path / ".into.new").exists()


def test_a_swap_cut_short_is_mended(tmp_path, monkeypatch):
    results, into = finished_study(tmp_path / "here"), tmp_path / "into"
    deposit.deposit(results, into)
    before = contents(into)
    into.rename(tmp_path / ".into.old")
    with monkeypatch.context() as patch:
        patch.setattr(deposit, "fill", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            deposit.deposit(results, into)
    assert contents(into) == before


def test_an_unfinished_study_is_not_published(tmp_path):
    results = finished_study(tmp_path / "here")
    (results / "report.html").unlink()
    with pytest.raises(Problem, match=r"has no report\.html"):
        deposit.deposit(results, tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize(
    ("share", "reason", "doubt"),
    [(0.01, "", ""), (0.74, "", "other work took 74%"), (0.01, "1 of 6: a stop", "cells were disturbed")],
)
def test_results_of_a_busy_machine_are_better_measured_again(tmp_path, share, reason, doubt):
    folder = synthetic.write(tmp_path)
    content = json.loads((folder / "provenance.json").read_text())
    (folder / "provenance.json").write_text(json.dumps(content | {"others_cpu_share": share}))
    frame = pd.read_csv(folder / "summary.csv")
    frame["disturbed"] = [reason, *[""] * (len(frame) - 1)]
    frame.to_csv(folder / "summary.csv", index=False)
    assert doubt in deposit.doubt(folder)
    assert bool(deposit.doubt(folder)) == bool(doubt)


@pytest.mark.parametrize(
    ("machine", "told"),
    [
        ({"microarchitecture": "zen3", "cpu_model": "25 1 1"}, "generation zen3 against zen5"),
        ({"cpu_model": "26 2 2"}, "model 26 2 2 against 26 2 1"),
        ({"cores": 4}, "cores 4 against 2"),
        ({"gpus": [{"name": "NVIDIA T4"}]}, "GPUs NVIDIA T4 against none"),
    ],
)
@pytest.mark.parametrize("study", ["tiny", "another"])
def test_results_of_another_machine_of_the_same_name_are_neither_replaced_nor_joined(
    tmp_path, machine, told, study
):
    published = tmp_path / "published" / "amd-epyc"
    deposit.deposit(finished_study(tmp_path / "first"), published / "tiny")
    before = contents(published)
    with pytest.raises(Problem, match=told) as raised:
        deposit.deposit(finished_study(tmp_path / "second", **machine), published / study)
    assert "--config machine=NAME" in raised.value.fix
    assert contents(published) == before


def test_results_that_do_not_say_which_model_they_come_from_are_not_replaced(tmp_path):
    published = tmp_path / "published" / "amd-epyc"
    early = finished_study(published / "tiny")
    content = {"schema_version": VERSION, "machine": {"cpu": "AMD EPYC", "cores": 2, "gpus": []}}
    (early / "provenance.json").write_text(json.dumps(content))
    with pytest.raises(Problem, match="model 26 2 1 against not recorded"):
        deposit.deposit(finished_study(tmp_path / "here"), published / "tiny")


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"schema_version": 1}', f'{{"schema_version": {VERSION}, "machine": {{"gpus": [7]}}}}'],
)
def test_a_publication_that_nobody_can_read_is_replaced(tmp_path, text):
    into = tmp_path / "published" / "amd-epyc" / "tiny"
    finished_study(into)
    (into / "provenance.json").write_text(text)
    deposit.deposit(finished_study(tmp_path / "here"), into)
    assert json.loads((into / "provenance.json").read_text())["machine"] == MACHINE
