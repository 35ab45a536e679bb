"""The records in a study's folder: written whole or not at all, read only where they are its own."""

import pytest

from benchmarks.common import files
from benchmarks.common.errors import Problem
from benchmarks.recipe.plan import Budget, Evaluations, Plan, Replicate
from benchmarks.training import view
from benchmarks.training.record import Record, Run, Status

NAME = "digits/mlp/keras/3"


def a_replicate(*, framework="keras", learning_rate=0.5, seed=3) -> Replicate:
    cell = {"dataset": "digits", "model": "mlp", "framework": framework, "arm": "a"}
    plans = [
        Plan(
            cell={**cell, "batch_size": size},
            seed=seed,
            device="cpu",
            precision="float32",
            optimizer={"name": "momentum", "learning_rate": learning_rate, "momentum": 0.5},
            augmentation=[],
            randomness="shared",
            target=0.9,
            budget=Budget(epochs=1, seconds=1),
            evaluations=Evaluations(examples=10),
        )
        for size in (16, 64)
    ]
    return Replicate(plans=plans)


def records_of(replicate: Replicate) -> list[Record]:
    runs = [Run(seed=plan.seed, status=Status.DIVERGED) for plan in replicate.plans]
    return [
        Record(cell=plan.cell, settings=plan.settings, run=run, provenance={}, job_s=1.0)
        for plan, run in zip(replicate.plans, runs, strict=True)
    ]


@pytest.fixture
def written(tmp_path):
    path = view.record_path(tmp_path, NAME)
    view.write(records_of(a_replicate()), path)
    return path


def test_records_come_back_as_they_were_written(written):
    assert view.of_replicate(written.parents[4], a_replicate()) == records_of(a_replicate())
    assert written.parts[-5:] == ("runs", "digits", "mlp", "keras", "3.json")


DAMAGES = {
    "empty": lambda text: "",
    "cut short": lambda text: text[:-20],
    "one digit": lambda text: text.replace('"job_s": 1.0', '"job_s": 2.0', 1),
    "another schema": lambda text: '{"schema_version": 1}',
    "a list": lambda text: "[]",
}
IMPOSSIBLE = {
    "a percentage": {"test_accuracy": 97.0},
    "a negative accuracy": {"validation_accuracy": -0.1},
    "time that runs back": {"training_s": -1.0},
    "negative steps": {"steps": -1},
    "a curve beyond 1": {
        "curve": [
            {
                **{"examples": 1, "training_s": 1, "train_loss": 1, "validation_loss": 1},
                "validation_accuracy": 1.5,
            }
        ]
    },
}


@pytest.mark.parametrize("impossible", IMPOSSIBLE)
def test_a_sealed_record_of_what_cannot_be_is_refused_and_set_aside(written, tmp_path, impossible):
    content = files.read_sealed(written)
    content["records"][0]["run"] |= IMPOSSIBLE[impossible]
    files.write_sealed(content, written)
    with pytest.raises(Problem, match="is not a record of this version"):
        view.of_replicate(tmp_path, a_replicate())
    assert len(view.set_aside_unusable(tmp_path, [NAME])) == 1


@pytest.mark.parametrize("damage", DAMAGES)
def test_anything_else_is_refused_with_its_name_and_set_aside(written, tmp_path, damage):
    written.write_text(DAMAGES[damage](written.read_text()))
    with pytest.raises(Problem, match=r"keras/3\.json"):
        view.of_replicate(written.parents[4], a_replicate())
    (cause,) = view.set_aside_unusable(tmp_path, [NAME])
    assert "3.json" in cause
    assert not written.exists()
    assert written.with_name("3.json.damaged").exists()


FOREIGN = {
    "another framework": records_of(a_replicate(framework="pytorch")),
    "another seed": records_of(a_replicate(seed=4)),
    "runs of two seeds": [records_of(a_replicate())[0], records_of(a_replicate(seed=4))[1]],
    "no runs": [],
}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_records_in_the_place_of_others_are_refused_and_set_aside(written, tmp_path, foreign):
    view.write(FOREIGN[foreign], written)
    with pytest.raises(Problem, match="holds other runs than those of digits/mlp/keras/3"):
        view.of_replicate(tmp_path, a_replicate())
    assert len(view.set_aside_unusable(tmp_path, [NAME])) == 1


CHANGED = {
    "another learning rate": records_of(a_replicate(learning_rate=0.25)),
    "another arm": [
        each.model_copy(update={"cell": each.cell.model_copy(update={"arm": "b"})})
        for each in records_of(a_replicate())
    ],
    "a batch size missing": records_of(a_replicate())[:1],
    "a batch size twice": [*records_of(a_replicate()), records_of(a_replicate())[0]],
    "another order": records_of(a_replicate())[::-1],
}


@pytest.mark.parametrize("changed", CHANGED)
def test_records_of_other_settings_are_refused_and_left_for_the_study_that_has_them(
    written, tmp_path, changed
):
    view.write(CHANGED[changed], written)
    with pytest.raises(Problem, match="other settings, arms or batch sizes"):
        view.of_replicate(tmp_path, a_replicate())
    assert view.set_aside_unusable(tmp_path, [NAME]) == []


def test_what_is_good_or_not_there_is_left_alone(written, tmp_path):
    assert view.set_aside_unusable(tmp_path, [NAME, NAME.replace("keras", "pytorch")]) == []
    assert written.exists()


def test_a_failed_write_leaves_the_old_records_and_no_scrap(written, monkeypatch):
    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    changed = [each.model_copy(update={"job_s": 2.0}) for each in records_of(a_replicate())]
    with pytest.raises(OSError, match=r"No space left on device.*3\.json"):
        view.write(changed, written)
    assert view.of_replicate(written.parents[4], a_replicate()) == records_of(a_replicate())
    assert [file.name for file in written.parent.iterdir()] == ["3.json"]
