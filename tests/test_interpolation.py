"""The line between two solutions: its places by hand, its ends, what diverged, its table and its figure."""

import math
import types
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import synthetic
from test_checkpoints import CONFIG, checkpoint_files, plans_of, run_job

from benchmarks import datasets
from benchmarks.analysis import checkpoints, interpolation, record
from benchmarks.publish import figures, results, writing
from benchmarks.publish.tables import interpolation as table
from benchmarks.recipe.plan import Replicate
from benchmarks.study import check
from benchmarks.summary import analyses, columns, schema


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    datasets.store("digits", path)
    return path


def test_a_place_is_between_the_parameters_and_beyond_them():
    names = ("0.kernel", "1.moving_mean", "1.moving_variance", "2.generator")
    small = dict.fromkeys(names, np.array([0.0, 2.0]))
    large = dict.fromkeys(names, np.array([1.0, 0.0]))
    for place, kernel in [(0.0, [0, 2]), (1.0, [1, 0]), (0.25, [0.25, 1.5]), (2.0, [2, -2]), (-1.0, [-1, 4])]:
        found = interpolation.between(small, large, place)
        np.testing.assert_allclose(found.pop("0.kernel"), kernel)
        assert all((value == [0, 2]).all() for value in found.values()), "those that are not trained"


class Straight:
    """A trainer whose logit of class 1 is its one parameter times the example."""

    def retune(self, optimizer):
        assert optimizer.learning_rate == 0

    def compile(self, batch_size):
        return None

    def reset(self, parameters):
        self.kernel = parameters["kernel"]

    def logits(self, examples):
        return np.stack([np.zeros(len(examples)), examples * self.kernel], axis=1)


def kept(path, kernel, *, roles=("end",)):
    """A file of checkpoints, the last of which has these roles."""
    made = [
        checkpoints.Checkpoint(0, 0, [checkpoints.Role.START], {"kernel": np.array(9.0)}),
        checkpoints.Checkpoint(1, 1, [*map(checkpoints.Role, roles)], {"kernel": np.array(kernel)}),
    ]
    path.write_bytes(checkpoints.serialised(made))
    return path


def test_losses_accuracies_and_agreement_are_those_of_a_known_model(tmp_path, monkeypatch):
    examples, labels = np.array([1.0, -1.0, 2.0]), np.array([1, 0, 0])
    optimizer = plans_of()[0].plans[0].optimizer
    setup = types.SimpleNamespace(examples=examples, labels=labels, trainer=Straight, optimizer=optimizer)
    monkeypatch.setattr(interpolation, "set_up", lambda framework, plan, data: setup)
    data = types.SimpleNamespace(validation_x=examples, validation_y=labels)
    small, large = kept(tmp_path / "small", 1.0), kept(tmp_path / "large", -3.0)
    found = interpolation.along(None, None, data, small, large)
    assert [each.place for each in found] == [n / 8 for n in range(-8, 17)]
    signs = np.where(labels == 1, 1, -1)
    for each in found:
        kernel = 1 - 4 * each.place
        assert each.training_loss == pytest.approx(np.mean(np.log1p(np.exp(-signs * examples * kernel))))
        # Without a slope every example is of class 0, as one of three was predicted before.
        expected = (2 / 3, 1.0) if kernel > 0 else (1 / 3, 0.0) if kernel < 0 else (2 / 3, 1 / 3)
        assert (each.validation_accuracy, each.agreement) == pytest.approx(expected)
    diverged = kept(tmp_path / "diverged", 2.0, roles=["path"])
    assert interpolation.along(None, None, data, small, diverged) == []


def test_of_outputs_that_are_no_numbers_nothing_is_known():
    logits = np.array([[0.0, 1.0], [np.nan, 1.0]])
    found = interpolation._place(0.5, math.inf, logits, np.array([1, 0]), np.array([1, 1]))
    assert (found.training_loss, found.validation_accuracy, found.agreement) == (None, None, None)


def line_with_batch_norm(plan, data_file, folder):
    """In a process with PyTorch: the line from the end of a training of the CNN to itself."""
    from benchmarks.frameworks import pytorch

    data = datasets.read(data_file)
    made = checkpoints.trained(pytorch, plan, data)
    (folder / "kept").write_bytes(checkpoints.serialised(made))
    line = interpolation.along(pytorch, plan, data, folder / "kept", folder / "kept")
    wrong = {
        name: value + 3.0 if name.endswith("moving_mean") else value
        for name, value in made[-1].parameters.items()
    }
    spoiled = made[-1]._replace(parameters=wrong)
    (folder / "spoiled").write_bytes(checkpoints.serialised([*made[:-1], spoiled]))
    return line, interpolation.along(pytorch, plan, data, folder / "spoiled", folder / "kept")


def test_running_averages_are_taken_anew_and_nothing_else_changes(in_torch, digits, tmp_path):
    workload = CONFIG["workloads"][0] | {"model": "cnn"}
    plan = plans_of(CONFIG | {"workloads": [workload]})[0].plans[0]
    line, spoiled = in_torch(line_with_batch_norm, plan, digits, tmp_path)
    losses = [each.training_loss for each in line]
    assert losses == pytest.approx([losses[0]] * 25, rel=1e-5), "both ends are one"
    assert losses[0] < 1.0 and line[0].validation_accuracy > 0.7
    assert [each.training_loss for each in spoiled] == pytest.approx(losses, rel=0.01)


def test_the_ends_of_a_line_are_the_ends_of_its_trainings(digits, tmp_path):
    replicate, store, output = plans_of()[0], tmp_path / "store", tmp_path / "0.json"
    made = run_job(replicate, digits, store, output, ("interpolation", "noise-scale"))
    assert [len(run.interpolation) for run in made] == [0, 25, 0, 25], "none from a solution to itself"
    small, large, *same = made
    line = {each.place: each for each in large.interpolation}
    for place, run in ((0, small), (1, large)):
        at_end = run.analyses["noise-scale"][-1]
        assert "end" in at_end.roles
        assert line[place].training_loss == pytest.approx(at_end.training_loss, rel=1e-4)
    assert line[0].agreement == 1 and 0.5 < line[1].agreement < 1
    assert same[1].interpolation == large.interpolation
    files = checkpoint_files(store)
    output.unlink()
    for path in (store / "interpolation").iterdir():
        path.unlink()
    assert run_job(replicate, digits, store, output, ("interpolation", "noise-scale")) == made
    assert checkpoint_files(store) == files


def test_a_line_alone_trains_both_and_one_that_diverged_has_none(digits, tmp_path):
    (replicate, *_), output = plans_of(), tmp_path / "0.json"
    wild = {"learning_rate": 2.0**120}
    plans = [
        plan.model_copy(update={"optimizer": plan.optimizer.model_copy(update=wild)})
        if plan.cell.batch_size == 500
        else plan
        for plan in replicate.plans[:2]
    ]
    made = run_job(Replicate(plans=plans), digits, tmp_path / "store", output, ("interpolation",))
    assert [(run.status, run.interpolation) for run in made] == [("measured", [])] * 2
    tame = Replicate(plans=replicate.plans[:2])
    made = run_job(tame, digits, tmp_path / "store", output, ("interpolation",))
    assert [len(run.interpolation) for run in made] == [0, 25]


def test_what_a_job_wrote_becomes_rows(digits, tmp_path):
    config = CONFIG | {"analyses": ["interpolation"]}
    for replicate in plans_of(config):
        place = record.path(tmp_path, replicate.name)
        run_job(replicate, digits, tmp_path / "store", place, ("interpolation",))
    wanted = check.read(config)
    rows = columns.frame(analyses.interpolation(wanted, tmp_path), schema.INTERPOLATION)
    schema.INTERPOLATION.validate(rows)
    assert len(rows) == 2 * 2 * 25
    assert {*rows["from_batch_size"]} == {32} and {*rows["batch_size"]} == {500}
    assert analyses.checkpoints(wanted, tmp_path, {("digits", "mlp"): 1257}) == []


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Lines of two batch sizes and three seeds: a hill of this height in the middle, seed by seed."""
    made = results.read(synthetic.write(tmp_path_factory.mktemp("lines")))
    rows = [
        {"dataset": "mnist", "model": "mlp", "arm": "fixed-lr", "batch_size": size, "from_batch_size": 8}
        | {"seed": seed, "place": place, "agreement": 0.9 if place == 1 else 1.0, "validation_accuracy": 0.9}
        | {"training_loss": 0.1 + 0.01 * seed + (place == 0.5) * size / 1000 + 0.1 * abs(place - 0.5)}
        for size in (64, 512)
        for seed in range(3)
        for place in interpolation.PLACES
    ]
    return replace(made, interpolation=columns.frame(rows, schema.INTERPOLATION))


def test_the_table_has_both_ends_the_highest_between_and_the_agreement(known):
    (made,) = table.tables(known)
    row = made.data.set_index("batch_size").loc[512]
    assert (row["loss_small"], row["loss_large"]) == pytest.approx((0.16, 0.16))
    assert row["highest_between"] == pytest.approx(0.622)
    assert (row["highest_between_lo"], row["highest_between_hi"]) == pytest.approx((0.612, 0.632))
    assert row["agreement_percent"] == pytest.approx(90)
    assert len(made.rows) == 2 and len(made.columns) == len(made.rows[0])
    none = replace(known, interpolation=known.interpolation.iloc[:0])
    assert table.tables(none) == []
    rows = known.interpolation
    overflown = rows.assign(training_loss=rows["training_loss"].where(rows["place"] != 0.5))
    (made,) = table.tables(replace(known, interpolation=overflown))
    assert made.data["highest_between"].isna().all(), "an infinite loss is not left out"


def test_the_figure_has_a_line_for_each_batch_size(known):
    module = figures.modules()["interpolation"]
    assert module.applies(known)
    figure = module.draw(known)
    writing.laid_out(figure)
    left, right = figure.axes[:2]
    lines = [line for line in left.lines if len(line.get_xdata()) == len(interpolation.PLACES)]
    middle = [float(pd.Series(line.get_ydata(), line.get_xdata())[0.5]) for line in lines]
    assert middle == pytest.approx([0.174, 0.622])
    assert right.get_ylabel() == "Validation error (%)"
    assert not module.applies(replace(known, interpolation=known.interpolation.iloc[:0]))
