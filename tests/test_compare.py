"""Machines compared and times predicted: arithmetic on small results."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from benchmarks.common.errors import Problem
from benchmarks.compare import figures, machines, page, quantities, tables
from benchmarks.compare.machines import find
from benchmarks.summary.schema import SUMMARY, THROUGHPUT, VERSION

SIZES = [16, 64]
EXAMPLES = {"slow": {16: 100_000.0, 64: 120_000.0}, "fast": {16: 110_000.0, 64: 150_000.0}, "new": {}}
SPEED = {"slow": 10_000.0, "fast": 50_000.0, "new": 200_000.0}
"""Examples per second at B = 16; four times that at B = 64."""
CELL = {"dataset": "digits", "model": "mlp", "framework": "keras", "arm": "fixed-lr", "step_kind": "momentum"}


def rows(machine, *, study, examples):
    for size in SIZES:
        row = dict.fromkeys(SUMMARY.columns, np.nan) | CELL | {"study": study, "machine": machine}
        speed = SPEED[machine] * size / 16
        row |= {"batch_size": size, "throughput_samples_per_s": speed, "identity": "certified"}
        row |= {"throughput_samples_per_s_lo": 0.9 * speed, "throughput_samples_per_s_hi": 1.1 * speed}
        row |= {"n_runs": 0, "n_reached": 0, "status": "untrained"}
        if size in examples:
            seconds = 1.25 * examples[size] / speed
            row |= {"status": "reached", "n_runs": 3, "n_reached": 3, "examples_to_target": examples[size]}
            row |= {"time_to_target_s": seconds, "time_to_target_s_lo": 0.9 * seconds}
            row |= {"time_to_target_s_hi": 1.1 * seconds, "peak_memory_mib": 100.0 + size}
        yield row


def put(
    folder,
    machine,
    *,
    study="tiny",
    finished="2026-01-01T00:00:00+00:00",
    target=0.9,
    examples=None,
    rate=0.0625,
    precision="float32",
    hardware=None,
):
    """The results of one machine, as `summarise` leaves them, as far as the comparison reads them."""
    folder.mkdir(parents=True)
    examples = EXAMPLES[machine] if examples is None else examples
    table = pd.DataFrame(list(rows(machine, study=study, examples=examples)))
    table.to_csv(folder / "summary.csv", index=False)
    case = CELL | {"execution": "fused", "process": 0, "status": "measured"}
    timed = pd.DataFrame([case | {"batch_size": size} for size in SIZES], columns=list(THROUGHPUT.columns))
    timed.to_csv(folder / "throughput.csv", index=False)
    workload = {"dataset": "digits", "model": "mlp", "target": {"validation_accuracy": target}}
    arm = {"name": "fixed-lr", "learning_rate": rate, "momentum": 0.875, "scaling": "none"}
    setup = {"precision": precision, "arms": [arm], "workloads": [workload | {"evaluations_per_epoch": 4}]}
    provenance = {"schema_version": VERSION, "study": setup, "finished": finished if examples else None}
    provenance["machine"] = hardware or {}
    (folder / "provenance.json").write_text(json.dumps(provenance))
    return folder


def with_second_form(folder, *, identity="certified"):
    """The same again under Adam, half as fast."""
    table, timed = (pd.read_csv(folder / f"{name}.csv") for name in ("summary", "throughput"))
    adam = table.assign(arm="adam", step_kind="adam", identity=identity)
    adam["throughput_samples_per_s"] = table["throughput_samples_per_s"] / 2
    pd.concat([table, adam]).to_csv(folder / "summary.csv", index=False)
    pd.concat([timed, timed.assign(step_kind="adam")]).to_csv(folder / "throughput.csv", index=False)
    provenance = json.loads((folder / "provenance.json").read_text())
    arms = provenance["study"]["arms"]
    arms.append(arms[0] | {"name": "adam", "optimizer": "adam"})
    (folder / "provenance.json").write_text(json.dumps(provenance))


def three(root):
    put(root / "tiny" / "slow", "slow")
    put(root / "published" / "fast" / "tiny", "fast")
    put(root / "published" / "new" / "tiny", "new")
    return root


def compared(root):
    taken = find(root).taken
    cells = machines.table(taken)
    return cells, machines.predictions(cells).set_index(["machine", "batch_size"])


def test_a_machine_that_trained_nothing_is_predicted_from_the_others(tmp_path):
    _, predicted = compared(three(tmp_path))
    row = predicted.loc["new", 16]
    assert row["examples_to_target"] == 105_000
    assert row["examples_from"] == "others: fast, slow"
    assert row["time_to_target_predicted_s"] == pytest.approx(105_000 / 200_000)
    assert np.isnan(row["time_to_target_s"])
    assert np.isnan(row["error"])


def test_a_prediction_is_held_against_a_training_that_it_does_not_know(tmp_path):
    _, predicted = compared(three(tmp_path))
    row = predicted.loc["fast", 16]
    assert row["examples_from"] == "others: slow"
    assert row["time_to_target_predicted_s"] == pytest.approx(100_000 / 50_000)
    assert row["time_to_target_s"] == pytest.approx(1.25 * 110_000 / 50_000)
    assert row["error"] == pytest.approx(2.0 / 2.75 - 1)


def test_a_machine_alone_is_predicted_from_itself(tmp_path):
    put(tmp_path / "tiny" / "slow", "slow")
    _, predicted = compared(tmp_path)
    assert set(predicted["examples_from"]) == {"this machine"}
    assert predicted["time_to_target_predicted_s"].tolist() == pytest.approx([10, 3])
    assert predicted["error"].tolist() == pytest.approx([-0.2, -0.2])


def test_a_batch_that_grows_is_timed_and_not_predicted(tmp_path):
    folder = put(tmp_path / "tiny" / "slow", "slow")
    provenance = json.loads((folder / "provenance.json").read_text())
    provenance["study"]["arms"][0]["growth"] = {"factor": 2, "milestones": [0.5]}
    (folder / "provenance.json").write_text(json.dumps(provenance))
    cells, predicted = compared(tmp_path)
    assert predicted.empty
    assert cells["throughput_samples_per_s"].notna().all()


def test_a_setting_that_is_not_used_is_none_that_an_earlier_version_did_not_know(tmp_path):
    put(tmp_path / "tiny" / "slow", "slow")
    folder = put(tmp_path / "tiny" / "new", "new")
    provenance = json.loads((folder / "provenance.json").read_text())
    provenance["study"]["arms"][0] |= {"growth": None, "ghost_batch": None}
    (folder / "provenance.json").write_text(json.dumps(provenance))
    _, predicted = compared(tmp_path)
    assert predicted.loc["new", "examples_from"].tolist() == ["others: slow"] * 2


@pytest.mark.parametrize("other", [{"target": 0.97}, {"rate": 0.5}])
def test_another_target_or_setting_under_the_same_names_is_another_training(tmp_path, other):
    put(tmp_path / "tiny" / "slow", "slow")
    put(tmp_path / "tiny" / "new", "new", **other)
    cells, predicted = compared(tmp_path)
    assert len(cells) == 4
    assert "new" not in predicted.index


def test_no_prediction_without_a_machine_that_reached_the_target(tmp_path):
    put(tmp_path / "tiny" / "new", "new")
    assert compared(tmp_path)[1].empty


@pytest.mark.parametrize(
    ("published", "local", "taken"),
    [
        ("2026-01-01", "2026-01-02", "tiny"),
        ("2026-01-02", "2026-01-01", "published"),
        ("2026", "2026", "tiny"),
    ],
)
def test_of_two_copies_the_later_counts_and_at_a_tie_the_one_measured_here(tmp_path, published, local, taken):
    put(tmp_path / "published" / "slow" / "tiny", "slow", finished=published)
    put(tmp_path / "tiny" / "slow", "slow", finished=local)
    kept, passed_over, _ = find(tmp_path)
    assert [source.folder.relative_to(tmp_path).parts[0] for source in kept] == [taken]
    assert len(passed_over) == 1


def test_machines_that_differ_under_one_name_are_not_mixed(tmp_path):
    zen3, zen5 = ({"cpu": "AMD EPYC", "microarchitecture": name} for name in ("zen3", "zen5"))
    put(tmp_path / "tiny" / "slow", "slow", finished="2026-01-01", hardware=zen3)
    put(tmp_path / "other" / "slow", "slow", study="other", finished="2026-02-01", hardware=zen5)
    put(tmp_path / "third" / "slow", "slow", study="third", finished="2026-01-03", hardware=zen5)
    put(tmp_path / "tiny" / "fast", "fast", hardware=zen3)
    found = find(tmp_path)
    assert {(source.machine, source.study) for source in found.taken} == {
        *{("slow", "other"), ("slow", "third"), ("fast", "tiny")}
    }
    (cause,) = found.unusable
    assert "tiny/slow comes from another machine of the name slow: generation zen3 against zen5" in cause


def test_a_cell_that_one_study_trained_and_a_later_one_only_timed_counts_as_trained(tmp_path):
    put(tmp_path / "tiny" / "slow", "slow")
    put(tmp_path / "speed" / "slow", "slow", study="speed", examples={})
    cells, _ = compared(tmp_path)
    assert cells["status"].tolist() == ["reached", "reached"]


def test_machines_are_compared_within_a_form_and_titles_name_it(tmp_path):
    for folder in (tmp_path / "tiny" / name for name in ("slow", "fast")):
        put(folder, folder.name)
        with_second_form(folder)
    cells, predicted = compared(tmp_path)
    values, _ = quantities.throughput(cells)
    assert set(values["panel"]) == {"Digits, MLP · momentum", "Digits, MLP · adam"}
    adam = values[(values["panel"] == "Digits, MLP · adam") & (values["machine"] == "slow")]
    assert adam["value"].tolist() == [5_000, 20_000]
    known = machines.with_predictions(cells, predicted.reset_index())
    titles = [table.title for table in tables.build(known)]
    assert "Digits, MLP · adam: Throughput (examples/s)" in titles
    text = page.sentences(cells, predicted.reset_index())[0]
    assert "200,000 on fast (Keras, momentum, B = 64)" in text


def test_precisions_are_not_compared_with_one_another(tmp_path):
    for machine in ("slow", "fast"):
        put(tmp_path / "tiny" / machine, machine)
    put(tmp_path / "double" / "slow", "slow", study="double", finished="2027", precision="float64")
    table = pd.read_csv(tmp_path / "double" / "slow" / "summary.csv")
    table["throughput_samples_per_s"] /= 2
    table.to_csv(tmp_path / "double" / "slow" / "summary.csv", index=False)
    cells, predicted = compared(tmp_path)
    for select, halved in ((quantities.throughput, [5_000, 20_000]), (quantities.peak_memory, [116, 164])):
        values, _ = select(cells)
        own = values[values["machine"] == "slow"].groupby("panel")["value"].agg(list)
        assert own["Digits, MLP · float64"] == halved
        assert len(own["Digits, MLP · float32"]) == 2
    assert quantities.throughput(cells)[0].groupby("panel")["machine"].nunique().to_dict() == {
        "Digits, MLP · float32": 2,
        "Digits, MLP · float64": 1,
    }
    known = machines.with_predictions(cells, predicted.reset_index())
    titles = set(quantities.time_to_target(known)[0]["panel"])
    assert titles == {f"Digits, MLP · fixed-lr · 90 % · float{bits}" for bits in (32, 64)}
    text = page.sentences(cells, predicted.reset_index())[0]
    assert "200,000 on fast (Keras, float32, B = 64)" in text


def test_one_precision_is_not_named(tmp_path):
    cells, _ = compared(three(tmp_path))
    assert set(quantities.throughput(cells)[0]["panel"]) == {"Digits, MLP"}


def test_data_of_ones_own_is_known_by_the_name_it_has_in_results(tmp_path):
    for machine, path in {"slow": "images:/data/cifar", "fast": "images:/mnt/else/cifar"}.items():
        folder = put(tmp_path / "tiny" / machine, machine)
        text = (folder / "provenance.json").read_text()
        content = json.loads(text.replace('"digits"', json.dumps(path)))
        (folder / "provenance.json").write_text(json.dumps({**content, "data_names": {path: "images-cifar"}}))
        table = pd.read_csv(folder / "summary.csv").assign(dataset="images-cifar")
        table.to_csv(folder / "summary.csv", index=False)
    _, predicted = compared(tmp_path)
    assert set(predicted["examples_from"]) == {"others: fast", "others: slow"}


def test_one_form_is_not_named(tmp_path):
    cells, predicted = compared(three(tmp_path))
    assert set(quantities.throughput(cells)[0]["panel"]) == {"Digits, MLP"}
    assert "(Keras, B = 64)" in page.sentences(cells, predicted.reset_index())[0]


def test_a_case_is_as_doubtful_as_its_most_doubtful_arm_and_forms_do_not_share_it(tmp_path):
    put(tmp_path / "tiny" / "slow", "slow")
    with_second_form(tmp_path / "tiny" / "slow", identity="statistical")
    cells, _ = compared(tmp_path)
    values, _ = quantities.throughput(cells)
    assert values.groupby("step_kind")["identity"].unique().map(list).to_dict() == {
        "adam": ["statistical"],
        "momentum": ["certified"],
    }


@pytest.mark.parametrize(
    ("name", "column"),
    [("summary", "step_kind"), ("throughput", "step_kind"), ("summary", "epochs_trained")],
)
def test_results_of_an_older_version_are_told(tmp_path, name, column):
    path = put(tmp_path / "tiny" / "slow", "slow") / f"{name}.csv"
    pd.read_csv(path).drop(columns=column).to_csv(path, index=False)
    with pytest.raises(
        Problem, match=rf"{name}\.csv is of another version: it lacks the columns {column}(.|\n)*fix: run"
    ):
        find(tmp_path)


def test_nothing_found_names_cause_and_mend(tmp_path):
    with pytest.raises(Problem, match=r"no results to compare(.|\n)*fix: run a study"):
        find(tmp_path)


@pytest.mark.parametrize("text", ["", "study,machine\n", "a,b\n1,2\n"])
def test_a_broken_summary_is_named(tmp_path, text):
    folder = put(tmp_path / "tiny" / "slow", "slow")
    (folder / "summary.csv").write_text(text)
    with pytest.raises(Problem, match="slow"):
        find(tmp_path)


def drawn(root, output):
    page.write(root, output)
    return (output / "index.html").read_text()


def test_three_machines_are_drawn_and_the_page_needs_no_network(tmp_path):
    page = drawn(three(tmp_path / "results"), tmp_path / "out")
    kinds = {path.suffix for path in (tmp_path / "out" / "figures").iterdir()}
    assert kinds == {".svg", ".pdf", ".png"}
    assert {path.stem for path in (tmp_path / "out" / "figures").iterdir()} == {
        "throughput",
        "peak-memory",
        "time-to-target",
    }
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "200,000" in page
    table = pd.read_csv(tmp_path / "out" / "compare.csv")
    assert table.loc[table["machine"] == "new", "time_to_target_predicted_s"].notna().all()


def test_of_one_machine_the_frameworks_differ_in_colour(tmp_path):
    folder = put(tmp_path / "tiny" / "slow", "slow")
    table, timed = (pd.read_csv(folder / f"{name}.csv") for name in ("summary", "throughput"))
    for name, frame in (("summary", table), ("throughput", timed)):
        both = pd.concat([frame, frame.assign(framework="pytorch")])
        both.to_csv(folder / f"{name}.csv", index=False)
    known = machines.table(find(tmp_path).taken)
    cells = machines.with_predictions(known, machines.predictions(known))
    figure = figures.applicable(cells)["throughput"].draw(cells)
    keys = {line.get_label(): line.get_color() for line in figure.legends[0].get_lines()}
    assert len(keys) == 2 and len({*keys.values()}) == 2
    drawn = {line.get_color() for line in figure.axes[0].get_lines() if line.get_marker() not in ("", "None")}
    assert {*keys.values()} <= drawn


def test_one_machine_is_drawn_and_said_to_be_alone(tmp_path):
    put(tmp_path / "results" / "tiny" / "slow", "slow")
    assert "Only one machine was found, slow" in drawn(tmp_path / "results", tmp_path / "out")
