"""A search's trials written to MLflow from a thread of its own.

So a slow or dead server delays no training. `Tracker` is told the newest state of a trial as a
`RunRecord` and writes what is not written yet.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from rnnsearch.tracking.experiment import Experiment, Parent, RunRecord
from rnnsearch.tracking.server import first_line, way_back

RETRY_SECONDS = 5.0  # between attempts to reach a server that is down
DOWN_SECONDS = 10.0  # of its silence before it is given up at the end
RUNNING_SECONDS = 60.0  # between two times that the study is said to be running
WRITE_SECONDS = 2.0  # a running trial's new epochs are collected for so long


class Tracker:
    """Keeps an experiment up to date from a thread of its own; nobody waits for it but `finish`."""

    def __init__(
        self,
        uri: str,
        parent: Parent,
        artifacts: Path,
        *,
        missing: Iterable[RunRecord] = (),
        written: Callable[[list[int]], None],
        notice: Callable[[str], None],
    ) -> None:
        """`missing`: finished trials not known to be in MLflow. `written` is told which trials are
        in it from now on, `notice` what the user should know; both from the tracker's thread."""
        self._uri, self._parent, self._artifacts = uri, parent, artifacts
        self._written, self._notice = written, notice
        self._pending = {record.number: record for record in missing}
        self._best: dict[
            int, dict[str, float]
        ] = {}  # finished trials -> of the best, for the parent
        self._changed = threading.Condition()
        self._closing = False
        self._last = True
        self._down = False
        self._heard = 0.0  # when the server last did as it was told
        self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)
        self._thread.start()

    def put(self, record: RunRecord) -> None:
        """Have a trial's newest state written soon."""
        with self._changed:
            self._pending[record.number] = record
            if record.over:
                self._changed.notify()

    def best(self, finished: int, measures: dict[str, float]) -> None:
        """Have measures of the best after so many finished trials written to the parent run."""
        with self._changed:
            self._best[finished] = measures

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to be written, or nobody is there to take it."""
        with self._changed:
            return self._down or not (self._pending or self._best)

    def finish(self, patience: float = 60.0, *, last: bool = True) -> int:
        """Write what is left and end. Returns how many finished trials MLflow does not have.

        Gives up after `patience` seconds, or sooner when the server has not answered before.
        `last`: nobody else writes this study's trials; MLflow shows it as finished.
        """
        with self._changed:
            self._closing, self._last = True, last
            self._changed.notify()
        asked = time.monotonic()
        while self._thread.is_alive() and time.monotonic() < asked + patience:
            self._thread.join(0.1)
            if self._down and time.monotonic() > max(asked, self._heard) + DOWN_SECONDS:
                break
        with self._changed:
            return sum(record.over for record in self._pending.values())

    # --- the thread

    def _run(self) -> None:
        experiment: Experiment | None = None
        running = -math.inf  # when MLflow was last told that the study is being searched
        while True:
            with self._changed:
                self._changed.wait_for(self._urgent, timeout=WRITE_SECONDS)
                closing, idle = self._closing, not (self._pending or self._best)
            try:
                if experiment is None:
                    experiment = Experiment(self._uri, self._parent, self._artifacts)
                    self._heard = time.monotonic()
                # Again and again: a driver that left may have said FINISHED meanwhile.
                if not self._closing and time.monotonic() - running > RUNNING_SECONDS:
                    experiment.set_parent_status("RUNNING")
                    running = time.monotonic()
                self._write_pending(experiment)
                self._report_up()
                if closing and idle:
                    if self._last:
                        experiment.set_parent_status("FINISHED")
                    return
            except Exception as error:  # whatever MLflow raises, training goes on
                experiment = None  # what it remembers of the server may be wrong by now
                self._report_down(error)
                if closing:
                    return
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, timeout=RETRY_SECONDS)

    def _urgent(self) -> bool:
        return self._closing or any(record.over for record in self._pending.values())

    def _write_pending(self, experiment: Experiment) -> None:
        with self._changed:
            pending = sorted(self._pending.values(), key=lambda record: record.number)
        over = []
        try:
            for record in pending:
                experiment.write(record)
                self._heard = time.monotonic()
                with self._changed:
                    if self._pending.get(record.number) is record:
                        del self._pending[record.number]
                if record.over:
                    over.append(record.number)
            with self._changed:
                best = dict(self._best)
            experiment.write_course(best)
            with self._changed:
                for finished in best:
                    del self._best[finished]
        finally:
            if over:
                self._written(over)

    def _report_down(self, error: Exception) -> None:
        if not self._down:
            self._down = True
            self._notice(
                f"MLflow does not answer ({first_line(error)}); the search goes on, and "
                + (
                    way_back(self._uri, error)
                    or "what MLflow lacks is written when it is back, or by `rnnsearch sync`"
                )
            )

    def _report_up(self) -> None:
        if self._down:
            self._down = False
            self._notice("MLflow answers again and has caught up")
