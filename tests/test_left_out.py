"""A study that has less than the results of its name says what goes."""

import json
from pathlib import Path

import pytest
import yaml

from benchmarks.study import check
from benchmarks.study.left_out import left_out


def smoke():
    return yaml.safe_load(Path("config/studies/smoke.yaml").read_text())


@pytest.fixture
def folder(tmp_path):
    study = check.read(smoke()).model_dump(mode="json")
    (tmp_path / "provenance.json").write_text(json.dumps({"study": study}))
    return tmp_path


def test_what_is_left_out_is_named(folder):
    config = smoke()
    assert left_out(check.read(config), folder) == ""
    assert (
        left_out(check.read(config | {"seeds": []}), folder)
        == f"seeds {', '.join(map(str, config['seeds']))}"
    )
    config["workloads"][0]["batch_sizes"] = [16]
    assert left_out(check.read(config), folder) == "batch sizes of digits × mlp 1257"
    config["workloads"][0]["model"] = "logistic"
    assert left_out(check.read(config), folder) == "workloads digits × mlp"


def test_analyses_that_are_left_out_are_named(folder):
    before = check.read(smoke() | {"analyses": ["noise-scale", "curvature"]}).model_dump(mode="json")
    (folder / "provenance.json").write_text(json.dumps({"study": before}))
    assert left_out(check.read(smoke() | {"analyses": ["curvature"]}), folder) == "analyses noise-scale"


def test_what_a_study_adds_or_nobody_can_read_is_no_loss(folder, tmp_path):
    config = smoke()
    assert left_out(check.read(config | {"seeds": [*config["seeds"], 99]}), folder) == ""
    assert left_out(check.read(config), tmp_path / "elsewhere") == ""
    gone = {**json.loads((folder / "provenance.json").read_text())["study"]}
    gone["workloads"][0]["dataset"] = "images:/nowhere"
    for text in (json.dumps({"study": gone}), "", "[]", "{}", '{"study": {"schema": 0}}'):
        (folder / "provenance.json").write_text(text)
        assert left_out(check.read(config | {"seeds": []}), folder) == ""
