"""Many series as the user sees them: a row each."""

from types import TracebackType
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnsearch.errors import readable
from rnnsearch.language import _
from rnnsearch.language.notices import said
from rnnsearch.scoring import metrics
from rnnsearch.search.driver.deadline import Deadline
from rnnsearch.shown import printable
from rnnsearch.terminal.live import SearchView, reading_line, valued
from rnnsearch.terminal.tables import Terminal, cell, small_table

PROBABILITIES = ("p_information", "listed_informative", "p_better", "listed_better", "holm_better")


def status_line(facts: dict[str, Any]) -> str:
    """All series in a line."""
    rows = facts["series"]
    text = _(
        "study {study}: {done} of {count} series done, {finished} of {wanted} trials of those "
        "begun finished ({share:.0%}), {tracked} in MLflow",
        study=facts["study"],
        done=facts["done"],
        count=len(rows),
        finished=facts["finished"],
        wanted=facts["target_trials"],
        share=facts["finished"] / facts["target_trials"] if facts["target_trials"] else 0.0,
        tracked=sum(row["tracked"] for row in rows),
    )
    if abandoned := sum(row["abandoned"] for row in rows):
        text += _(", {count} without a driver: the next search runs them again", count=abandoned)
    return text


def status_table(facts: dict[str, Any]) -> Table:
    """Per series: its state, the share that is done, and its best trial."""
    objective = next((row["objective"] for row in facts["series"] if row["objective"]), None)
    measures = [*metrics.valued_by(objective), *map(metrics.get, ("skill", "gain"))]
    table = small_table(_("Series"), tight=True)
    for heading in (_("series"), _("state")):
        table.add_column(heading, no_wrap=True)
    measured = (one.heading for one in measures)
    for heading in (_("trials"), _("done"), _("best"), *measured):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(_("network"), no_wrap=True)
    for row in facts["series"]:
        best, target = row["best"], row["target_trials"]
        values = best["metrics"] if best else {}
        table.add_row(
            printable(row["series"]),
            _(row["state"]),
            f"{row['finished']}/{target}" if target else "–",
            f"{row['finished'] / target:.0%}" if target else "–",
            str(best["number"]) if best else "–",
            *(one.cell(values.get(one.key)) for one in measures),
            best["network"] if best else "",
        )
    return table


def leaderboard(told: dict[str, Any]) -> Table:
    """The verdict on each series, the surest first."""
    skill = metrics.get("skill")
    table = small_table(_("Locked tests, corrected for how many series there are"), tight=True)
    for heading in (_("series"), _("verdict")):
        table.add_column(heading, no_wrap=True)
    headings = (
        skill.heading,
        _("information\nalone"),
        _("list"),
        _("better\nalone"),
        _("list"),
        _("one"),
    )
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(_("network"), no_wrap=True)
    for row in told["series"]:
        table.add_row(
            printable(row["series"]),
            _(row["verdict"]),
            skill.cell(row["skill"]),
            *(p_cell(row[name]) for name in PROBABILITIES),
            row["network"],
        )
    return table


def forecasts_table(told: dict[str, Any]) -> Table:
    """A row per forecast, with what the series' champion is worth among all."""
    rows = told["forecasts"]
    names = [name for name in rows[0] if name not in ("champion", "trained_last", "verdict")]
    names = [name for name in names if any(row.get(name) is not None for row in rows)]
    table = small_table(_("Forecasts"), tight=True)
    for name in (*names, "verdict"):
        left = name in ("series", "verdict")
        heading = _(name.replace("_", "\n"))
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for row in rows:
        cells = [cell(name, row.get(name)) for name in names]
        table.add_row(*map(printable, cells), _(row["verdict"]))
    return table


def p_cell(value: float | None) -> str:
    """A p in a column whose heading says what it is."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


class ManyViews:
    """A line per finished trial, with its series; on a terminal those at work below."""

    def __init__(
        self, console: Console, count: int, *, quiet: bool = False, deadline: Deadline | None = None
    ) -> None:
        """`count`: of the series."""
        self.console, self.quiet = console, quiet
        self._count, self._over = count, 0
        self._read: int | None = None  # how many, while they are read
        self._deadline = deadline or Deadline(None)
        self._at_work: dict[str, OneOfMany] = {}
        self.live: Live | None = None

    def __enter__(self) -> "ManyViews":
        if self.console.is_terminal and not self.console.is_dumb_terminal and not self.quiet:
            self.live = Live(console=self.console, refresh_per_second=4, get_renderable=self._draw)
            self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self.live:
            self.live.stop()

    def reading(self, done: int, count: int) -> None:
        """So many series are read."""
        self._read = done

    def searching(self, count: int) -> None:
        """All are read; so many can be searched."""
        self._read, self._count = None, count

    def of(self, series: str) -> SearchView:
        view = self._at_work[series] = OneOfMany(self, series)
        return view

    def over(self, series: str) -> None:
        """The search of a series has ended."""
        self._at_work.pop(series, None)
        self._over += 1

    def notice(self, text: str) -> None:
        """Something the user should know; above the live view or on stderr."""
        console = self.console if self.live else Terminal(stderr=True)
        told = readable(said(text))
        console.print(told, style="yellow", highlight=False, markup=False, soft_wrap=True)

    def _draw(self) -> Group:
        if self._read is not None:
            return Group(reading_line(self._read, self._count))
        lines = [one.line() for one in list(self._at_work.values())]
        head = Table.grid(padding=(0, 2))
        head.add_row(
            ProgressBar(total=max(self._count, 1), completed=self._over, width=12),
            _("{done}/{count} series", done=self._over, count=self._count),
            "" if self._deadline.text is None else _("at most {span}", span=self._deadline.text),
        )
        return Group(*lines, head)


class OneOfMany(SearchView):
    """The search of one series."""

    def __init__(self, views: ManyViews, series: str) -> None:
        super().__init__(views.console, quiet=views.quiet)
        self._views, self._series = views, series

    def notice(self, text: str) -> None:
        self._views.notice(f"{self._series}: {text}")

    def _say(self, text: str, style: str | None = None) -> None:
        super()._say(f"{self._series:<8}  {text}", style)

    def line(self) -> Text:
        """How far it is."""
        text = _(
            "{series}: {done}/{wanted}, {count} running",
            series=self._series,
            done=self._done(),
            wanted=self._target,
            count=len(self._running),
        )
        if self._best:
            text += _(", best so far: {valued}", valued=valued(self._best))
        return Text(printable(text), no_wrap=True, overflow="ellipsis")
