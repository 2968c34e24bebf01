"""Results as the user sees them: tables, facts and remarks."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from rnnsearch.errors import readable
from rnnsearch.language import _, counted, listed
from rnnsearch.language.notices import said
from rnnsearch.scoring import metrics
from rnnsearch.search.store.records import title
from rnnsearch.search.store.view import TrialView, best_first, trained
from rnnsearch.shown import day, printable
from rnnsearch.terminal.wrapping import wrapped

TOLD = ("skill", "gain", "rmse"), ("directional_accuracy", "always_up", "qlike", "rank_ic")
"""Metrics of a trial in the table of the best, before and after the naive forecasts; of the latter
those that there are."""


def best_table(
    trials: Sequence[TrialView], count: int = 5, objective: Mapping[str, str] | None = None
) -> Table:
    """The complete trials with the largest gain, against the naive forecasts.

    `objective`: what they are valued by, where that is not skill.
    """
    best = best_first(trained(trials))[:count]
    first, last = ([metrics.get(key) for key in keys] for keys in TOLD)
    first = [*metrics.valued_by(objective), *first]
    last = [metric for metric in last if any(metric.key in trial.metrics for trial in best)]
    last = [metric for metric in last if metric.key not in {one.key for one in first}]
    shown = [*first, *metrics.naive_columns([trial.metrics for trial in best]), *last]
    table = small_table(_("Best trials on validation rows"), tight=True)
    table.add_column("#", justify="right", no_wrap=True)
    # A network whose name has no room goes on in a second line: its last word is its shift.
    table.add_column(_("network"))
    for metric in shown:
        table.add_column(metric.heading, justify="right", no_wrap=True)
    for trial in best:
        # Those of before there were gains do not tell it among their metrics.
        values = trial.metrics | {"gain": trial.gain}
        cells = [metric.cell(values.get(metric.key)) for metric in shown]
        table.add_row(str(trial.number), title(trial.plain), *cells)
    return table


def status_text(facts: dict[str, Any]) -> str:
    """A study's counts in a line."""
    counts = [
        f"{facts[state]} {_(state)}"
        for state in ("complete", "pruned", "failed", "running", "waiting", "interrupted")
        if facts[state] or state == "complete"
    ]
    if facts["abandoned"]:
        gone = _(
            " ({count} without a driver: the next search runs them again)",
            count=facts["abandoned"],
        )
        counts = [c + gone if c.endswith(f" {_('running')}") else c for c in counts]
    finished = facts["complete"] + facts["pruned"] + facts["failed"]
    valued = facts["objective"]
    return _(
        "study {study}: {finished} of {wanted} trials finished{by} ({states}), {duplicates}, "
        "{tracked} in MLflow",
        study=facts["study"],
        finished=finished,
        wanted=facts["target_trials"],
        by="" if valued["key"] == "skill" else _(", by {measure}", measure=_(valued["label"])),
        states=listed(counts),
        duplicates=counted("{count} duplicate", "{count} duplicates", facts["duplicates"]),
        tracked=facts["tracked"],
    )


def drivers_table(drivers: Sequence[dict[str, Any]]) -> Table:
    """Who is searching now, and how many trials each has in training or ready for it."""
    table = small_table(_("Searching now"))
    for column in (_("machine"), _("process"), _("engine")):
        table.add_column(column, no_wrap=True)
    for column in (_("workers"), _("trials"), _("last sign of life")):
        table.add_column(column, justify="right")
    for one in drivers:
        table.add_row(
            _text(one["machine"]),
            str(one["pid"]),
            _text(one["engine"]),
            str(one["workers"]),
            str(one["running"]),
            _("{seconds} s ago", seconds=one["silent"]),
        )
    return table


def findings(
    facts: dict[str, Any], count: int = 8, *, notes: Iterable[str] | None = None
) -> Iterator[Table | str]:
    """Which inputs and parameters mattered, from the facts of a study.

    `notes`: those of the facts in the user's language.
    """
    yield from facts["notes"] if notes is None else notes
    compared = [one for one in facts["inputs"] if 0 < one["chosen"] < one["trials"]]
    shuffled = any(one["permutation"] is not None for one in compared)
    if compared:
        table = small_table(
            _("Inputs, by what the best trials lose without") if shuffled else _("Inputs")
        )
        table.add_column(_("input"), no_wrap=True)
        headings = [_("chosen\nby"), _("mean gain\nwith it"), _("mean gain\nwithout it")]
        for heading in [*headings, _("skill lost\nif shuffled")][: 4 if shuffled else 3]:
            table.add_column(heading, justify="right")
        for one in compared[:count]:
            skills = [one["gain_with"], one["gain_without"]]
            table.add_row(
                _text(one["input"]),
                _("{some} of {all}", some=one["chosen"], all=one["trials"]),
                *(
                    metrics.get("gain").cell(skill)
                    for skill in [*skills, one["permutation"]][: 3 if shuffled else 2]
                ),
            )
        yield table
        if len(compared) > count:
            yield _("and {count} more inputs: --json has them all", count=len(compared) - count)
    importance = facts["importance"]
    if importance["parameters"]:
        from rnnsearch.report.contributions import in_words  # the store: `fetch` needs none

        told = importance["parameters"].items()
        shares = [f"{_(name.replace('_', ' '))} {share:.0%}" for name, share in told]
        rough = _(" ({text})", text=in_words(importance["note"])) if importance["note"] else ""
        yield _("parameters that mattered{rough}: {shares}", rough=rough, shares=listed(shares[:6]))


def cell(column: str, value: Any) -> str:
    """A forecast's figure under its column."""
    if value is None:
        return "–"
    if column == "forecast_return":
        return f"{value:+.3%}"
    if isinstance(value, float):
        return f"{value:.6g}"
    return re.sub(r"(\d\d:\d\d):00$", r"\1", str(value))


def note(text: str) -> None:
    """A remark beside the result, on stderr."""
    Terminal(stderr=True).print(
        readable(said(text)), style="yellow", highlight=False, markup=False, soft_wrap=True
    )


def print_facts(lines: Sequence[str], warnings: Sequence[str]) -> None:
    """What was seen, and what looks odd in it."""
    out = output()
    out.print(readable("\n".join(map(said, lines))), highlight=False, markup=False)
    for warning in warnings:
        told = _("note: {text}", text=readable(said(warning)))
        out.print(told, style="yellow", highlight=False, markup=False)


def frame_table(title_: str, frame: pd.DataFrame) -> Table:
    """A data frame as a table; numbers to the right."""
    table = small_table(title_)
    for place, column in enumerate(frame):
        numeric = pd.api.types.is_numeric_dtype(frame[column])
        justify: JustifyMethod = "right" if numeric else "left"
        table.add_column(_(str(column)), justify=justify, no_wrap=place == 0, overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(_text(day(cell)) for cell in row))
    return table


def _text(name: str) -> Text:
    return Text(printable(name))


def small_table(title_: str, *, tight: bool = False) -> Table:
    return Table(
        title=title_,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 0 if tight else 1),
        show_edge=not tight,
        pad_edge=False,
    )


class Terminal(Console):
    """A console of which the command decides what the end of its reader means.

    What stands in it is shown, and never obeyed: neither as markup nor by the terminal.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(markup=False, emoji=False, **settings)

    def render_str(self, text: str, **settings: Any) -> Text:
        return super().render_str(printable(text), **settings)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        options = options or self.options
        if isinstance(renderable, Text) and not (options.no_wrap or renderable.no_wrap):
            renderable = wrapped(renderable, options.max_width)
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def output() -> Console:
    """The console that results go to; plain and wide where it is not a terminal."""
    return Terminal(width=None if sys.stdout.isatty() else 120)
