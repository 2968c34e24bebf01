"""What goes on, as a notebook shows it: what a terminal shows, in one output that is renewed."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from io import StringIO
from typing import Any

from rich.console import Console

from rnnsearch.api.notebook import STOP_BUTTON, in_notebook
from rnnsearch.api.told import Part, as_html, as_text, escaped
from rnnsearch.language import _
from rnnsearch.language.notices import said
from rnnsearch.search.driver.deadline import Deadline
from rnnsearch.search.searching import RunningTrial
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView
from rnnsearch.terminal.live import SearchView
from rnnsearch.terminal.tables import Terminal, note

SECONDS = 0.5  # between two renewals
LINES = 200  # of finished trials that are kept in the output
ROOM = 24  # lines of the running trials and what is around them


def search_view(progress: bool | None, deadline: Deadline) -> SearchView:
    """A search is shown in a notebook unless `progress` is False, elsewhere where it is True."""
    if progress is not False and in_notebook():
        return NotebookView(deadline)
    return SearchView(Terminal(highlight=False), quiet=not progress, deadline=deadline)


def saying(progress: bool | None) -> Callable[[str], None]:
    """Who is told what goes on, line by line, where it is shown as a search is."""
    if progress is not False and in_notebook():
        return Saying()
    return note if progress else _silent


def _silent(text: str) -> None: ...


class NotebookView(SearchView):
    """Trials in training, finished ones, the best, the time that is left; then what came out."""

    def __init__(self, deadline: Deadline | None = None) -> None:
        super().__init__(
            Console(file=StringIO(), force_jupyter=False, width=100, height=ROOM), deadline=deadline
        )
        self._lines: deque[str] = deque(maxlen=LINES)
        self._notices: list[str] = []
        self._concluded: tuple[Part, ...] = ()
        self._runs = False
        self._handle: Any = None
        self._shown = 0.0

    def __enter__(self) -> "NotebookView":
        from IPython.display import display

        self._runs = True
        self._handle = display(self, display_id=True)
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._runs = False
        self._renew()

    def conclude(self, parts: Iterable[Part]) -> None:
        """What came out of the search, below it."""
        self._concluded = tuple(parts)
        self._renew()

    # --- what the driver tells

    def reading(self, done: int, count: int) -> None:
        super().reading(done, count)
        self._renew_soon()

    def begin(self, store: Store, target: int, workers: int) -> None:
        super().begin(store, target, workers)
        self._renew()

    def look(self, store: Store) -> None:
        super().look(store)
        self._renew_soon()

    def running(self, trial: RunningTrial) -> None:
        super().running(trial)
        self._renew_soon()

    def finished(self, trial: TrialView) -> None:
        super().finished(trial)
        self._renew_soon()

    def notice(self, text: str) -> None:
        self._notices.append(said(text))
        self._renew()

    def _say(self, text: str, style: str | None = None) -> None:
        self._lines.append(text)

    # --- what is shown

    def _renew_soon(self) -> None:
        if time.monotonic() - self._shown > SECONDS:
            self._renew()

    def _renew(self) -> None:
        self._shown = time.monotonic()
        if self._handle is not None:
            self._handle.update(self)

    def __repr__(self) -> str:
        live = [self._draw()] if self._runs else []
        return as_text([*self._notices, *self._lines, *live, *self._concluded])  # type: ignore[list-item]

    def _repr_html_(self) -> str:
        first, *others = [*self._lines] or [""]
        parts = [f'<p style="margin:.3em 0;color:#B26A00">{escaped(n)}</p>' for n in self._notices]
        parts.append(f"<p><b>{escaped(first)}</b></p>" if first else "")
        if self._runs:
            parts.append(as_html([self._draw()]))
            parts.append(f'<p style="margin:.3em 0"><i>{escaped(_(STOP_BUTTON))}</i></p>')
        else:
            parts.append(as_html([self._progress(), *self._best_lines()] if self._target else []))
        if others:
            lines = escaped("\n".join(others)).replace("<br>", "\n")
            parts.append(
                f"<details><summary>{escaped(others[-1])}</summary>"
                f'<pre style="max-height:20em;overflow:auto">{lines}</pre></details>'
            )
        return "\n".join(filter(None, [*parts, as_html(self._concluded)]))


class Saying:
    """What goes on, a line each, in one output that is renewed."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._handle: Any = None

    def __call__(self, text: str) -> None:
        from IPython.display import display

        self._lines.append(text)
        if self._handle is None:
            self._handle = display(self, display_id=True)
        else:
            self._handle.update(self)

    def __repr__(self) -> str:
        return as_text(self._lines)

    def _repr_html_(self) -> str:
        *earlier, last = self._lines
        return f"<details><summary>{escaped(last)}</summary>{as_html(earlier)}</details>"
