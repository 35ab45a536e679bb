"""The schema of results: every table is held to it, names stay text, and the docs print it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic

from benchmarks.common.errors import Problem
from benchmarks.compare import machines, page
from benchmarks.compare import schema as of_comparison
from benchmarks.identity.certificate import Certificate
from benchmarks.identity.equivalence import Equivalence
from benchmarks.publish import results, tables
from benchmarks.summary import cells, columns, reading, schema
from benchmarks.throughput.rows import Timing

ROOT = Path(__file__).parent.parent
TABLES = [*schema.TABLES, *of_comparison.TABLES]
PUBLISHED = sorted((ROOT / "results/published").glob("*/*"))


def test_the_reference_of_columns_is_the_one_that_the_command_prints():
    command = [sys.executable, "-m", "benchmarks", "columns"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == (ROOT / "docs/columns.md").read_text()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_says_what_it_means_and_numbers_have_their_unit(table):
    for name, column in table.columns.items():
        assert column.description.endswith("."), name
        assert (
            column.metadata["unit"]
            or column.metadata["type"].startswith(("text", "true"))
            or (name in ("process", "seed", "p"))
        ), name
    assert set(table.unique) <= set(table.columns)


@pytest.mark.parametrize("suffix", ["ms", "s", "mib"])
def test_a_unit_in_a_name_is_the_unit_of_the_column(suffix):
    units = {"ms": {"ms"}, "s": {"s", "examples/s"}, "mib": {"MiB"}}[suffix]
    named = [
        column
        for table in TABLES
        for name, column in table.columns.items()
        if name.removesuffix("_lo").removesuffix("_hi").endswith(f"_{suffix}")
    ]
    assert named
    assert {column.metadata["unit"] for column in named} <= units


def test_what_is_written_below_the_summary_has_the_columns_of_the_schema():
    assert list(schema.THROUGHPUT.columns) == list(Timing.__annotations__)
    assert list(schema.CERTIFICATES.columns) == list(Certificate.model_fields)
    assert list(schema.EQUIVALENCE.columns) == list(Equivalence.model_fields)


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
@pytest.mark.parametrize("table", schema.OF_A_STUDY, ids=lambda table: table.name)
def test_every_published_table_is_as_the_schema_says(folder, table):
    assert list(reading.table(folder, table).columns) == list(table.columns)


def test_a_comparison_writes_what_the_schema_says(tmp_path):
    page.write(ROOT / "results", tmp_path)
    for table in of_comparison.TABLES:
        name = Path(table.name).name
        frame = pd.read_csv(tmp_path / name, dtype=columns.types(table))
        assert list(table.validate(frame).columns) == list(table.columns)


def renamed(folder, **names):
    """A results folder in which data set and arm have other names, in every table."""
    for path in folder.glob("*.csv"):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        for column, (old, new) in names.items():
            if column in frame:
                frame[column] = frame[column].replace(old, new)
        frame.to_csv(path, index=False)
    identity = json.loads((folder / "identity.json").read_text())
    for row in identity["certificates"] + identity["equivalence"]:
        row |= {column: new for column, (old, new) in names.items() if row[column] == old}
    (folder / "identity.json").write_text(json.dumps(identity))
    return folder


@pytest.mark.parametrize("arm", ["1e-3", "NA", "inf", "true"])
def test_names_that_look_like_numbers_stay_text(tmp_path, arm):
    renamed(synthetic.write(tmp_path), dataset=("mnist", "007"), arm=("fixed-lr", arm))
    known = results.read(tmp_path)
    assert known.arms == [arm, "linear-lr"]
    assert {pair[0] for pair in known.workloads} == {"007", "digits"}
    for frame in (known.throughput, known.curves, known.targets, known.memory_fit, known.certificates):
        assert set(frame["dataset"]) == {"007", "digits"}
    tables.write(tmp_path)
    assert (tmp_path / "tables" / f"main-007-mlp-{arm}.csv").exists()


def test_a_study_whose_names_are_all_numbers_has_its_timings_in_its_summary(tmp_path):
    names = {"dataset": "007", "model": "mlp", "framework": "keras", "step_kind": "1e-3", "batch_size": 8}
    timed = names | {"execution": "fused", "process": 0, "samples_per_s": 100.0, "status": "measured"}
    frame = pd.DataFrame([timed], columns=list(schema.THROUGHPUT.columns))
    frame.to_csv(tmp_path / "throughput.csv", index=False)
    timings = reading.table(tmp_path, schema.THROUGHPUT)
    row = names | {"arm": "1e-3"}
    (found,) = cells.summary([row], timings, study="s", machine="m", threads=2).to_dict("records")
    assert found["throughput_samples_per_s"] == pytest.approx(100.0)


def test_arms_that_look_like_numbers_are_compared(tmp_path):
    folder = renamed(synthetic.write(tmp_path / "s" / "m"), arm=("fixed-lr", "1e-3"))
    workload = {"dataset": "digits", "model": "cnn", "target": {"validation_accuracy": 0.9}}
    study = {"workloads": [workload | {"evaluations_per_epoch": 4}], "arms": [{"name": "1e-3"}]}
    study |= {"precision": "float32"}
    (folder / "provenance.json").write_text(json.dumps({"schema_version": schema.VERSION, "study": study}))
    cells = machines.read(folder).summary
    assert set(cells["arm"]) == {"1e-3", "linear-lr"}
    known = machines.table([machines.read(folder)])
    assert (known.loc[(known["dataset"] == "digits") & (known["arm"] == "1e-3"), "target"] == 0.9).all()


@pytest.mark.parametrize("version", [schema.VERSION - 1, schema.VERSION + 1])
def test_results_of_another_version_of_the_schema_are_told(tmp_path, version):
    path = synthetic.write(tmp_path) / "provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": version}))
    for read in (results.read, machines.read):
        with pytest.raises(
            Problem,
            match=rf"another version: {version} and not {schema.VERSION}(.|\n)*fix: run its study again",
        ):
            read(tmp_path)


def test_results_that_do_not_tell_their_version_have_the_first(tmp_path):
    path = synthetic.write(tmp_path) / "provenance.json"
    content = json.loads(path.read_text())
    del content["schema_version"]
    path.write_text(json.dumps(content))
    with pytest.raises(Problem, match=f"another version: 1 and not {schema.VERSION}"):
        results.read(tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("batch_size", "many", "not such a table: .*many"),
        ("batch_size", "", "not such a table: .*NA values"),
        ("status", "reched", "status"),
        ("identity", "", "identity"),
        ("arm", "linear-lr", "not unique"),
    ],
)
def test_a_value_that_the_schema_does_not_allow_is_told(tmp_path, column, value, told):
    path = synthetic.write(tmp_path) / "summary.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame[column] = value
    frame.to_csv(path, index=False)
    with pytest.raises(Problem, match=rf"summary\.csv(.|\n)*{told}(.|\n)*fix: "):
        results.read(tmp_path)


def test_infinity_and_an_empty_number_are_read_back_as_they_were_written(tmp_path):
    known = results.read(synthetic.write(tmp_path)).summary
    assert np.isinf(known["time_to_target_s_hi"]).any()
    assert known["device_memory_mib"].isna().all()
    assert known["device_memory_mib"].dtype == float


def test_commands_that_read_no_table_do_not_pay_for_the_schema():
    code = "import sys, benchmarks.throughput.job, benchmarks.training.job, benchmarks.identity.equivalence;"
    done = subprocess.run(
        [sys.executable, "-c", f"{code} print('pandera' in sys.modules)"],
        cwd=ROOT,
        text=True,
        capture_output=True,
    )
    assert done.stdout.strip() == "False"
