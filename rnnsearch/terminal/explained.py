"""How far back a champion looks, as the user sees it."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from rnnsearch import cells
from rnnsearch.scoring import metrics
from rnnsearch.shown import printable
from rnnsearch.terminal.tables import small_table

MOST = 8
"""Inputs in a table."""


def explanation_tables(told: dict[str, Any]) -> Iterator[Table | str]:
    """What `verdict.explanation` says, in a terminal."""
    who = "champion" if told["evaluated"] else "best trial"
    yield told["sentence"]
    yield (
        f"{who}: trial {told['trial']}, {cells.label(told['cell'])}, on {told['rows']:,} "
        f"validation rows from {told['first']} to {told['last']} that it had not seen"
    )
    yield _inputs(told)
    yield _cells(told)
    for text in told["notes"]:
        yield f"note: {text}"
    gates = told["gates"]
    if "reason" in gates:
        yield f"no gates are shown: {gates['reason']}"
        return
    newest = ", ".join(
        f"{name} {opened[-1]:.2f}"
        for layer in gates["layers"][-1:]
        for name, opened in layer["gates"].items()
    )
    if newest:
        yield f"gates of the last layer at the newest session, for {gates['of']}: {newest}"


def _inputs(told: dict[str, Any]) -> Table:
    sums = {
        name: sum(row[place] for row in told["attribution"])
        for place, name in enumerate(told["inputs"])
    }
    whole = sum(sums.values()) or 1.0
    names = sorted(sums, key=lambda name: -sums[name])
    table = small_table("")
    table.add_column("input", no_wrap=True)
    table.add_column("share of what\nmoves forecasts", justify="right")
    for name in names[:MOST]:
        table.add_row(Text(printable(name)), f"{sums[name] / whole:.1%}")
    if len(names) > MOST:
        rest = sum(sums[name] for name in names[MOST:])
        table.add_row(f"{len(names) - MOST} more", f"{rest / whole:.1%}")
    return table


def _cells(told: dict[str, Any]) -> Table:
    skill = metrics.get("skill")
    table = small_table("The same settings with other cells")
    table.add_column("cell", no_wrap=True)
    for heading in ("skill\nthere", "gradient left\nat the oldest", "largest\nsingular value"):
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
