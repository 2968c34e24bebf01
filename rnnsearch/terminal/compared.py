"""How cells, date shifts and other choices fared, as a table for the terminal."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from rnnsearch.language import _, listed
from rnnsearch.report.comparisons import THIN, Comparison
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
            yield _note(one)
    if others := [_(one.title) for one in every if not one.by_kind]:
        yield _("also compared, on the page and in --json: {names}", names=listed(others))


def _table(told: list[Comparison]) -> Table:
    gain = metrics.get("gain")
    table = small_table(_("Compared, by gain of complete trials on validation rows"))
    table.add_column("", overflow="fold")
    for heading in (_("trials"), _("pruned"), _("best"), _("median"), _("spread")):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in told:
        for group in one.groups:
            spread = "–" if group.spread is None else f"{group.spread:.4f}"
            table.add_row(
                Text(printable(f"{_(one.title)} {group.name}")),
                str(group.trials),
                str(group.pruned),
                gain.cell(group.best),
                gain.cell(group.median),
                spread,
                end_section=group is one.groups[-1],
            )
    return table


def _note(one: Comparison) -> str:
    """As `Comparison.note`, in the user's language."""
    thin = listed(f"{group.name}: {group.complete}" for group in one.thin)
    return _(
        "{parameter}: thin, fewer than {least} complete trials ({values}), so it may be luck",
        parameter=_(one.title),
        least=THIN,
        values=thin,
    )
