"""What one network of many series came to, as the user sees it."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from rnnsearch.language import _
from rnnsearch.scoring import metrics
from rnnsearch.scoring.panel.words import order_in_words, portfolio_in_words
from rnnsearch.shown import printable
from rnnsearch.terminal.tables import small_table

SHOWN = 20  # series


def pooled_tables(answer: dict[str, Any]) -> Iterator[Table | str]:
    """The order of forecasts over the series, the portfolio that follows it, and each series."""
    pool = answer["pool"]
    yield order_in_words(pool["cross_section"])
    yield portfolio_in_words(pool["long_short"])
    rows = pool["series"]
    skill, hits = metrics.get("skill"), metrics.get("directional_accuracy")
    table = small_table(
        _("Locked test, series by series ({count}, the largest skill first)", count=len(rows))
    )
    table.add_column(_("series"), no_wrap=True)
    headings = (_(skill.label), _(hits.label), _("held"), _("rows"), _("first"), _("last"))
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows[:SHOWN]:
        table.add_row(
            printable(row["series"]),
            skill.cell(row["skill"]),
            hits.text(row["directional_accuracy"]),
            hits.text(row.get("held")),
            str(row["rows"]),
            row["first"],
            row["last"],
        )
    yield table
    if len(rows) > SHOWN:
        yield _("and {count} more series: --json has them all", count=len(rows) - SHOWN)
