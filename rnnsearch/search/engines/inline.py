"""Training in the driver's own process, one trial at a time: for notebooks, debugging and tests.

Nothing is started and nothing is sent, and a breakpoint in a cell stops there. The driver waits
while an epoch trains: Ctrl-C is heard at its end. What would take a worker process down, such as an
operating system that is out of memory, takes the search down; the next one goes on.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rnnsearch.language import _
from rnnsearch.search.engines.base import Engine, Placement
from rnnsearch.search.engines.machine import Notice, plan_workers, setup_here
from rnnsearch.search.engines.watching import Watch, Watched, with_details
from rnnsearch.search.trial.protocol import (
    Done,
    EpochReport,
    Event,
    Failed,
    Lost,
    Outcome,
    Progress,
    Ready,
    Stopped,
    Task,
    WorkerSetup,
)
from rnnsearch.search.trial.worker import crashed, message

if TYPE_CHECKING:
    from rnnsearch.config import StudyFile
    from rnnsearch.search.problem import Problem
    from rnnsearch.search.trial.runner import TrialRunner


class InlineEngine(Engine):
    """One worker, which is this process."""

    name = "inline"

    def start(self, problem: "Problem", notice: Notice, most: int | None = None) -> "InlineWorkers":
        setup, _ = setup_here(problem, notice, workers=1)
        return InlineWorkers(setup)

    def placement(self, problem: "Problem") -> Placement:
        device, _workers, _cores = plan_workers(problem.study.run.device, 1)
        return Placement([_("one trial at a time in this process, device {device}", device=device)])

    def expected_workers(self, study: "StudyFile") -> int:
        return 1


ENGINE = InlineEngine()


class InlineWorkers:
    """A worker that trains in `events`, an epoch each time. See `protocol.Workers`."""

    count = 1

    def __init__(self, setup: WorkerSetup) -> None:
        self.description: dict[str, str] = {}
        self._setup = setup
        self._watch = Watch("try --device cpu")
        self._worker = Watched()
        self._runner: TrialRunner | None = None  # made when there is somebody to hear of its faults
        self._said: Iterator[EpochReport | Outcome | str] = iter(())
        self._stopped = False

    def has_idle(self) -> bool:
        return self._worker.idle

    def starved(self) -> bool:
        return False

    def submit(self, task: Task) -> None:
        assert self._runner is not None
        self._worker.holds(task.number)
        self._said, self._stopped = self._runner.run(task), False

    def stop(self, number: int) -> None:
        if self._worker.number == number:
            self._said, self._stopped = iter(()), True  # which frees what the trial has allocated

    def events(self, timeout: float) -> list[Event]:
        """What one more epoch has to say; it may take longer than `timeout`."""
        if self._worker.idle:
            time.sleep(timeout)
            return []
        try:
            said = self._next()
        except Exception as error:  # elsewhere a worker leaves after saying so, and is replaced
            return [self._replace(error)]
        self._watch.hears(self._worker, said)
        return [said]

    def close(self) -> None:
        self._said, self._runner = iter(()), None

    def _next(self) -> Ready | Progress | Done | Stopped | Failed:
        number = self._worker.number
        if self._runner is None or number is None:
            from rnnsearch.search.trial.runner import TrialRunner  # torch: two seconds

            self._runner = TrialRunner(self._setup)
            self.description = self._runner.description
            return Ready(self.description)
        return Stopped(number) if self._stopped else message(number, next(self._said))

    def _replace(self, error: Exception) -> Lost:
        old, self._worker = self._worker, Watched()
        self._said, self._runner = iter(()), None
        said = crashed(-1 if old.number is None else old.number, error)
        reason = with_details(said.reason, said.detail)
        self._watch.loses(old, reason)
        return Lost(old.number, reason)
