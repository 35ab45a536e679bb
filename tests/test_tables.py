"""Tables say what the summary says: arithmetic, bold, failures, marks."""

import numpy as np
import pandas as pd
import pytest
import synthetic
import synthetic_grid
import tabled
from tabled import entry, main_table, named, rewrite, row, texts, where

from benchmarks.publish import tables, wording
from benchmarks.publish.tables import main

folder = pytest.fixture(tabled.with_tables, scope="module")
rich = pytest.fixture(tabled.with_tables_of_five, scope="module")


def test_the_ratio_is_paired_over_processes(tmp_path):
    synthetic.write(tmp_path)
    speeds = {"keras": [100.0, 200.0, 400.0], "pytorch": [200.0, 400.0, 800.0]}

    def change(frame):
        for framework, values in speeds.items():
            case = where(frame, dataset="mnist", framework=framework, batch_size=64, execution="fused")
            frame.loc[case, "samples_per_s"] = values

    rewrite(tmp_path, "throughput", change)
    # Twice as fast in every process: the pairing leaves no width, although the processes differ by 4.
    ratio = entry(main_table(tmp_path), "64", "Throughput (examples/s)", "PyTorch / Keras")
    assert ratio.text == "2.00 [2.00, 2.00]"


def test_bold_only_where_the_interval_excludes_one():
    clear = pd.DataFrame({"keras": [100.0, 101.0, 99.0], "pytorch": [150.0, 152.0, 148.0]})
    vague = pd.DataFrame({"keras": [100.0, 101.0, 99.0], "pytorch": [150.0, 90.0, 110.0]})
    assert main.fastest(clear) == "pytorch"
    assert main.fastest(vague) is None
    assert main.fastest(clear[:1]) is None
    assert main.fastest(clear[["keras"]]) is None


def test_the_fastest_of_three_beats_both_others():
    speeds = pd.DataFrame({"a": [10.0, 10.1], "b": [20.0, 20.1], "c": [20.1, 19.9]})
    assert main.fastest(speeds) is None
    assert main.fastest(speeds.assign(c=[5.0, 5.01])) == "b"


def test_times_are_resolved_where_intervals_do_not_overlap():
    columns = {"t": [1.0, 2.0], "t_lo": [0.9, 1.5], "t_hi": [1.4, np.inf], "n_runs": [4, 4]}
    rows = pd.DataFrame(columns, index=["a", "b"])
    assert main.soonest(rows, "t") == "a"
    assert main.soonest(rows.assign(t_hi=[1.6, np.inf]), "t") is None
    assert main.soonest(rows.assign(t=[np.nan, 2.0]), "t") is None
    assert main.soonest(rows.assign(n_runs=[3, 4]), "t") is None


def test_accuracies_are_resolved_by_welch():
    rows = pd.DataFrame(
        {"test_accuracy": [0.98, 0.90], "test_accuracy_sd": [0.001, 0.002], "n_runs": [3, 3]},
        index=["a", "b"],
    ).assign(epochs_trained=6.0)
    assert main.most_accurate(rows) == "a"
    assert main.most_accurate(rows.assign(test_accuracy_sd=[0.1, 0.1])) is None
    assert main.most_accurate(rows.assign(n_runs=[1, 3])) is None


def test_accuracies_after_unequally_many_epochs_are_not_compared():
    columns = {"test_accuracy": [0.98, 0.90], "test_accuracy_sd": [0.001, 0.002], "n_runs": [3, 3]}
    rows = pd.DataFrame(columns, index=["a", "b"]).assign(status="reached")
    assert main.most_accurate(rows.assign(epochs_trained=[3.1, 6.0])) is None
    assert main.most_accurate(rows.assign(epochs_trained=[0.1 + 0.2, 0.3])) == "a"
    untrained = pd.DataFrame({"n_runs": [3], "epochs_trained": [0.0]}, index=["c"])
    assert main.most_accurate(pd.concat([rows.assign(epochs_trained=6.0), untrained])) == "a"


def test_an_accuracy_after_fewer_epochs_than_the_budget_has_its_sign(folder):
    table = main_table(folder)
    known = pd.read_csv(folder / "summary.csv")
    cut = known[where(known, dataset="mnist", arm="linear-lr", framework="keras", batch_size=4)].iloc[0]
    assert (cut["status"], cut["epochs_trained"]) == ("reached", 2.0)
    pair = [entry(table, "4", "Test accuracy (%)", framework) for framework in ("Keras", "PyTorch")]
    assert [cell.text.endswith("§") for cell in pair] == [True, False]
    assert not any(cell.bold for cell in pair)
    assert "§ a run ended before its budget of epochs" in table.caption
    assert entry(table, "1", "Test accuracy (%)", "Keras").text.endswith("§")
    assert not entry(table, "16", "Test accuracy (%)", "Keras").text.endswith("§")
    digits = main_table(folder, "main-digits-cnn-fixed-lr")
    assert "§" not in digits.caption
    assert not any("§" in text for line in texts(digits) for text in line)


def test_a_cell_that_is_not_certified_is_marked_and_never_bold(tmp_path):
    table = main_table(synthetic.write(tmp_path, certified=False), "main-digits-cnn-fixed-lr")
    marked = row(table, "1,437")
    assert marked[1].text.endswith("†")
    assert not any(cell.bold for cell in marked)
    assert "† not certified" in table.caption


@pytest.mark.parametrize(
    ("size", "framework", "status"),
    [("1", "Keras", "time-limit"), ("4,096", "Keras", "diverged"), ("55,000", "PyTorch", "out-of-memory")],
)
def test_a_failure_is_its_status_and_not_a_number(folder, size, framework, status):
    table = main_table(folder)
    for group in ("Epochs to target", "Time to target (s)"):
        assert entry(table, size, group, framework).text == status


def test_every_status_keeps_its_row_and_none_is_zero(folder):
    summary = pd.read_csv(folder / "summary.csv")
    assert {"reached", "missed", "diverged", "out-of-memory", "time-limit", "failed"} == set(
        summary["status"]
    )
    main = pd.read_csv(folder / "tables" / "main.csv")
    assert len(main) == len(summary) / 2
    failed = main[main["keras_status"] != "reached"]
    assert len(failed)
    assert failed["keras_epochs_to_target"].isna().all()
    assert failed["keras_time_to_target_s"].isna().all()


def test_runs_that_never_got_there_are_counted(folder):
    assert entry(main_table(folder), "256", "Epochs to target", "Keras").text.endswith(" (2/3)")


def test_a_case_that_could_not_be_timed_keeps_its_place(folder):
    table = named(folder, "execution")
    last = next(row for row in table.rows if row[1].text == "55,000")
    assert [last[5].text, last[7].text] == ["out-of-memory", "—"]


def execution_of(folder, size):
    table = named(folder, "execution")
    line = next(line for line in texts(table) if line[:2] == ["MNIST, MLP", size])
    return table, line


def test_a_process_that_failed_hides_no_value_that_others_measured(tmp_path):
    synthetic.write(tmp_path)
    known = pd.read_csv(tmp_path / "summary.csv")
    cell = known[where(known, dataset="mnist", framework="keras", batch_size=64)].iloc[0]

    def fail(frame):
        case = where(frame, dataset="mnist", framework="keras", batch_size=64, process=1)
        frame.loc[case, "status"] = "failed"
        frame.loc[case, "samples_per_s"] = np.nan

    rewrite(tmp_path, "throughput", fail)
    table, line = execution_of(tmp_path, "64")
    speeds = [cell["throughput_idiomatic_samples_per_s"], cell["throughput_samples_per_s"]]
    assert line[2:4] == [wording.number(speed) for speed in speeds]
    assert line[4] != "—", "the ratio is that of the two processes that are left"
    assert "†" not in table.caption


def test_executions_that_are_not_certified_are_marked(tmp_path):
    table, line = execution_of(synthetic.write(tmp_path, certified=False), "64")
    assert not any("†" in text for text in line)
    assert "† not certified" in table.caption
    doubtful = next(line for line in texts(table) if line[:2] == ["Digits, CNN", "256"])
    assert ["†" in text for text in doubtful[2:]] == [True, True, False, False, False, False]


def test_the_largest_batch_is_told_to_be_extrapolated(folder):
    table = named(folder, "memory")
    line = dict(zip([column.head for column in table.columns], texts(table)[0], strict=True))
    assert line["Largest batch (extrapolated)"] == "750,000"
    assert table.data["largest_batch"].iloc[0] == int((16000 - 150) / 0.021) == 754761
    assert "relative to the fitted peak" in table.caption
    assert "On a CPU" in table.caption


def test_the_csv_holds_the_summary_in_full_precision(folder):
    summary = pd.read_csv(folder / "summary.csv")
    cell = summary[where(summary, dataset="mnist", arm="linear-lr", framework="keras", batch_size=64)].iloc[0]
    main = pd.read_csv(folder / "tables" / "main-mnist-mlp-linear-lr.csv")
    line = main[main["batch_size"] == 64].iloc[0]
    for quantity in ("throughput_samples_per_s", "time_to_target_s", "test_accuracy"):
        assert line[f"keras_{quantity}"] == pytest.approx(cell[quantity], rel=1e-5)


def test_the_share_of_measuring_is_told(folder):
    assert "80.0 % was spent on that alone" in (folder / "tables" / "execution.md").read_text()


def test_tables_without_training(tmp_path):
    tables.write(synthetic.write(tmp_path, trained=False))
    table = main_table(tmp_path)
    assert {column.group for column in table.columns} == {"", "Throughput (examples/s)"}
    assert len(table.rows) == 9


def test_one_framework_has_nothing_to_be_compared_with(tmp_path):
    synthetic.write(tmp_path)
    for name in ("summary", "throughput", "curves", "memory_fit"):
        path = tmp_path / f"{name}.csv"
        frame = pd.read_csv(path)
        frame[frame["framework"] == "keras"].to_csv(path, index=False)
    table = main_table(tmp_path)
    assert not any("/ " in column.head for column in table.columns)
    assert not any(cell.bold for cells in table.rows for cell in cells)


def test_the_same_data_gives_the_same_bytes(folder):
    before = {path: path.read_bytes() for path in (folder / "tables").iterdir()}
    tables.write(folder)
    assert before == {path: path.read_bytes() for path in (folder / "tables").iterdir()}


def test_many_frameworks_stand_one_below_another(rich):
    table = main_table(rich)
    assert [column.head for column in table.columns][:4] == [
        "Batch size",
        "Framework",
        "(examples/s)",
        "/ Keras",
    ]
    names = ["Keras", "Keras/JAX", "Keras/PyTorch", "PyTorch", "NumPy"]
    assert [line[:2] for line in texts(table)[:6]] == [["1", name] for name in names] + [["4", "Keras"]]
    assert len(texts(named(rich, "execution"))) == 2 * 9 * 3 * 5


def test_the_ratio_to_the_first_of_five_frameworks(tmp_path):
    synthetic.write(tmp_path, grid=synthetic_grid.RICH)

    def change(frame):
        for framework, speed in {"keras": 100.0, "keras-jax": 300.0, "numpy": 50.0}.items():
            case = where(frame, dataset="mnist", framework=framework, batch_size=64, step_kind="momentum")
            frame.loc[case, "samples_per_s"] = speed

    rewrite(tmp_path, "throughput", change)
    ratios = {line[1]: line[3] for line in texts(main_table(tmp_path)) if line[0] == "64"}
    assert ratios["Keras"] == "1"
    assert ratios["Keras/JAX"] == "3.00 [3.00, 3.00]"
    assert ratios["NumPy"] == "0.500 [0.500, 0.500]"


def test_the_ratio_of_an_arm_is_that_of_its_form(tmp_path):
    arms = {"fixed-lr": "momentum", "linear-lr": "adam-coupled-clip"}
    synthetic.write(tmp_path, grid=synthetic_grid.Grid(arms=arms))

    def change(frame):
        for step_kind, speed in {"momentum": 200.0, "adam-coupled-clip": 700.0}.items():
            for framework, value in {"keras": 100.0, "pytorch": speed}.items():
                case = where(frame, dataset="mnist", framework=framework, batch_size=64, step_kind=step_kind)
                frame.loc[case, "samples_per_s"] = value

    rewrite(tmp_path, "throughput", change)
    for arm, ratio in {"fixed-lr": "2.00 [2.00, 2.00]", "linear-lr": "7.00 [7.00, 7.00]"}.items():
        table = main_table(tmp_path, f"main-mnist-mlp-{arm}")
        assert entry(table, "64", "Throughput (examples/s)", "PyTorch / Keras").text == ratio


@pytest.mark.parametrize("name", ["throughput", "execution", "memory"])
def test_a_form_is_named_where_there_are_several_and_nowhere_else(folder, rich, name):
    assert "Step kind" not in [column.head for column in named(folder, name).columns]
    table = named(rich, name)
    place = [column.head for column in table.columns].index("Step kind")
    assert {line[place] for line in texts(table)} == set(synthetic_grid.RICH.step_kinds)


def test_timings_follow_the_order_of_the_study(folder, rich):
    first = pd.read_csv(folder / "throughput.csv")["dataset"].iloc[0]
    assert first == "digits", "or this tests nothing: the study has MNIST first"
    for path in (folder, rich):
        for name in ("execution", "throughput"):
            workloads = [line[0] for line in texts(named(path, name))]
            assert list(dict.fromkeys(workloads)) == ["MNIST, MLP", "Digits, CNN"]
    places = named(rich, "execution").data[["step_kind", "batch_size"]].drop_duplicates()
    assert places["step_kind"].iloc[:18].tolist() == ["momentum"] * 9 + ["adam-coupled-clip"] * 9
    assert places["batch_size"].iloc[:9].is_monotonic_increasing


def test_a_statistical_cell_is_marked_and_never_bold(rich):
    table = main_table(rich, "main-mnist-mlp-framework-dropout")
    assert all(line[2].endswith("‡") for line in texts(table) if line[2][0].isdigit())
    assert not any(cell.bold for cells in table.rows for cell in cells)
    assert "‡ statistical" in table.caption and "†" not in table.caption
    assert "‡" not in main_table(rich).caption


def disturbed(folder, *, size, reason="1 of 6: others took 50% of the processor"):
    """The same results, disturbed at one batch size."""
    path = folder / "summary.csv"
    frame = pd.read_csv(path, dtype={"disturbed": str}, keep_default_na=False, na_values={"batch_size": []})
    frame.loc[frame["batch_size"] == size, "disturbed"] = reason
    frame.to_csv(path, index=False)
    return folder


def test_a_disturbed_cell_is_marked_and_its_speed_and_time_are_never_bold(tmp_path, folder):
    assert entry(main_table(folder), "1,024", "Throughput (examples/s)", "Keras").bold
    table = main_table(disturbed(synthetic.write(tmp_path), size=1024))
    speed = entry(table, "1,024", "Throughput (examples/s)", "Keras")
    assert speed.text.endswith("¶") and not speed.bold
    assert entry(table, "1,024", "Time to target (s)", "Keras").text.endswith("¶")
    assert not entry(table, "64", "Throughput (examples/s)", "Keras").text.endswith("¶")
    assert "¶ the machine was disturbed" in table.caption
    assert "¶" not in main_table(folder).caption
