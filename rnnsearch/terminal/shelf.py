"""Studies beside each other, for the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from rnnsearch.config.toml import to_toml
from rnnsearch.errors import cut
from rnnsearch.language import _
from rnnsearch.language.notices import not_comparable
from rnnsearch.scoring import metrics
from rnnsearch.scoring.path_sentences import headline
from rnnsearch.shown import printable
from rnnsearch.terminal.tables import small_table


def listing_table(told: Mapping[str, Any]) -> Table:
    """A row per study: how far it is, its best trial, its verdict."""
    table = _results(_("Studies in {storage}", storage=told["storage"]), state=True)
    for row in told["studies"]:
        table.add_row(_text(row["study"]), _(row["state"]), *_found(row))
    return table


def comparison_tables(told: Mapping[str, Any]) -> Iterator[Table | str]:
    """What each found, and the settings that differ, a column per study."""
    table = _results(_("Compared"), state=False)
    for row in told["studies"]:
        table.add_row(_text(row["study"]), *_found(row))
    yield table
    if told["settings"]:
        table = small_table(_("Settings that differ"))
        table.add_column("", no_wrap=True)
        for row in told["studies"]:
            table.add_column(_text(row["study"]), overflow="fold")
        for key, values in told["settings"].items():
            table.add_row(_text(key.rstrip(".")), *(_text(_value(value)) for value in values))
        yield table
    else:
        yield _("their settings are the same")
    for note in told["notes"]:
        yield _("note: {text}", text=not_comparable(note))


def _results(title: str, *, state: bool) -> Table:
    table = small_table(title)
    for heading in (_("study"), _("state"))[: 2 if state else 1]:
        table.add_column(heading, overflow="fold")
    table.add_column(_("trials"), justify="right", no_wrap=True)
    table.add_column(_("best network"))
    for heading in (_("skill\nvalidation"), _("skill\ntest")):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(_("verdict on the locked test"))
    return table


def _found(row: Mapping[str, Any]) -> Iterator[str]:
    skill, best, answer = metrics.get("skill"), row["best"], row["evaluated"]
    yield f"{row['finished']}/{row['target_trials']}"
    yield best["network"] if best else "–"
    yield skill.cell(best["skill"]) if best else "–"
    yield skill.cell(answer["skill"]) if answer else "–"
    yield headline(answer["verdict"]) if answer else _("not evaluated")


def _value(value: Any) -> str:
    return "–" if value is None else cut(to_toml(value))


def _text(name: str) -> Text:
    return Text(printable(name))
