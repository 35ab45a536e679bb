"""Results of others: whatever is wrong with a folder, the comparison says so and goes on without it."""

import json

import pandas as pd
import pytest
from test_compare import drawn, put

from benchmarks.compare.machines import find


def changed_cell(name, value, file="summary.csv"):
    def damage(folder):
        table = pd.read_csv(folder / file, dtype=object)
        table.loc[0, name] = value
        table.to_csv(folder / file, index=False)

    return damage


def changed_provenance(**values):
    def damage(folder):
        path = folder / "provenance.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return damage


def written(name, content):
    return lambda folder: (folder / name).write_bytes(content)


HOSTILE = {
    **{
        f"no {name}": lambda folder, name=name: (folder / name).unlink()
        for name in ("provenance.json", "throughput.csv")
    },
    **{f"empty {name}": written(name, b"") for name in ("summary.csv", "throughput.csv", "provenance.json")},
    **{f"binary {name}": written(name, bytes(range(256)) * 9) for name in ("summary.csv", "provenance.json")},
    **{
        f"JSON {value}": written("provenance.json", value)
        for value in (b"[]", b"3", b"null", b'"a"', b"{}", b"NaN")
    },
    "deep JSON": written("provenance.json", b"[" * 100_000),
    **{
        f"study {value}": changed_provenance(study=value)
        for value in (None, [], 3, "a", {}, {"workloads": 3})
    },
    "workloads of text": changed_provenance(
        study={"workloads": ["a"], "arms": ["b"], "precision": "float32"}
    ),
    "machine as text": changed_provenance(data_names=[1]),
    "version 99": changed_provenance(schema_version=99),
    "a formula": changed_cell("machine", "=cmd()"),
    "an at": changed_cell("framework", "@SUM(1)"),
    "a script": changed_cell("arm", "<script>alert(1)</script>"),
    "an image": changed_cell("identity", "certified <img src=x onerror=alert(1)>"),
    "no number": changed_cell("throughput_samples_per_s", "many"),
    "an endless speed": changed_cell("throughput_samples_per_s", "inf"),
    "an endless time": changed_cell("time_to_target_s", "-inf"),
    "no batch size": changed_cell("batch_size", "1e400"),
    "no machine": changed_cell("machine", ""),
    "another status": changed_cell("status", "wonderful"),
    "a row twice": lambda folder: written("summary.csv", (folder / "summary.csv").read_bytes() * 2)(folder),
    "a batch size of fifty digits": lambda folder: written(
        "summary.csv", (folder / "summary.csv").read_bytes().replace(b",16,", b"," + b"9" * 50 + b",", 1)
    )(folder),
    "a negative batch size": changed_cell("batch_size", "-5"),
    "a row of another machine": changed_cell("machine", "../../x"),
    "a number for a time": changed_provenance(finished=12345),
    "a folder for a file": lambda folder: (
        (folder / "throughput.csv").unlink(),
        (folder / "throughput.csv").mkdir(),
    ),
    "a link to itself": lambda folder: (
        (folder / "throughput.csv").unlink(),
        (folder / "throughput.csv").symlink_to("throughput.csv"),
    ),
}


@pytest.mark.parametrize("damage", HOSTILE)
def test_one_bad_folder_is_reported_and_left_out(tmp_path, damage, capsys):
    put(tmp_path / "results" / "tiny" / "slow", "slow")
    bad = put(tmp_path / "results" / "published" / "fast" / "tiny", "fast")
    HOSTILE[damage](bad)
    text = drawn(tmp_path / "results", tmp_path / "out")
    said = capsys.readouterr().out
    assert f"left out: {bad}" in said.replace("data file ", "")
    assert "Only one machine was found, slow" in text and "<script" not in text and "<img src=x" not in text


def test_hidden_folders_are_no_results(tmp_path):
    put(tmp_path / "tiny" / "slow", "slow")
    for folder in (".old/fast", "tiny/.fast", "published/.fast/tiny"):
        put(tmp_path / folder, "fast")
    assert [source.machine for source in find(tmp_path).taken] == ["slow"]
