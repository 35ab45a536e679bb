"""A tuned training that has another rate than its search chose, or than another framework has, is told."""

import json

import pytest
import recorded
from tracing import STUDY

from benchmarks.common.errors import Problem
from benchmarks.identity import equivalence, expected_rates
from benchmarks.study import check, rates

ARM = {"name": "tuned", "learning_rate": "tune", "momentum": 0.5, "scaling": "none"}
ARM |= {"search": {"learning_rate": [0.125, 0.5]}}
START, BEST = {"learning_rate": 0.125}, {"learning_rate": 0.25, "momentum": 0.75}


def search(found=True):
    """A search at one batch size, which found the best or nothing."""
    place = {"dataset": "digits", "model": "mlp", "arm": "tuned", "batch_size": 50}
    best = {"best": BEST, "steps": 9, "lowest": 0.1, "highest": 0.4, "at_edge": False, "trials": []}
    named = {"framework": "keras", "start": START, "found": best if found else None}
    return rates.Tuned.model_validate(place | named)


def trained(framework="keras", seed=0, **optimizer):
    """The records of a cell of one run with these settings."""
    cell = recorded.CELL.model_copy(update={"arm": "tuned", "framework": framework})
    settings = {"cell": {"framework": framework}, "optimizer": {"momentum": 0.75, **optimizer}}
    return {cell: recorded.records(recorded.reached(seed, 500, test=0.9), cell=cell, settings=settings)}


def told(*records, found=True):
    together = {cell: of_cell for each in records for cell, of_cell in each.items()}
    return expected_rates.fault(together, [search(found).model_dump(mode="json")])


def test_what_the_search_chose_is_what_is_trained():
    assert told(trained(learning_rate=0.25), trained("pytorch", learning_rate=0.25)) == ""
    assert told(trained(learning_rate=0.125), found=False) == ""


@pytest.mark.parametrize(
    ("settings", "found", "cause"),
    [
        ({"learning_rate": 0.125}, True, "learning_rate 0.125, and its search chose 0.25"),
        ({"learning_rate": 0.25}, False, "learning_rate 0.25, and its search chose 0.125"),
        ({"learning_rate": 0.25, "momentum": 0.5}, True, "momentum 0.5, and its search chose 0.75"),
    ],
)
def test_another_rate_is_told(settings, found, cause):
    assert cause in told(trained(**settings), found=found)


def test_other_settings_than_in_another_framework_are_told():
    both = trained(learning_rate=0.25), trained("pytorch", learning_rate=0.25, weight_decay=0.5)
    assert "other settings than the same training in another framework" in told(*both)
    assert told(both[0], trained("pytorch", seed=1, learning_rate=0.25, weight_decay=0.5)) == ""


def test_a_study_of_such_a_training_ends_with_a_message(monkeypatch, tmp_path):
    rates.write([search()], tmp_path / rates.NAME)
    made = trained(learning_rate=0.125)
    monkeypatch.setattr(equivalence.view, "of_study", lambda *_: made.items())
    study = check.read({**STUDY, "arms": [ARM], "seeds": [0]})
    with pytest.raises(Problem, match="its search chose"):
        equivalence.write(study, tmp_path, tmp_path, tmp_path / "out.json")


def test_a_study_without_seeds_has_searched_for_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(equivalence.view, "of_study", lambda *_: [])
    (tmp_path / "certificates.json").write_text("{}")
    study = check.read({**STUDY, "arms": [ARM], "seeds": []})
    equivalence.write(study, tmp_path / "certificates.json", tmp_path, tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == {"equivalence": []}
