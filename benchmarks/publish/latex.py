r"""A table in LaTeX; the document needs `\usepackage{booktabs}` and nothing else."""

from benchmarks.publish.table import Entry, Table

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
    """The table as a float with its caption and label."""
    lines = [r"\begin{table}", r"\centering", r"\footnotesize", r"\setlength{\tabcolsep}{3pt}"]
    lines += [rf"\caption{{{escape(f'{table.title}. {table.caption}')}}}", rf"\label{{tab:{table.name}}}"]
    sides = "".join("l" if column.words else "r" for column in table.columns)
    lines += [rf"\begin{{tabular}}{{{sides}}}", r"\toprule"]
    lines += [*_head(table), r"\midrule"]
    lines += [_line([_entry(entry) for entry in row]) for row in table.rows]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


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
