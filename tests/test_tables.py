"""Tables say what the summary says: arithmetic, bold, failures, and markup that holds together."""

import dataclasses
import functools
import json
import math
import re
import types

import numpy as np
import pandas as pd
import pytest
import synthetic

from benchmarks.common.errors import Problem
from benchmarks.identity.certificate import certificate as certified
from benchmarks.identity.quantity import Quantity, Stage
from benchmarks.publish import quoted, results, tables, wording
from benchmarks.publish.table import Column, Entry, Table, latex, markdown
from benchmarks.publish.tables import equivalence, main, training_rate
from benchmarks.summary import columns
from benchmarks.summary.schema import CERTIFICATES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = synthetic.write(tmp_path_factory.mktemp("tables"))
    tables.write(path)
    return path


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    """Five frameworks, three step kinds."""
    path = synthetic.write(tmp_path_factory.mktemp("rich"), grid=synthetic.RICH)
    tables.write(path)
    return path


def rewrite(folder, name, change):
    """Change a CSV of a results folder in place."""
    path = folder / f"{name}.csv"
    frame = pd.read_csv(path)
    change(frame)
    frame.to_csv(path, index=False)


def where(frame, **values):
    """The rows with these values."""
    return np.logical_and.reduce([frame[key] == value for key, value in values.items()])


@functools.cache
def built(folder, written):
    """The tables of a folder by their names."""
    return {table.name: table for table in tables.build(results.read(folder))}


def named(folder, name):
    """A table of a folder; all are built again only where one of its files has been written since."""
    return built(folder, tuple(path.stat().st_mtime_ns for path in sorted(folder.glob("*.*"))))[name]


def main_table(folder, name="main-mnist-mlp-linear-lr"):
    return named(folder, name)


def texts(table):
    return [[entry.text for entry in row] for row in table.rows]


def row(table, size):
    return next(entries for entries in table.rows if entries[0].text == size)


def entry(table, size, group, head):
    place = table.columns.index(Column(head, group))
    return row(table, size)[place]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (58898, "58,900"),
        (2862.3, "2,860"),
        (298.4, "298"),
        (99.96, "100"),
        (9.996, "10.0"),
        (1.5, "1.50"),
        (0.012345, "0.0123"),
        (0.00099996, "0.00100"),
        (0, "0"),
        (math.nan, "—"),
        (math.inf, "∞"),
    ],
)
def test_three_significant_digits(value, text):
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(1, "1"), (64, "64"), (1024, "1k"), (16384, "16k"), (55000, "55k"), (1437, "1.44k"), (1 << 20, "1M")],
)
def test_batch_sizes_on_an_axis(size, text):
    assert wording.short_size(size) == text


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


def test_bold_in_markdown_and_latex(folder):
    fast = entry(main_table(folder), "1,024", "Throughput (examples/s)", "Keras")
    assert fast.bold
    folder = folder / "tables"
    assert f"| **{fast.text}** |" in (folder / "main-mnist-mlp-linear-lr.md").read_text()
    assert rf"& \textbf{{{fast.text}}} &" in (folder / "main-mnist-mlp-linear-lr.tex").read_text()


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
    assert "80.0 % was spent training or timing" in (folder / "tables" / "execution.md").read_text()


def test_latex_holds_together(folder):
    for path in (folder / "tables").glob("*.tex"):
        check_latex(path.read_text())


def check_latex(text):
    """Braces and environments close, every row has as many columns as the table, nothing is unescaped."""
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert text.count(r"\begin{") == text.count(r"\end{")
    n_columns = len(re.search(r"\\begin\{(?:tabular|longtable)\}\{([lr]+)\}", text)[1])
    for line in text.splitlines():
        if line.endswith(r" \\") and line != r"\\":
            spans = [int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line)]
            assert len(re.findall(r"(?<!\\)&", line)) + sum(spans) == n_columns - 1
    assert not re.search(r"(?<!\\)[%#_]", text)
    assert text.isascii()


def test_a_table_of_more_rows_than_a_page_goes_over_several(rich):
    text = (rich / "tables" / "throughput.tex").read_text()
    check_latex(text)
    assert r"\begin{longtable}" in text
    assert text.count(" & Framework & ") == 2, "the head stands on the first page and on every other one"
    assert r"\begin{tabular}" in (rich / "tables" / "memory.tex").read_text()


@pytest.mark.parametrize(("letters", "scaled"), [(20, False), (60, True)])
def test_a_wide_table_is_scaled_to_the_text(letters, scaled):
    columns = [Column("a", words=True), Column("b", words=True)]
    rows = [[Entry("x" * letters), Entry("y" * letters)]]
    text = latex(Table("t", "t", "t", columns, rows, pd.DataFrame()))
    check_latex(text)
    assert (r"\resizebox{\textwidth}" in text) == scaled


def test_latex_escapes_what_a_name_may_hold():
    names = r"a_b & 50 % of #1 {x} ~ ^ \ $ [y] é — ± ≤ 漢"
    table = Table("slug", names, names, [Column(names)], [[Entry(names, bold=True)]], pd.DataFrame())
    text = latex(table)
    assert r"a\_b \& 50 \% of \#1 \{x\}" in text
    assert "漢" not in text
    assert "é" in text


def test_markdown_keeps_its_columns():
    table = Table("t", "t", "t", [Column("a|b"), Column("c")], [[Entry("1|2"), Entry("3")]], pd.DataFrame())
    lines = [line for line in markdown(table).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {3}


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
    synthetic.write(tmp_path, grid=synthetic.RICH)

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
    grid = synthetic.Grid(arms={"fixed-lr": "momentum", "linear-lr": "adam-coupled-clip"})
    synthetic.write(tmp_path, grid=grid)

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
    assert {line[place] for line in texts(table)} == set(synthetic.RICH.step_kinds)


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
    assert "‡ statistical" in table.caption
    assert "†" not in table.caption
    assert "‡" not in main_table(rich).caption


def certificate(rich, *key):
    return next(line[3:] for line in texts(named(rich, "identity")) if tuple(line[:3]) == key)


def test_the_table_of_certificates(rich):
    table = named(rich, "identity")
    assert len(table.rows) == 2 * 4 * 5
    assert certificate(rich, "MNIST, MLP", "fixed-lr", "NumPy")[0] == "0"
    assert certificate(rich, "MNIST, MLP", "fixed-lr", "Keras")[2:] == ["> 200", "> 200", "certified"]
    assert certificate(rich, "MNIST, MLP", "framework-dropout", "Keras")[-1] == "statistical"
    wrong = certificate(rich, "Digits, CNN", "adam-clip", "Keras/PyTorch")
    assert wrong[:2] == ["—", "—"]
    assert wrong[-1] == "not certified: running averages of layer 2 BatchNorm"


def test_the_csv_of_certificates_has_every_quantity_and_where_it_differs(rich):
    saved = pd.read_csv(rich / "tables" / "identity.csv")
    assert set(synthetic.QUANTITIES) <= set(saved)
    wrong = saved[saved["verdict"].str.startswith("not")]
    assert wrong["verdict"].str.endswith("after one step by 3.1e-04]").all()
    assert wrong["parameters after one step"].tolist() == [3.1e-4] * 2


def test_what_a_certificate_says_is_told_without_the_quantity(tmp_path):
    kernel, after = Quantity(Stage.INITIAL, "0.kernel"), Quantity(Stage.FIRST_PARAMETERS, "0.kernel")
    reference = {kernel: np.ones(3), after: np.full(3, 2.0), Quantity(Stage.LOSS): np.ones(5)}
    names = {"dataset": "mnist", "model": "mlp", "arm": "fixed-lr", "framework": "keras"}
    made = certified(
        names | {"execution": "fused"},
        reference | {after: np.full(3, 1.5)},
        reference,
        reference,
        rates=np.ones(5),
        statistical=False,
        conditions="c0de",
    )
    known = results.read(synthetic.write(tmp_path))
    rows = columns.frame([made.model_dump(mode="json")], CERTIFICATES)
    known = dataclasses.replace(known, certificates=rows)
    table = next(table for table in tables.build(known) if table.name == "identity")
    assert texts(table)[0][-1] == "not certified: optimizer: update rule (its first step times 0.5)"


def test_a_verdict_of_one_execution_alone_is_told(tmp_path):
    synthetic.write(tmp_path)
    known = results.read(tmp_path)
    known.certificates.loc[1, ["verdict", "differs_by"]] = ["not certified: loss", "loss"]
    table = next(table for table in tables.build(known) if table.name == "identity")
    assert texts(table)[0][-1] == "idiomatic: certified; fused: not certified: loss"


def test_equivalence_over_all_batch_sizes(rich):
    line = texts(named(rich, "equivalence"))[0]
    assert line[:3] == ["MNIST, MLP", "fixed-lr", "Keras, Keras/JAX"]
    assert line[3:6] == ["3", "4 of 9", "-0.0300 [-0.930, 0.870], B = 256"]
    assert line[6:8] == ["0–3", "5 of 5 (4 not testable)"]
    assert len(named(rich, "equivalence").rows) == 2 * 4 * 10
    assert len(pd.read_csv(rich / "tables" / "equivalence.csv")) == 2 * 4 * 10 * 9 * 2


def test_equivalence_that_nowhere_could_be_tested(tmp_path):
    synthetic.write(tmp_path)
    known = results.read(tmp_path)
    known = dataclasses.replace(known, equivalence=known.equivalence[known.equivalence["n"] == 0])
    (table, *_) = [table for table in tables.build(known) if table.name == "equivalence"]
    assert texts(table)[0][3:] == ["0", "0 of 0 (4 not testable)", "—"]


def equivalence_of(known, **changes):
    """The table of equivalence where some tests of linear-lr are changed at B = 64, with the results."""
    tests = known.equivalence.copy()
    own = (tests["arm"] == "linear-lr") & (tests["batch_size"] == 64) & (tests["dataset"] == "mnist")
    for name, value in changes.items():
        tests.loc[own, name] = value
    known = dataclasses.replace(known, equivalence=tests)
    return next(table for table in tables.build(known) if table.name == "equivalence"), known


def test_a_training_under_two_names_is_counted_once(tmp_path):
    known = results.read(synthetic.write(tmp_path))
    before = quoted.equivalence(known)
    table, known = equivalence_of(known, same_as="fixed-lr", p=0.9, n=2, verdict="not shown")
    assert texts(table)[1][1:6] == [
        *("linear-lr", "Keras, PyTorch", "3", "3 of 8 (1 as fixed-lr)"),
        "-0.0300 [-0.930, 0.870], B = 256",
    ]
    assert texts(table)[1][7] == "4 of 4 (4 not testable, 1 as fixed-lr)"
    assert "in 22 of 36 cells" in before
    assert "in 21 of 35 cells" in quoted.equivalence(known)
    assert table.data["same_as"].count() == 2


def test_the_caption_counts_what_is_left_out_of_equivalence_and_why(tmp_path):
    known = results.read(synthetic.write(tmp_path))
    known.equivalence.loc[:1, ["verdict", "reason"]] = ["not testable", "no spread: every pair is equal"]
    known.equivalence.loc[2, ["verdict", "reason"]] = ["not testable", "failed: 0 seeds with a test accuracy"]
    table, _ = equivalence_of(known, same_as="fixed-lr", verdict="not testable", reason="no spread: all")
    assert table.caption.endswith(
        " Left out of test accuracy: 2 not testable (1 no spread, 1 failed), 1 the same training under "
        "another name. Left out of epochs to target: 11 not testable (1 no spread, 10 target not reached), "
        "1 the same training under another name."
    )


def test_the_caption_says_nothing_of_what_is_left_out_where_nothing_is(tmp_path):
    known = results.read(synthetic.write(tmp_path))
    whole = known.equivalence[known.equivalence["verdict"] != "not testable"]
    (table,) = equivalence.tables(dataclasses.replace(known, equivalence=whole))
    assert "Left out" not in table.caption


def test_results_that_do_not_tell_how_long_was_trained_are_of_another_version(tmp_path):
    path = synthetic.write(tmp_path) / "summary.csv"
    pd.read_csv(path).drop(columns="epochs_trained").to_csv(path, index=False)
    with pytest.raises(
        Problem, match=r"summary\.csv is of another version: it lacks the columns epochs_trained"
    ):
        tables.write(tmp_path)


@pytest.mark.parametrize("name", ["summary", "throughput", "memory_fit"])
def test_results_without_forms_are_told_to_be_of_another_version(tmp_path, name):
    synthetic.write(tmp_path)
    path = tmp_path / f"{name}.csv"
    pd.read_csv(path).drop(columns="step_kind").to_csv(path, index=False)
    with pytest.raises(Problem, match=rf"{name}\.csv is of another version: it lacks the columns step_kind"):
        tables.write(tmp_path)


@pytest.mark.parametrize("part", ["float32_bound", "equivalence", "certificates.verdict"])
def test_certificates_of_another_version_are_told(tmp_path, part):
    path = synthetic.write(tmp_path) / "identity.json"
    found = json.loads(path.read_text())
    if "." in part:
        del found["certificates"][3]["verdict"]
    else:
        del found[part]
    path.write_text(json.dumps(found))
    with pytest.raises(Problem, match=rf"identity\.json is of another version: it lacks the columns {part}"):
        tables.write(tmp_path)


@pytest.mark.parametrize("damage", ["missing", "empty", "column", "rows"])
def test_a_folder_that_cannot_be_read_is_told(tmp_path, damage):
    path = synthetic.write(tmp_path) / "summary.csv"
    if damage == "missing":
        path.unlink()
    elif damage == "empty":
        path.write_text("")
    else:
        frame = pd.read_csv(path)
        (frame.drop(columns="identity") if damage == "column" else frame[:0]).to_csv(path, index=False)
    with pytest.raises(Problem, match=r"summary\.csv"):
        tables.write(tmp_path)


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


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((0.5, 2.0), "1.00 [0.500, 2.00]"),
        ((1.24e-12, 1e18), "1.00 [not resolved]"),
        ((0.5, math.inf), "1.00 [0.500, ∞]"),
    ],
)
def test_an_interval_over_orders_of_magnitude_is_not_resolved(ends, text):
    assert wording.interval(1.0, *ends) == text


RATES = {"yes": [0.99, 1.0, 1.01, 0.98], "no": [0.8, 0.81, 0.79, 0.8], "not resolved": [0.8, 1.0, 1.1, 0.9]}


@pytest.mark.parametrize("within", RATES)
@pytest.mark.parametrize("over", training_rate.RATIOS)
def test_the_speed_in_training_is_held_to_the_timed_one(within, over):
    names = {"dataset": "mnist", "model": "mlp", "framework": "keras", "disturbed": ""}
    names |= {f"training_over_{name}": 2.0 for name in training_rate.RATIOS}
    rows = [{**names, f"training_over_{over}": rate} for rate in RATES[within]]
    rows.append({**names, "disturbed": "1 of 6: a stop", f"training_over_{over}": 0.01})
    rows.append({**names, f"training_over_{over}": None})
    (table,) = training_rate.tables(types.SimpleNamespace(trained=pd.DataFrame(rows)))
    (line,) = texts(table)
    place = list(training_rate.RATIOS).index(over)
    assert line[2] == "4 of 6" and line[5 + 3 * place] == within and line[8 - 3 * place] == "no"
    assert table.data[f"training_over_{over}"].iloc[0] == pytest.approx(
        np.exp(np.mean(np.log(RATES[within])))
    )


def test_a_framework_of_which_every_cell_was_disturbed_keeps_its_row():
    names = {"dataset": "mnist", "model": "mlp", "framework": "keras", "disturbed": "1 of 6: a stop"}
    ratios = {f"training_over_{name}": 1.0 for name in training_rate.RATIOS}
    summary = pd.DataFrame([{**names, **ratios}])
    (table,) = training_rate.tables(types.SimpleNamespace(trained=summary))
    (line,) = texts(table)
    assert line[2] == "0 of 1" and set(line[3:]) == {wording.NOTHING}
