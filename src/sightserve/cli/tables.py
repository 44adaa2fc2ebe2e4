"""What a stranger may have written, as tables, sentences and JSON: it steers no terminal, and in a pipe no line is broken."""

from collections.abc import Iterable, Sequence
from typing import Final

import typer

from sightserve.cli.terminal import console, escaped_json, printable

_PIPE: Final = 4_096  # columns


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: frozenset[str] = frozenset()) -> None:
    """Print rows under columns, of which these are numbers; columns without any name have no head."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=any(columns))
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    out = console()
    if not out.is_terminal:
        out.width = _PIPE
    out.print(table)


def print_line(words: str, style: str = "") -> None:
    """Print a sentence."""
    from rich.text import Text

    console().print(Text(printable(words), style=style), soft_wrap=True)


def print_text(words: str, style: str = "", indent: int = 0) -> None:
    """Print a sentence that a terminal breaks between words, all of it so far from the edge."""
    from rich.padding import Padding
    from rich.text import Text

    out = console()
    if not out.is_terminal:
        out.width = _PIPE
    out.print(Padding(Text(printable(words), style=style), (0, 0, 0, indent), expand=False))


def print_json(text: str) -> None:
    """Print JSON that has its own line breaks."""
    typer.echo("\n".join(escaped_json(line) for line in text.split("\n")))
