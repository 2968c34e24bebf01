"""What the driver knows of its workers, wherever they run: who is idle, and who must be hung."""

import contextlib
import os
import statistics
import time
from dataclasses import dataclass, field

from rnnsearch.config import home
from rnnsearch.errors import RnnsearchError
from rnnsearch.search.trial.protocol import Done, Failed, Message, Progress, Ready, Stopped

START_SECONDS = 120.0  # within which a worker must be ready
START_FAILURES = 3  # in a row before giving up
FIRST_EPOCHS_SECONDS = 3600.0  # patience with a trial of unknown pace while none is known
UNKNOWN_SECONDS = 600.0  # such a trial may always be silent for so long
QUIET_SECONDS = 60.0  # ... and one of known pace for so long
QUIET_EPOCHS = 20  # ... or for so many of its median epochs, or of the longest of other trials


@dataclass(kw_only=True)
class Watched:
    """A worker as its messages show it."""

    ready: bool = False
    number: int | None = None  # of the trial it holds
    heard: float = field(default_factory=time.monotonic)
    pauses: list[float] = field(default_factory=list)  # between the messages of its trial

    @property
    def idle(self) -> bool:
        return self.ready and self.number is None

    def holds(self, number: int) -> None:
        """It was given a trial."""
        self.number, self.heard, self.pauses = number, time.monotonic(), []


class Watch:
    """Over all workers of a driver."""

    def __init__(self, remedy: str) -> None:
        """`remedy`: what the user can do where no worker starts."""
        self._remedy = remedy
        self._start_failures = 0
        self._longest_pause = 0.0  # of any trial so far, 0 before one

    def hears(self, worker: Watched, message: Message) -> None:
        now = time.monotonic()
        match message:
            case Ready():
                worker.ready, self._start_failures = True, 0
            case Progress(report=report):  # it may have been said long before it was heard
                worker.pauses.append(max(now - worker.heard, report.seconds))
                self._longest_pause = max(self._longest_pause, worker.pauses[-1])
            case Done() | Stopped() | Failed():
                worker.number = None
        worker.heard = now

    def silent_too_long(self, worker: Watched) -> str:
        """Why a worker must be hung, or nothing."""
        silence = time.monotonic() - worker.heard
        if not worker.ready:
            late = silence > START_SECONDS * _load()
            return f"not ready after {silence:.0f} s" if late else ""
        if worker.number is None:
            return ""
        if len(worker.pauses) >= 2:
            patience = max(QUIET_SECONDS, QUIET_EPOCHS * statistics.median(worker.pauses))
        elif self._longest_pause:
            patience = max(UNKNOWN_SECONDS, QUIET_EPOCHS * self._longest_pause)
        else:
            patience = FIRST_EPOCHS_SECONDS
        return f"hung: silent for {silence:.0f} s" if silence > patience * _load() else ""

    def loses(self, worker: Watched, reason: str) -> None:
        """A worker ended. Raises RnnsearchError where none of them gets ready."""
        if worker.ready:
            return
        self._start_failures += 1
        if self._start_failures >= START_FAILURES:
            raise RnnsearchError(
                f"workers: {START_FAILURES} in a row ended before they were ready ({reason}); "
                f"{self._remedy}"
            )


def _load() -> float:
    """How many processes share a core: a worker that waits for its turn is not hung. At least 1."""
    waiting = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # not on Windows
    return max(1.0, waiting / (os.cpu_count() or 1))


def with_details(reason: str, traceback_text: str) -> str:
    """Keep a worker's traceback for us; the user sees its last line, and where the rest is."""
    if not traceback_text:
        return reason
    log = home() / "error.log"
    with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.write(traceback_text + "\n")
    return f"{reason}; details are in {log}"
