"""A search as the user sees it: live on a terminal, plain lines elsewhere."""

import time

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

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

    def begin(self, store: Store, target: int, workers: int) -> None:
        self._target, self._workers = target, workers
        self.look(store)
        self._began, self._before = time.monotonic(), self._done()
        done = self._before
        if done:
            self._say(
                f"study {store.name}: going on after {done} finished trials, up to {target}"
                if done < target
                else f"study {store.name}: there is nothing to do, {done} trials are finished"
            )
        else:
            by = store.objective
            aim = "" if by["key"] == "skill" else f", by {by['label']}"
            self._say(f"study {store.name}: {target} trials, {_count(workers, 'worker')}{aim}")

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
        console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)

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
            return Group(Text("reading the data", style="cyan"))
        running = self._running.copy()  # this is another thread than the driver's
        parts: list[Table | Text] = [self._trials(running)] if running else []
        trained = self._done() > self._before or any(trial.epoch for trial in running.values())
        if self._workers and not trained:
            parts.append(Text(f"{_count(self._workers, 'worker')} starting", style="cyan"))
        return Group(*parts, self._progress(), *self._best_lines())

    def _trials(self, running: dict[int, RunningTrial]) -> Table:
        """A row per worker that trains, as many as there is room for."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        reached = [metrics.get(key) for key in ("skill", "gain")]
        labels = [metric.label for metric in reached]
        for column in ("trial", "network", "inputs", "epoch", *labels, ""):
            justify = "left" if column in ("network", "") else "right"
            table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
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
            table.add_row("", f"and {len(running) - len(shown)} more")
        return table

    def _progress(self) -> Table:
        """Finished trials by state, how fast they come, and the time that is left."""
        done, minutes = self._done(), (time.monotonic() - self._began) / 60
        pace = (done - self._before) / minutes if minutes > 0 else 0.0
        line = Table.grid(padding=(0, 2))
        line.add_row(
            ProgressBar(total=max(self._target, 1), completed=done, width=12),
            f"{done}/{self._target}",
            ", ".join(f"{self._counts[s]} {s}" for s in FINISHED if self._counts.get(s)),
            f"{pace:.1f}/min" if pace else "",
            f"{duration(60 * max(self._target - done, 0) / pace)} left" if pace else "",
            self._time(),
        )
        return line

    def _time(self) -> str:
        """What is left of the search's own time."""
        if self._deadline.text is None:
            return ""
        left = self._deadline.left()
        return f"stops in {duration(left)}" if left > 0 else "time is up"

    def _done(self) -> int:
        return sum(self._counts.get(state, 0) for state in FINISHED)

    def _best_lines(self) -> list[Text]:
        if self._best is None:
            return [Text("best so far: none yet")]
        best, names = self._best, ", ".join(self._best.inputs)
        lines = [
            f"best so far: {valued(best)}, trial {best.number}, {title(best.plain)}",
            f"its inputs: {names}",
        ]
        return [Text(line, no_wrap=True, overflow="ellipsis") for line in lines]


def trial_line(trial: TrialView, better: bool = False) -> str:
    """One finished trial on one line."""
    parameters = trial.plain
    parts = [f"trial {trial.number:>4}", f"{title(parameters) if parameters else '':<24}"]
    epochs = len(trial.curves.get("skill", ()))
    trained = f"{epochs:>3}/{parameters['epochs'] if parameters else 0}"
    parts.append(f"{trained if trial.is_original else f'as {trial.duplicate_of}':<7}")
    parts.append(valued(trial) or f"{'':27}")
    if not trial.is_complete:  # its epochs say that
        parts.append(trial.state)
    if trial.state in (FAILED, INTERRUPTED):
        parts.append(trial.reason or "")
    if better:
        parts.append("best")
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
    return "  ".join(f"{metric.label} {metric.cell(value)}" for metric, value in told.items())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("s" if number != 1 else "")
