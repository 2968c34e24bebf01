"""A search as the user sees it: live on a terminal, plain lines elsewhere."""

import time

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnsearch.language import _, counted, listed
from rnnsearch.language.notices import said
from rnnsearch.scoring import metrics
from rnnsearch.scoring.words import duration
from rnnsearch.search.driver.deadline import Deadline
from rnnsearch.search.searching import RunningTrial
from rnnsearch.search.store.records import title
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import FAILED, FINISHED, INTERRUPTED, TrialView
from rnnsearch.terminal.tables import Terminal

STYLES = {"complete": "green", "pruned": "yellow", "failed": "red"}
OTHER_LINES = 8  # of the view and around it, beside the running trials


class SearchView:
    """A line per finished trial; on a terminal the running ones, progress and the best below."""

    def __init__(
        self, console: Console, *, quiet: bool = False, deadline: Deadline | None = None
    ) -> None:
        self.console = console
        self._deadline = deadline or Deadline(None)
        self.quiet = quiet
        self._running: dict[int, RunningTrial] = {}
        self._workers = 0
        self._counts: dict[str, int] = {}
        self._best: TrialView | None = None
        self._target = 0
        self._began = time.monotonic()
        self._before = 0  # finished trials when this search began
        self._live: Live | None = None
        self._read = 0, 0

    def __enter__(self) -> "SearchView":
        if self.console.is_terminal and not self.console.is_dumb_terminal and not self.quiet:
            self._live = Live(console=self.console, refresh_per_second=4, get_renderable=self._draw)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._workers = 0
        self._running.clear()
        if self._live:
            self._live.stop()

    def reading(self, done: int, count: int) -> None:
        """So many series are read of one network's."""
        self._read = done, count

    def begin(self, store: Store, target: int, workers: int) -> None:
        self._target, self._workers = target, workers
        self.look(store)
        self._began, self._before = time.monotonic(), self._done()
        done = self._before
        if done:
            self._say(
                _going_on(store.name, done, target)
                if done < target
                else counted(
                    "study {study}: there is nothing to do, {count} trial is finished",
                    "study {study}: there is nothing to do, {count} trials are finished",
                    done,
                    study=store.name,
                )
            )
        else:
            by = store.objective
            aim = "" if by["key"] == "skill" else _(", by {measure}", measure=_(by["label"]))
            trials = counted("{count} trial", "{count} trials", target)
            told = {"study": store.name, "trials": trials, "workers": _workers(workers)}
            self._say(_("study {study}: {trials}, {workers}", **told) + aim)

    def look(self, store: Store) -> None:
        """See what all drivers of the study have done."""
        self._counts = store.counts()
        for trial in store.trials():
            self._note_best(trial)

    def running(self, trial: RunningTrial) -> None:
        self._running[trial.number] = trial

    def finished(self, trial: TrialView) -> None:
        self._running.pop(trial.number, None)
        state = trial.state
        self._counts[state] = self._counts.get(state, 0) + 1
        better = self._note_best(trial)
        style = STYLES.get(state) if better or state == FAILED else None
        self._say(trial_line(trial, better), style=style)

    def let_go(self, number: int) -> None:
        """A trial has ended without a result."""
        self._running.pop(number, None)

    def notice(self, text: str) -> None:
        """Something the user should know, also when quiet; above the live view or on stderr."""
        console = self.console if self._live else Terminal(stderr=True)
        console.print(said(text), style="yellow", highlight=False, markup=False, soft_wrap=True)

    def _note_best(self, trial: TrialView) -> bool:
        if trial.gain is None:
            return False
        if self._best is not None and trial.gain <= (self._best.gain or 0.0):
            return False
        self._best = trial
        return True

    def _say(self, text: str, style: str | None = None) -> None:
        if not self.quiet:
            self.console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)

    # --- what is live

    def _draw(self) -> Group:
        if not self._target:
            return Group(reading_line(*self._read))
        running = self._running.copy()  # this is another thread than the driver's
        parts: list[Table | Text] = [self._trials(running)] if running else []
        trained = self._done() > self._before or any(trial.epoch for trial in running.values())
        if self._workers and not trained:
            starting = _("{workers} starting", workers=_workers(self._workers))
            parts.append(Text(starting, style="cyan"))
        return Group(*parts, self._progress(), *self._best_lines())

    def _trials(self, running: dict[int, RunningTrial]) -> Table:
        """A row per worker that trains, as many as there is room for."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        reached = [metrics.get(key) for key in ("skill", "gain")]
        labels = [_(metric.label) for metric in reached]
        table.add_column(_("trial"), justify="right", no_wrap=True)
        table.add_column(_("network"), no_wrap=True)
        for column in (_("inputs"), _("epoch"), *labels):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        room = max(self.console.height - OTHER_LINES, 3)
        shown = sorted(running.items())
        if len(shown) > room:
            shown = shown[: room - 1]
        for number, trial in shown:
            history, parameters = trial.history, trial.parameters
            table.add_row(
                str(number),
                title(parameters.plain()),
                str(len(parameters.inputs)),
                f"{trial.epoch}/{parameters.epochs}",
                *(m.cell(history[m.key][-1] if history[m.key] else None) for m in reached),
                ProgressBar(total=parameters.epochs, completed=trial.epoch, width=10),
            )
        if len(shown) < len(running):
            table.add_row("", _("and {count} more", count=len(running) - len(shown)))
        return table

    def _progress(self) -> Table:
        """Finished trials by state, how fast they come, and the time that is left."""
        done, minutes = self._done(), (time.monotonic() - self._began) / 60
        pace = (done - self._before) / minutes if minutes > 0 else 0.0
        line = Table.grid(padding=(0, 2))
        line.add_row(
            ProgressBar(total=max(self._target, 1), completed=done, width=12),
            f"{done}/{self._target}",
            listed(f"{self._counts[s]} {_(s)}" for s in FINISHED if self._counts.get(s)),
            _("{pace:.1f}/min", pace=pace) if pace else "",
            _("{time} left", time=duration(60 * max(self._target - done, 0) / pace))
            if pace
            else "",
            self._time(),
        )
        return line

    def _time(self) -> str:
        """What is left of the search's own time."""
        if self._deadline.text is None:
            return ""
        left = self._deadline.left()
        return _("stops in {time}", time=duration(left)) if left > 0 else _("time is up")

    def _done(self) -> int:
        return sum(self._counts.get(state, 0) for state in FINISHED)

    def _best_lines(self) -> list[Text]:
        if self._best is None:
            return [Text(_("best so far: none yet"))]
        best = self._best
        lines = [
            _(
                "best so far: {valued}, trial {number}, {network}",
                valued=valued(best),
                number=best.number,
                network=title(best.plain),
            ),
            _("its inputs: {names}", names=listed(best.inputs)),
        ]
        return [Text(line, no_wrap=True, overflow="ellipsis") for line in lines]


def reading_line(done: int, count: int) -> Table:
    """How many series are read, of how many; none of a single one."""
    line = Table.grid(padding=(0, 2))
    told = Text(_("reading the data"), style="cyan")
    if not count:
        line.add_row(told)
    else:
        bar = ProgressBar(total=count, completed=done, width=12)
        line.add_row(told, bar, _("{done} of {count} series", done=done, count=count))
    return line


def trial_line(trial: TrialView, better: bool = False) -> str:
    """One finished trial on one line."""
    parameters = trial.plain
    parts = [
        _("trial {number:>4}", number=trial.number),
        f"{title(parameters) if parameters else '':<24}",
    ]
    epochs = len(trial.curves.get("skill", ()))
    trained = f"{epochs:>3}/{parameters['epochs'] if parameters else 0}"
    same = "" if trial.is_original else _("as {number}", number=trial.duplicate_of)
    parts.append(f"{same or trained:<7}")
    parts.append(valued(trial) or f"{'':27}")
    if not trial.is_complete:  # its epochs say that
        parts.append(_(trial.state))
    if trial.state in (FAILED, INTERRUPTED):
        parts.append(trial.reason or "")
    if better:
        parts.append(_("best"))
    return "  ".join(parts)


def valued(trial: TrialView) -> str:
    """Skill, and the gain that the search maximises; of a pruned trial those of its last epoch."""
    if trial.value is None:
        return ""
    skill = trial.skill
    if skill is None:
        skill = (trial.curves.get("skill") or [trial.value])[-1]
    values = {"skill": skill, "gain": trial.value}
    told = {metrics.get(key): value for key, value in values.items()}
    return "  ".join(f"{_(metric.label)} {metric.cell(value)}" for metric, value in told.items())


def _workers(count: int) -> str:
    return counted("{count} worker", "{count} workers", count)


def _going_on(study: str, done: int, target: int) -> str:
    return counted(
        "study {study}: going on after {count} finished trial, up to {target}",
        "study {study}: going on after {count} finished trials, up to {target}",
        done,
        study=study,
        target=target,
    )
