"""A table in Markdown, with GitHub's pipes."""

from benchmarks.publish.table import Entry, Table


def render(table: Table) -> str:
    """The table with its title and caption."""
    heads = [f"{column.group}: {column.head}" if column.group else column.head for column in table.columns]
    lines = [_line(heads), _line(["---" if column.words else "---:" for column in table.columns])]
    lines += [_line([_entry(entry) for entry in row]) for row in table.rows]
    return f"**{table.title}**\n\n" + "\n".join(lines) + f"\n\n{table.caption}\n"


def _line(texts: list[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def _entry(entry: Entry) -> str:
    return f"**{entry.text}**" if entry.bold else entry.text
