r"""A table, and how it is written: in Markdown with the pipes of GitHub, and in LaTeX.

A LaTeX document needs `\usepackage{booktabs,graphicx,longtable}`. A wide table is scaled to the width of the
text. One of more rows than a page has goes over several pages, which LaTeX does in documents of one column
alone.

pandas writes both formats too, but not these tables: `DataFrame.to_markdown` prints a name like 1e-3 as the
number 0.001 and lets a `|` break the row; `Styler.to_latex` has no rule under the head of a group of columns
and no scaling, and leaves ±, ≤, †, < and | as they are, which LaTeX prints wrong or not at all.
"""

from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from benchmarks.publish import wording


@dataclass(frozen=True)
class Entry:
    """One entry of a table, as a reader sees it; in the report it may lead to the part named `link`."""

    text: str
    bold: bool = False
    link: str = ""


@dataclass(frozen=True)
class Column:
    """The head of a column: neighbours with the same `group` share a heading, which holds the unit."""

    head: str
    group: str = ""
    words: bool = False
    """Words stand at the left of a column, numbers at the right."""


@dataclass(frozen=True)
class Table:
    """A table: `rows` are for reading, `data` holds the same in full precision for computing on."""

    name: str
    title: str
    caption: str
    columns: list[Column]
    rows: list[list[Entry]]
    data: pd.DataFrame

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The headings over the column heads, each with the number of columns below it; "" over none."""
        runs = groupby(self.columns, key=lambda column: column.group)
        return [(group, len(list(members))) for group, members in runs]


def timed_columns(*, several: bool) -> list[Column]:
    """The first columns of a table of timings: the workload, and the step kind where a study has several."""
    return [Column("Workload", words=True), *([Column("Step kind", words=True)] if several else [])]


def timed_texts(row: pd.Series, *, several: bool) -> list[str]:
    """The texts of these columns in a row with `dataset`, `model` and `step_kind`."""
    return [wording.workload((row["dataset"], row["model"])), *([row["step_kind"]] if several else [])]


def markdown(table: Table) -> str:
    """The table in Markdown, with its title and caption."""
    heads = [f"{column.group}: {column.head}" if column.group else column.head for column in table.columns]
    lines = [
        _markdown_line(heads),
        _markdown_line(["---" if column.words else "---:" for column in table.columns]),
    ]
    lines += [_markdown_line([_markdown_entry(entry) for entry in row]) for row in table.rows]
    return f"**{table.title}**\n\n" + "\n".join(lines) + f"\n\n{table.caption}\n"


def _markdown_line(texts: list[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def _markdown_entry(entry: Entry) -> str:
    return f"**{entry.text}**" if entry.bold else entry.text


PAGE = 50
"""Rows that fit on one page."""
LONG = 45
"""Letters of a text from which on its column is broken into lines."""
NARROW = 0.09
"""The share of the width of the text that a column takes which is not broken."""
WIDE = 95
"""Letters of a row, about as many as fit in small type between the margins of a page."""
SMALL = (r"\footnotesize", r"\setlength{\tabcolsep}{3pt}")
SMALLER = (r"\scriptsize", r"\setlength{\tabcolsep}{1.5pt}")
ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "[": "{[}",
    "]": "{]}",
    "|": r"$|$",
    "—": "---",
    "–": "--",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "÷": r"$\div$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "∞": r"$\infty$",
    "µ": r"$\mu$",
    "²": r"$^{2}$",
    "⁵": r"$^{5}$",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    "’": "'",
    "§": r"\S{}",
    "¶": r"\P{}",
}


def escape(text: str) -> str:
    """Text as LaTeX prints it; a character that LaTeX's default fonts lack becomes a question mark."""
    return "".join(ESCAPES.get(letter, letter if letter.isascii() else _accented(letter)) for letter in text)


def _accented(letter: str) -> str:
    # Latin letters with accents are read as UTF-8 by every LaTeX since 2018.
    return letter if letter.isalpha() and ord(letter) < 0x180 else "?"


def latex(table: Table) -> str:
    """The table in LaTeX, with its caption and label: a float, or a table over several pages."""
    sides = "".join(_side(table, place) for place in range(len(table.columns)))
    body = [_latex_line([_latex_entry(entry) for entry in row]) for row in table.rows]
    caption = rf"\caption{{{escape(f'{table.title}. {table.caption}')}}}"
    about = caption, rf"\label{{tab:{table.name.replace('_', '-')}}}"
    wide = _letters(table) > WIDE
    setting = _pages if len(body) > PAGE else _float
    return "\n".join(setting(sides, about, _head(table), body, wide=wide)) + "\n"


def _side(table: Table, place: int) -> str:
    """How LaTeX sets a column: at the left, at the right, or broken into lines if its words are long."""
    if not table.columns[place].words:
        return "r"
    widths = _widths(table)
    if widths[place] <= LONG:
        return "l"
    n_long = sum(column.words and n > LONG for column, n in zip(table.columns, widths, strict=True))
    share = max(NARROW, 1 - NARROW * (len(widths) - n_long)) / n_long
    return rf"p{{{share:.2f}\textwidth}}"


def _widths(table: Table) -> list[int]:
    """The letters of the widest entry of every column."""
    columns = zip(*[[entry.text for entry in row] for row in table.rows], strict=True)
    heads = (column.head for column in table.columns)
    return [max(map(len, (head, *texts))) for head, texts in zip(heads, columns, strict=True)]


def _letters(table: Table) -> int:
    """The width of the table in letters, with the gaps between its columns."""
    widths = zip(table.columns, _widths(table), strict=True)
    return sum(1 + (min(n, LONG) if column.words else n) for column, n in widths)


def _float(sides: str, about: tuple[str, str], head: list[str], body: list[str], *, wide: bool) -> list[str]:
    start, end = (r"\resizebox{\textwidth}{!}{", "}") if wide else ("", "")
    return [
        *(r"\begin{table}", r"\centering", *SMALL, *about),
        *(rf"{start}\begin{{tabular}}{{{sides}}}", r"\toprule", *head, r"\midrule"),
        *(*body, r"\bottomrule", rf"\end{{tabular}}{end}", r"\end{table}"),
    ]


def _pages(sides: str, about: tuple[str, str], head: list[str], body: list[str], *, wide: bool) -> list[str]:
    """A table over several pages, with its head on each. It cannot be scaled: a wide one has smaller type."""
    heads = [r"\toprule", *head, r"\midrule"]
    size = SMALLER if wide else SMALL
    return [
        *(r"\begingroup", *size, rf"\begin{{longtable}}{{{sides}}}", *about, r"\\"),
        *(*heads, r"\endfirsthead", *heads, r"\endhead", r"\bottomrule", r"\endfoot"),
        *(*body, r"\end{longtable}", r"\endgroup"),
    ]


def _head(table: Table) -> list[str]:
    """One line of column heads, under a line of group heads where there are groups."""
    heads = _latex_line([escape(column.head) for column in table.columns])
    if table.groups == [("", len(table.columns))]:
        return [heads]
    groups, rules, start = [], [], 1
    for group, width in table.groups:
        groups.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(group)}}}" if group else " & " * (width - 1))
        rules += [rf"\cmidrule(lr){{{start}-{start + width - 1}}}"] if group else []
        start += width
    return [_latex_line(groups), " ".join(rules), heads]


def _latex_line(texts: list[str]) -> str:
    return " & ".join(texts) + r" \\"


def _latex_entry(entry: Entry) -> str:
    return rf"\textbf{{{escape(entry.text)}}}" if entry.bold else escape(entry.text)
