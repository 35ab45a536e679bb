"""The studies that are shipped are good, and every key of them is described."""

import re
from pathlib import Path

import pytest
import yaml

from benchmarks.recipe.optimizer import Schedule
from benchmarks.recipe.plan import Budget
from benchmarks.recipe.search import Search
from benchmarks.study import check, study


def plans(found):
    """The plan of every run."""
    return [plan for replicate in study.replicates(found) for plan in replicate.plans]


def test_every_key_of_a_study_is_described():
    text = Path("config/README.md").read_text()
    described = (
        study.Study,
        study.Workload,
        study.Target,
        Budget,
        study.Throughput,
        study.Arm,
        Schedule,
        Search,
    )
    for model in described:
        for key in model.model_fields:
            assert re.search(rf"`([a-z_]+\.)*{key}`", text), f"config/README.md does not describe {key}"


@pytest.mark.parametrize("path", [Path("config/config.yaml"), *sorted(Path("config/studies").glob("*.yaml"))])
def test_the_studies_that_are_shipped_are_good(path):
    found = check.read(yaml.safe_load(path.read_text()))
    assert plans(found) or not found.seeds


def shipped(path):
    return check.read(yaml.safe_load(Path(path).read_text()))


def sizes(found):
    return {(w.slug, w.model): w.sizes for w in found.workloads}


def test_the_default_study_is_a_first_answer():
    found = shipped("config/config.yaml")
    assert found.study == "default"
    assert found.frameworks == ["keras", "pytorch"]
    assert len(found.seeds) == 3
    assert {case: len(chosen) for case, chosen in sizes(found).items()} == {("mnist", "mlp"): 4}
    (of_mnist,) = sizes(found).values()
    assert min(of_mnist) <= 8, "the side where many small steps cost time"
    assert 4096 <= max(of_mnist) <= 16384, "the side where few large steps cost epochs"
    assert [arm.name for arm in found.arms] == ["tuned", "fixed-lr", "linear-lr"]
    assert [arm.tuned for arm in found.arms] == [True, False, False]
    assert len(plans(found)) == 3 * 12 * 2


def test_the_published_study_is_the_larger_one():
    found = shipped("config/studies/full.yaml")
    assert found.study == "full"
    assert [arm.name for arm in found.arms] == ["tuned", "fixed-lr", "linear-lr", "sqrt-lr"]
    assert len(plans(found)) == 13 * 4 * 2 * 5
    assert len(plans(found)) > 2 * len(plans(shipped("config/config.yaml")))


def test_every_study_that_is_shipped_has_its_own_name_and_is_listed():
    text = Path("config/README.md").read_text()
    names = [shipped(path).study for path in ("config/config.yaml", *Path("config/studies").glob("*.yaml"))]
    assert len(set(names)) == len(names)
    for name in names:
        assert f"`{name}`, " in text
