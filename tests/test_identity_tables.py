"""Tables of certificates and of equivalence say what was found."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import synthetic
import synthetic_identity
import tabled
from tabled import named, texts

from benchmarks.identity.certificate import certificate as certified
from benchmarks.identity.quantity import Quantity, Stage
from benchmarks.publish import quoted, results, tables
from benchmarks.publish.tables import equivalence
from benchmarks.summary import columns
from benchmarks.summary.schema import CERTIFICATES

rich = pytest.fixture(tabled.with_tables_of_five, scope="module")


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
    assert set(synthetic_identity.QUANTITIES) <= set(saved)
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
