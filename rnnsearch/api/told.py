"""Answers that show themselves: what the commands print, as text or as HTML.

A part is a sentence, or a table of rich or of pandas. Whatever stands in it is shown, and never
obeyed.
"""

import html
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from typing import Any

import pandas as pd
from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnsearch.shown import day, printable
from rnnsearch.terminal.tables import Terminal, frame_table

Part = str | Table | Text | pd.DataFrame
WIDTH = 100  # of tables as text


class Told(dict[str, Any]):
    """Plain JSON, as `--json` prints it, that shows itself as the command does."""

    def __init__(self, facts: Mapping[str, Any], parts: Iterable[Part]) -> None:
        super().__init__(facts)
        self._parts = tuple(parts)

    def __repr__(self) -> str:
        return as_text(self._parts)

    def _repr_html_(self) -> str:
        return as_html(self._parts)


def as_text(parts: Iterable[Part]) -> str:
    """What a command prints."""
    console = Terminal(file=StringIO(), width=WIDTH, force_terminal=False, force_jupyter=False)
    for part in parts:
        shown = frame_table("", part) if isinstance(part, pd.DataFrame) else part
        console.print(shown, highlight=False, markup=False, soft_wrap=isinstance(part, str))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().rstrip("\n")


def as_html(parts: Iterable[object]) -> str:
    """Sentences as paragraphs, tables as tables, in the colours of the notebook."""
    return "\n".join(_html(part) for part in parts)


def escaped(text: object) -> str:
    """A text as HTML shows it."""
    return html.escape(printable(str(text))).replace("\n", "<br>")


def _html(part: object) -> str:
    match part:
        case Group():
            return as_html(part.renderables)
        case Table():
            return "".join(_table(part))
        case pd.DataFrame():
            return "".join(_table(frame_table("", part)))
    return f'<p style="margin:.3em 0">{escaped(part)}</p>'


def _table(table: Table) -> Iterator[str]:
    yield '<table style="margin:.3em 0">'
    if table.title:
        yield (
            '<caption style="caption-side:top;text-align:left;font-weight:bold;color:inherit">'
            f"{escaped(table.title)}</caption>"
        )
    sides = ["right" if column.justify == "right" else "left" for column in table.columns]
    if table.show_header:
        heads = zip(table.columns, sides, strict=True)
        yield "<thead><tr>"
        yield from (f'<th style="text-align:{s}">{escaped(c.header)}</th>' for c, s in heads)
        yield "</tr></thead>"
    yield "<tbody>"
    for row in zip(*(column.cells for column in table.columns), strict=True):
        cells = zip(row, sides, strict=True)
        yield "<tr>"
        yield from (f'<td style="text-align:{side}">{_cell(cell)}</td>' for cell, side in cells)
        yield "</tr>"
    yield "</tbody></table>"


def _cell(cell: object) -> str:
    if isinstance(cell, ProgressBar):
        return f'<progress max="{cell.total:g}" value="{cell.completed:g}"></progress>'
    return escaped(day(cell))
