"""The driver: hands trials to workers, hears of their epochs, prunes them, and ends in order.

One driver per process. It alone talks to the study's store: `asking` gets trials from it, `telling`
tells their results. Workers see parameters and answer with epochs. A trial lives here as
`RunningTrial` from its ask to its tell.
"""

import contextlib
import math
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from rnnsearch.language import counted
from rnnsearch.search.driver.asking import TrialSource
from rnnsearch.search.driver.deadline import Deadline
from rnnsearch.search.driver.patience import Patience
from rnnsearch.search.driver.running import RunningTrial, View
from rnnsearch.search.driver.telling import Teller
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.asked import TakenOver
from rnnsearch.search.store.databases import FAILURES
from rnnsearch.search.store.leases import Lease
from rnnsearch.search.store.store import MAX_ATTEMPTS, Store
from rnnsearch.search.store.view import COMPLETE, FAILED, PRUNED
from rnnsearch.search.trial.protocol import (
    Done,
    EpochReport,
    Event,
    Failed,
    Lost,
    Outcome,
    Progress,
    Task,
    Workers,
)

FINISH_SECONDS, HURRY_SECONDS = 60.0, 5.0  # granted to MLflow at the end
LOOK_SECONDS = 5.0  # between looks at what other drivers have done
WAIT_SECONDS = 0.25  # longest wait for a worker's word, so that Ctrl-C is heard soon


class Interrupted(Exception):  # noqa: N818  it is no error
    """The user, or the machine, asked the search to end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = 128 + signal_number


class Driver:
    """Runs a study until it has `target` finished trials, its time is up, or it is told to stop."""

    def __init__(
        self,
        problem: Problem,
        store: Store,
        workers: Workers,
        view: View,
        *,
        target: int,
        alone: bool,
        deadline: Deadline | None = None,
        interrupts: list[int] | None = None,
    ) -> None:
        """`interrupts`: signals that somebody else listens for, who calls `turns`, not `run`."""
        self.store, self.workers = store, workers
        self.view, self.target = view, target
        self._alone = alone
        self._deadline = deadline or Deadline(None)
        self._scoring, self._formulation = store.scoring, store.formulation
        self._looked = 0.0
        self._running: dict[int, RunningTrial] = {}
        self._asked: deque[RunningTrial] = deque()  # ahead of need, while workers train
        self._interrupts = [] if interrupts is None else interrupts
        self._heard = 0  # of the interrupts
        self._insists = 2  # so many of them are somebody who will not wait
        self._lease = Lease(store, workers.count, problem.study.run.engine)
        self._teller = Teller(problem, store, view, self._lease.id)
        self._source = TrialSource(
            problem,
            store,
            self._lease,
            target=target,
            alone=alone,
            interrupted=self._teller.interrupted,
        )
        self._patience = Patience(store, view.notice, self._in_a_hurry)

    def run(self) -> None:
        """Search. Raises Interrupted after a signal, once the study is in order."""
        in_order = False
        try:
            with listening(self._interrupts):
                for _ in self.turns():
                    pass
            in_order = True
        finally:
            self.end(in_order=in_order)
        if self._interrupts:
            raise Interrupted(self._interrupts[0])

    @property
    def is_tracked(self) -> bool:
        """Whether MLflow has what there is, so that `end` takes no time; or it is in a hurry."""
        return self._teller.is_tracked or self._in_a_hurry()

    def end(self, *, in_order: bool) -> None:
        """Have MLflow get what is left, after the last of `turns`."""
        seconds = FINISH_SECONDS if in_order and not self._in_a_hurry() else HURRY_SECONDS
        self._teller.finish_tracking(seconds, last=self._is_last())
        if in_order:  # an error is told soon
            self._patience.do(self._teller.note_tracked)

    def turns(self) -> Iterator[None]:
        """Search, a turn at a time: between two of them other drivers may have theirs."""
        do = self._patience.do
        try:
            do(self._recover)
            while not do(self._over):
                do(self._lease.renew, self.workers.count)
                do(self._recover)
                do(self._hand_out)
                for event in self.workers.events(WAIT_SECONDS):
                    do(self._handle, event)
                do(self.store.flush)
                do(self._teller.note_tracked)
                do(self._look_around)
                yield
        except BaseException:
            with contextlib.suppress(*FAILURES):  # not to be told instead of what happened
                do(self._leave)
            raise
        do(self._leave)
        do(self._teller.show_best)

    def _look_around(self) -> None:
        """Have the user see what other drivers have done."""
        if not self._alone and time.monotonic() - self._looked > LOOK_SECONDS:
            self.view.look(self.store)
            self._looked = time.monotonic()

    # --- when to end

    def _over(self) -> bool:
        if self._in_a_hurry():
            return True
        if self._interrupts:
            self._hear()
            return not self._running
        if not (self._running or self._asked) and self.store.finished() >= self.target:
            return True
        if self._deadline.over():
            self._time_is_up()
            self._deadline.stopped = not self._running
        return self._deadline.stopped

    def _in_a_hurry(self) -> bool:
        return len(self._interrupts) >= self._insists or signal.SIGTERM in self._interrupts

    def _winds_up(self) -> bool:
        """Whether no further trial is begun."""
        return bool(self._interrupts) or self._deadline.over()

    def _time_is_up(self) -> None:
        """Running trials are being finished already, so one Ctrl-C is enough to stop at once."""
        if self._insists > 1 and self._running:
            self.view.notice(
                counted(
                    "time is up ({span}): {count} running trial is being finished; Ctrl-C stops "
                    "at once",
                    "time is up ({span}): {count} running trials are being finished; Ctrl-C stops "
                    "at once",
                    len(self._running),
                    span=self._deadline.text,
                )
            )
        self._insists = 1

    def _hear(self) -> None:
        if not self._heard:
            self.view.notice(
                counted(
                    "stopping: {count} running trial is being finished; Ctrl-C again stops at once",
                    "stopping: {count} running trials are being finished; Ctrl-C again stops at "
                    "once",
                    len(self._running),
                )
            )
        self._heard = len(self._interrupts)

    def _leave(self) -> None:
        """Let go of every trial that is not finished; the next search runs it."""
        self._source.let_go(self._mine())
        self._running.clear()
        self._asked.clear()
        self._lease.release()

    def _is_last(self) -> bool:
        """Whether no other driver of the study is at work, as far as the store can tell."""
        try:
            return not self._patience.do(self._source.others_work)
        except FAILURES:
            return self._alone

    def _mine(self) -> list[int]:
        return [trial.number for trial in (*self._running.values(), *self._asked)]

    # --- trials and workers

    def _recover(self) -> None:
        self._source.recover(self._mine())

    def _hand_out(self) -> None:
        """Give every idle worker a trial, and have one more ready for the next."""
        if self._winds_up():
            return
        while self.workers.has_idle():
            trial = self._next()
            if trial is None:
                return
            self._asked.popleft()
            self._running[trial.number] = trial
            plain, bar = trial.parameters.plain(), self._source.tried.bar_of_the_best()
            self.workers.submit(
                Task(
                    trial.number,
                    plain,
                    measure_above=bar,
                    scoring=self._scoring,
                    formulation=self._formulation,
                )
            )
            self._teller.running(trial)
        if self._asked and self.workers.starved():
            # Another driver, who has the places, may be waiting for just these trials.
            self._source.let_go([trial.number for trial in self._asked])
            self._asked.clear()
        elif self._running and not self._asked:
            self._next()

    def _next(self) -> RunningTrial | None:
        """The first of the asked trials that has to be trained; others are finished on the way.

        None where there is none, the user will not wait for it, or the time is up.
        """
        while not self._winds_up():
            self._lease.renew(self.workers.count)
            if not self._asked:
                asked = self._source.ask()
                if asked is None:
                    return None
                self._asked.append(asked)
            trial = self._asked[0]
            # It may have finished since `trial` was asked for.
            earlier = self._source.tried.same_as(trial)
            if earlier is None:
                return trial
            self._teller.copy(trial, earlier)
            self._asked.popleft()
        return None

    def _handle(self, event: Event) -> None:
        number = getattr(event, "number", None)
        trial = self._running.get(-1 if number is None else number)
        if isinstance(event, Lost) and event.number is None:
            self.view.notice(f"{event.reason}; the worker was replaced")
        if trial is None:
            return  # a last word about a trial that is told already
        match event:
            case Progress(report=report) if report.epoch >= trial.epoch:
                self._progress(trial, report)
            case Done(outcome=outcome) if math.isfinite(outcome.gain):
                self._finish(trial, COMPLETE, outcome=outcome)
            case Done(outcome=outcome):
                reason = f"skill is no number: {outcome.skill}"
                self._finish(trial, FAILED, reason=reason)
            case Failed(reason=reason):
                self._finish(trial, FAILED, reason=reason)
            case Lost(reason=reason, blameless=blameless):
                self._worker_lost(trial, reason, blameless)

    def _progress(self, trial: RunningTrial, report: EpochReport) -> None:
        if report.epoch > trial.epoch:
            try:
                trial.asked.report(report.gain, report.epoch)
            except TakenOver:
                self.workers.stop(trial.number)
                self._teller.taken_over(trial)
                del self._running[trial.number]
                return
            trial.add(report)
        self._teller.running(trial)
        last = report.epoch >= trial.parameters.epochs
        if not last and not trial.is_reference and trial.asked.should_prune():
            self.workers.stop(trial.number)
            self._finish(trial, PRUNED)

    def _worker_lost(self, trial: RunningTrial, reason: str, blameless: bool) -> None:
        """Try a trial once more in another worker: it may not have been its fault.

        Where it was not, as often as the trials of drivers that die.
        """
        trial.lost_workers += not blameless
        trial.lost_servers += blameless
        if trial.lost_workers > 1 or trial.lost_servers >= MAX_ATTEMPTS:
            self._finish(trial, FAILED, reason=reason)
            return
        self.view.notice(f"trial {trial.number}: {reason}; trying it again in a new worker")
        del self._running[trial.number]
        self._asked.appendleft(trial)

    def _finish(
        self,
        trial: RunningTrial,
        state: str,
        *,
        outcome: Outcome | None = None,
        reason: str | None = None,
    ) -> None:
        environment = self.workers.description
        self._teller.finish(trial, state, environment, outcome=outcome, reason=reason)
        self._source.tried.look_at([self.store.trial(trial.number)])
        del self._running[trial.number]


@contextlib.contextmanager
def listening(interrupts: list[int]) -> Iterator[None]:
    """Note signals: the first Ctrl-C lets running trials finish, the second (or SIGTERM) stops at
    once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, _: Any) -> None:
        interrupts.append(number)  # and no more: it may come in the middle of a print

    handlers = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
