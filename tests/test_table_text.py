"""Tables as text: numbers, Markdown and LaTeX that hold together."""

import math
import re

import pandas as pd
import pytest
import tabled
from tabled import entry, main_table

from benchmarks.publish import wording
from benchmarks.publish.table import Column, Entry, Table, latex, markdown

folder = pytest.fixture(tabled.with_tables, scope="module")
rich = pytest.fixture(tabled.with_tables_of_five, scope="module")


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
    [(1, "1"), (64, "64"), (1024, "1,024"), (55000, "55,000"), (1437, "1,437"), (1 << 20, "1,048,576")],
)
def test_batch_sizes_are_written_in_full(size, text):
    assert wording.whole(size) == text


@pytest.mark.parametrize(
    ("share", "decimals", "text"),
    [(0.9515, 1, "95.2"), (0.9505, 1, "95.1"), (0.95149, 1, "95.1"), (1, 1, "100.0"), (0.12345, 2, "12.35")],
)
def test_a_share_is_rounded_as_it_is_written(share, decimals, text):
    assert wording.percent(share, decimals=decimals) == text


def test_long_words_are_broken_into_lines_in_latex():
    columns = [Column("Claim", words=True), Column("Verdict", words=True), Column("n")]
    rows = [[Entry("small " * 20), Entry("supported"), Entry("5")]]
    table = Table(name="t", title="T", caption="C", columns=columns, rows=rows, data=pd.DataFrame())
    # One column of words is left what two narrow ones do not take of the width.
    assert r"\begin{tabular}{p{0.82\textwidth}lr}" in latex(table)
    assert "resizebox" not in latex(table)


def test_bold_in_markdown_and_latex(folder):
    fast = entry(main_table(folder), "1,024", "Throughput (examples/s)", "Keras")
    assert fast.bold
    folder = folder / "tables"
    assert f"| **{fast.text}** |" in (folder / "main-mnist-mlp-linear-lr.md").read_text()
    assert rf"& \textbf{{{fast.text}}} &" in (folder / "main-mnist-mlp-linear-lr.tex").read_text()


def test_latex_holds_together(folder):
    for path in (folder / "tables").glob("*.tex"):
        check_latex(path.read_text())


def check_latex(text):
    """Braces and environments close, every row has as many columns as the table, nothing is unescaped."""
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert text.count(r"\begin{") == text.count(r"\end{")
    sides = re.search(r"\\begin\{(?:tabular|longtable)\}\{((?:[lr]|p\{[^}]+\})+)\}", text)[1]
    n_columns = len(re.findall(r"[lr]|p\{[^}]+\}", re.sub(r"\\textwidth", "", sides)))
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
    columns = [Column("a"), Column("b")]
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
