r"""A table in LaTeX; the document needs `\usepackage{booktabs,graphicx,longtable}`.

A wide table is scaled to the width of the text. One of more rows than a page has goes over several pages,
which LaTeX does in documents of one column alone.
"""

from benchmarks.publish.table import Entry, Table

PAGE = 50
"""Rows that fit on one page."""
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
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    "’": "'",
    "§": r"\S{}",
}


def escape(text: str) -> str:
    """Text as LaTeX prints it; a character that LaTeX's default fonts lack becomes a question mark."""
    return "".join(ESCAPES.get(letter, letter if letter.isascii() else _accented(letter)) for letter in text)


def _accented(letter: str) -> str:
    # Latin letters with accents are read as UTF-8 by every LaTeX since 2018.
    return letter if letter.isalpha() and ord(letter) < 0x180 else "?"


def render(table: Table) -> str:
    """The table with its caption and label: a float, or a table over several pages."""
    sides = "".join("l" if column.words else "r" for column in table.columns)
    body = [_line([_entry(entry) for entry in row]) for row in table.rows]
    caption = rf"\caption{{{escape(f'{table.title}. {table.caption}')}}}"
    about = caption, rf"\label{{tab:{table.name.replace('_', '-')}}}"
    wide = _letters(table) > WIDE
    setting = _pages if len(body) > PAGE else _float
    return "\n".join(setting(sides, about, _head(table), body, wide=wide)) + "\n"


def _letters(table: Table) -> int:
    """Letters of the widest entries of all columns, with the room between."""
    columns = zip(*[[entry.text for entry in row] for row in table.rows], strict=True)
    texts = [
        max(map(len, (column.head, *texts))) for column, texts in zip(table.columns, columns, strict=True)
    ]
    return sum(texts) + len(texts)


def _float(sides: str, about: tuple[str, str], head: list[str], body: list[str], *, wide: bool) -> list[str]:
    start, end = (r"\resizebox{\textwidth}{!}{", "}") if wide else ("", "")
    return [
        *(r"\begin{table}", r"\centering", *SMALL, *about),
        *(rf"{start}\begin{{tabular}}{{{sides}}}", r"\toprule", *head, r"\midrule"),
        *(*body, r"\bottomrule", rf"\end{{tabular}}{end}", r"\end{table}"),
    ]


def _pages(sides: str, about: tuple[str, str], head: list[str], body: list[str], *, wide: bool) -> list[str]:
    """Every page has the head again; such a table cannot be scaled, so that a wide one has smaller type."""
    heads = [r"\toprule", *head, r"\midrule"]
    size = SMALLER if wide else SMALL
    return [
        *(r"\begingroup", *size, rf"\begin{{longtable}}{{{sides}}}", *about, r"\\"),
        *(*heads, r"\endfirsthead", *heads, r"\endhead", r"\bottomrule", r"\endfoot"),
        *(*body, r"\end{longtable}", r"\endgroup"),
    ]


def _head(table: Table) -> list[str]:
    """One line of column heads, under a line of group heads where there are groups."""
    heads = _line([escape(column.head) for column in table.columns])
    if table.groups == [("", len(table.columns))]:
        return [heads]
    groups, rules, start = [], [], 1
    for group, width in table.groups:
        groups.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(group)}}}" if group else " & " * (width - 1))
        rules += [rf"\cmidrule(lr){{{start}-{start + width - 1}}}"] if group else []
        start += width
    return [_line(groups), " ".join(rules), heads]


def _line(texts: list[str]) -> str:
    return " & ".join(texts) + r" \\"


def _entry(entry: Entry) -> str:
    return rf"\textbf{{{escape(entry.text)}}}" if entry.bold else escape(entry.text)
