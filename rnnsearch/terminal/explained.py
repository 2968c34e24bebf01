"""How far back a champion looks, as the user sees it."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from rnnsearch import cells
from rnnsearch.language import _, listed
from rnnsearch.scoring import metrics
from rnnsearch.shown import printable
from rnnsearch.terminal.tables import small_table
from rnnsearch.verdict.explanation import words

MOST = 8
"""Inputs in a table."""


def explanation_tables(told: dict[str, Any]) -> Iterator[Table | str]:
    """What `verdict.explanation` says, in a terminal."""
    yield words.sentence(told)
    yield _(
        "{who}: trial {number}, {cell}, on {rows:,} validation rows from {first} to {last} that it "
        "had not seen",
        who=_("champion") if told["evaluated"] else _("best trial"),
        number=told["trial"],
        cell=cells.label(told["cell"]),
        **{key: told[key] for key in ("rows", "first", "last")},
    )
    yield _inputs(told)
    yield _cells(told)
    for text in words.notes(told):
        yield _("note: {text}", text=text)
    if reason := words.no_gates(told):
        yield _("no gates are shown: {reason}", reason=reason)
        return
    newest = listed(
        f"{_(name)} {opened[-1]:.2f}"
        for layer in told["gates"]["layers"][-1:]
        for name, opened in layer["gates"].items()
    )
    if newest:
        yield _(
            "gates of the last layer at the newest session, for {of}: {gates}",
            of=words.looked_at(told),
            gates=newest,
        )


def _inputs(told: dict[str, Any]) -> Table:
    sums = {
        name: sum(row[place] for row in told["attribution"])
        for place, name in enumerate(told["inputs"])
    }
    whole = sum(sums.values()) or 1.0
    names = sorted(sums, key=lambda name: -sums[name])
    table = small_table("")
    table.add_column(_("input"), no_wrap=True)
    table.add_column(_("share of what\nmoves forecasts"), justify="right")
    for name in names[:MOST]:
        table.add_row(Text(printable(name)), f"{sums[name] / whole:.1%}")
    if len(names) > MOST:
        rest = sum(sums[name] for name in names[MOST:])
        table.add_row(_("{count} more", count=len(names) - MOST), f"{rest / whole:.1%}")
    return table


def _cells(told: dict[str, Any]) -> Table:
    skill = metrics.get("skill")
    table = small_table(_("The same settings with other cells"))
    table.add_column(_("cell"), no_wrap=True)
    for heading in (
        _("skill\nthere"),
        _("gradient left\nat the oldest"),
        _("largest\nsingular value"),
    ):
        table.add_column(heading, justify="right")
    for one in told["cells"]:
        largest = max(one["singular"].values(), default=None)
        table.add_row(
            Text(printable(cells.label(one["cell"]))),
            skill.cell(one["skill"]),
            "–" if one["faded"] is None else f"{one['faded']:.2g}",
            "–" if largest is None else f"{largest:.2f}",
        )
    return table
