"""How cells, date shifts and other choices fared, as a table for the terminal."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from rnnsearch.report.comparisons import Comparison
from rnnsearch.scoring import metrics
from rnnsearch.shown import printable
from rnnsearch.terminal.tables import small_table


def comparison_parts(every: list[Comparison]) -> Iterator[Table | str]:
    """The gain by cell, shift and word, with a note where that is thin; numbers are named only."""
    told = [one for one in every if one.by_kind]
    if told:
        yield _table(told)
    for one in told:
        if one.note:
            yield f"{one.title}: {one.note}"
    if others := [one.title for one in every if not one.by_kind]:
        yield f"also compared, on the page and in --json: {', '.join(others)}"


def _table(told: list[Comparison]) -> Table:
    gain = metrics.get("gain")
    table = small_table("Compared, by gain of complete trials on validation rows")
    table.add_column("", overflow="fold")
    for heading in ("trials", "pruned", "best", "median", "spread"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in told:
        for group in one.groups:
            spread = "–" if group.spread is None else f"{group.spread:.4f}"
            table.add_row(
                Text(printable(f"{one.title} {group.name}")),
                str(group.trials),
                str(group.pruned),
                gain.cell(group.best),
                gain.cell(group.median),
                spread,
                end_section=group is one.groups[-1],
            )
    return table
