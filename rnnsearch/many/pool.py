"""Workers of one engine, shared among the drivers of several series.

A trial's number tells it apart within its study alone, so workers have numbers of the pool's own.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from rnnsearch.search.engines.base import SharedWorkers
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.protocol import Done, Event, Failed, Lost, Ready, Stopped, Task


class Pool:
    """Hands tasks of several problems to the same workers, and each driver what concerns it."""

    def __init__(self, workers: SharedWorkers, notice: Callable[[str], None]) -> None:
        """The workers are those of the first problem that `share` is asked for."""
        self.workers, self._notice = workers, notice
        self._numbers = itertools.count()
        self._problems = itertools.count()
        self._tasks: dict[int, tuple[Share, int]] = {}  # number -> whose, and its number there

    def share(self, problem: Problem) -> "Share":
        """The workers as one driver sees them."""
        number = next(self._problems)
        if number:
            self.workers.learn(number, problem)
        return Share(self, number)

    def submit(self, share: "Share", task: Task) -> int:
        number = next(self._numbers)
        self._tasks[number] = share, task.number
        self.workers.submit(replace(task, number=number, problem=share.problem))
        return number

    def listen(self, timeout: float) -> None:
        """Wait for something to be said, and keep it for whom it concerns."""
        for event in self.workers.events(timeout):
            self._pass_on(event)

    def _pass_on(self, event: Event) -> None:
        if isinstance(event, Ready) or event.number is None:
            if isinstance(event, Lost):
                self._notice(f"{event.reason}; the worker was replaced")
            return
        if event.number not in self._tasks:
            return  # a last word about a task that is over
        share, number = self._tasks[event.number]
        if isinstance(event, Done | Failed | Lost | Stopped):
            del self._tasks[event.number]
        share.heard.append(replace(event, number=number))


class Share:
    """See `protocol.Workers`: those of the pool, with tasks of one problem."""

    def __init__(self, pool: Pool, problem: int) -> None:
        self.problem = problem
        self.heard: deque[Event] = deque()
        self._pool = pool
        self._numbers: dict[int, int] = {}  # trial -> its newest task in the pool

    @property
    def description(self) -> dict[str, str]:
        return self._pool.workers.description

    @property
    def count(self) -> int:
        return self._pool.workers.count

    def has_idle(self) -> bool:
        return self._pool.workers.has_idle()

    def starved(self) -> bool:
        return self._pool.workers.starved()

    def submit(self, task: Task) -> None:
        self._numbers[task.number] = self._pool.submit(self, task)

    def stop(self, number: int) -> None:
        if number in self._numbers:
            self._pool.workers.stop(self._numbers[number])

    def events(self, timeout: float) -> Iterator[Event]:
        """What was heard so far; it is the pool that waits."""
        while self.heard:
            yield self.heard.popleft()

    def close(self) -> None:
        """The workers are the pool's; they have no further task of this problem."""
        self._pool.workers.forget(self.problem)
