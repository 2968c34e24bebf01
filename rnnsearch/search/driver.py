"""The driver: asks Optuna for trials, has workers train them, prunes, tells, and resumes.

One driver per process. It alone talks to the study's store; workers see parameters and answer with
epochs. A trial lives here as `RunningTrial` from its ask to its tell.
"""

import math
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import optuna
from optuna.trial import FrozenTrial, TrialState

from rnnsearch.config import digest, home
from rnnsearch.search.leases import Lease, LeaseWatch, forget, leases
from rnnsearch.search.parameters import TrialParameters
from rnnsearch.search.problem import Problem
from rnnsearch.search.protocol import (
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
from rnnsearch.search.records import parent_record, run_record, tracking_uri
from rnnsearch.search.samplers import build_sampler
from rnnsearch.search.space import suggest
from rnnsearch.search.store import Store, state_of
from rnnsearch.tracking import Tracker

FINISH_SECONDS, HURRY_SECONDS = 60.0, 5.0  # granted to MLflow at the end
WAIT_SECONDS = 0.25  # longest wait for a worker's word, so that Ctrl-C is heard soon
RECOVER_SECONDS = 15.0  # between looks for trials of drivers that died
HISTORY = ("skill", "train_loss", "validation_loss", "gradient_norm")


@dataclass(eq=False)
class RunningTrial:
    """A trial of this driver, from ask to tell."""

    trial: optuna.Trial
    parameters: TrialParameters
    begun: FrozenTrial  # as the store had it before its first epoch
    history: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in HISTORY})
    lost_workers: int = 0
    train_seconds: float = 0.0

    @property
    def number(self) -> int:
        return self.trial.number

    @property
    def is_reference(self) -> bool:
        return "reference" in self.begun.user_attrs

    @property
    def epoch(self) -> int:
        return len(self.history["skill"])

    def add(self, report: EpochReport) -> None:
        for key in HISTORY:
            self.history[key].append(getattr(report, key))
        self.train_seconds += report.seconds


class View(Protocol):
    """Whoever shows the search to the user."""

    def begin(self, store: Store, target: int, workers: int) -> None: ...
    def running(self, trial: RunningTrial) -> None: ...
    def finished(self, trial: FrozenTrial) -> None: ...
    def notice(self, text: str) -> None: ...


class Interrupted(Exception):  # noqa: N818  it is no error
    """The user, or the machine, asked the search to end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.exit_code = 128 + signal_number


class Driver:
    """Runs a study until it has `target` finished trials, or is told to stop."""

    def __init__(
        self,
        problem: Problem,
        store: Store,
        workers: Workers,
        view: View,
        *,
        target: int,
        alone: bool,
    ) -> None:
        self.problem, self.store, self.workers = problem, store, workers
        self.view, self.target = view, target
        self._running: dict[int, RunningTrial] = {}
        self._asked: deque[RunningTrial] = deque()  # ahead of need, while workers train
        self._interrupts: list[int] = []
        self._heard = 0  # of the interrupts
        self._lease = Lease(store, workers.count)
        self._watch = LeaseWatch(store, alone=alone)
        self._recovered = 0.0
        self._best = max((t.value or 0 for t in store.trials(TrialState.COMPLETE)), default=None)
        self.tracker = self._start_tracking()

    def run(self) -> None:
        """Search. Raises Interrupted after a signal, once the study is in order."""
        with self._signals():
            try:
                while not self._over():
                    self._lease.renew()
                    self._recover()
                    self._hand_out()
                    for event in self.workers.events(WAIT_SECONDS):
                        self._handle(event)
            finally:
                self._leave()
        self._track_best()
        missing = self.tracker.finish(HURRY_SECONDS if self._in_a_hurry() else FINISH_SECONDS)
        if missing:
            self.view.notice(
                f"{missing} trials are not in MLflow yet; `rnnsearch sync` writes them later"
            )
        if self._interrupts:
            raise Interrupted(self._interrupts[0])

    def _start_tracking(self) -> Tracker:
        """Bring MLflow up to date with what earlier drivers left, then with what this one does."""
        uri = tracking_uri(self.problem.study)
        known = self.store.tracked(uri)
        logged: set[int] = set()

        def written(numbers: list[int]) -> None:
            logged.update(numbers)
            self.store.mark_tracked(self._lease.id, uri, logged)

        return Tracker(
            uri,
            parent_record(self.problem),
            home() / "artifacts",
            missing=[
                run_record(trial)
                for trial in self.store.trials()
                if trial.state.is_finished() and trial.number not in known
            ],
            written=written,
            notice=self.view.notice,
        )

    # --- when to end

    def _over(self) -> bool:
        if self._in_a_hurry():
            return True
        if self._interrupts:
            self._hear()
            return not self._running
        return not (self._running or self._asked) and self.store.finished() >= self.target

    def _in_a_hurry(self) -> bool:
        return len(self._interrupts) > 1 or signal.SIGTERM in self._interrupts

    def _hear(self) -> None:
        if not self._heard:
            self.view.notice(
                f"stopping: {len(self._running)} running trials are being finished; "
                "Ctrl-C again stops at once"
            )
        self._heard = len(self._interrupts)

    def _leave(self) -> None:
        """Let go of every trial that is not finished; the next search runs it."""
        with self.store.turn():
            for trial in [*self._running.values(), *self._asked]:
                self._interrupt(trial.number, died=False)
        self._running.clear()
        self._asked.clear()
        self._lease.release()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first Ctrl-C lets running trials finish, the second (or SIGTERM) stops at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, _: Any) -> None:
            self._interrupts.append(number)  # and no more: it may come in the middle of a print

        handlers = {
            number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    # --- where trials come from

    def _recover(self) -> None:
        """End the trials of drivers that are gone, and queue them again."""
        if time.monotonic() - self._recovered < RECOVER_SECONDS:
            return
        alive = leases(self.store)
        with self.store.turn():
            for trial in self.store.trials(TrialState.RUNNING):
                if self._is_abandoned(trial, alive):
                    self._interrupt(trial.number, died=True)
            self.store.requeue_lost()
        for driver in alive:
            if driver != self._lease.id and self._watch.is_dead(driver, alive):
                forget(self.store, driver)
        self._recovered = time.monotonic()

    def _is_abandoned(self, trial: FrozenTrial, alive: dict[str, Any]) -> bool:
        driver = trial.user_attrs.get("driver")
        if driver is None:
            return self._watch.is_nobodys(trial.number)
        if driver == self._lease.id:
            return trial.number not in {t.number for t in (*self._running.values(), *self._asked)}
        return self._watch.is_dead(driver, alive)

    def _interrupt(self, number: int, *, died: bool) -> None:
        self.store.interrupt(self.store.trial(number), died=died)
        self.tracker.put(run_record(self.store.trial(number)))

    def _hand_out(self) -> None:
        """Give every idle worker a trial, and have one more ready for the next."""
        if self._interrupts:
            return
        while self.workers.has_idle():
            trial = self._next()
            if trial is None:
                return
            self._running[trial.number] = trial
            self.workers.submit(Task(trial.number, trial.parameters.plain()))
            self.view.running(trial)
            self._track(trial)
        if not self._asked and (trial := self._ask()):
            self._asked.append(trial)

    def _next(self) -> RunningTrial | None:
        while self._asked:
            trial = self._asked.popleft()
            earlier = self._same_as(trial, self.store.trials())  # finished since it was asked?
            if earlier is None:
                return trial
            self._copy(trial, earlier)
        return self._ask()

    def _ask(self) -> RunningTrial | None:
        """The next trial that has to be trained; those that need not be are finished here."""
        while True:
            with self.store.turn():  # several drivers must not count the same trials
                trials = self.store.trials()
                open_or_done = sum(state_of(t) not in ("interrupted", "waiting") for t in trials)
                if open_or_done >= self.target:
                    return None
                trial = self._ask_optuna(len(trials))
            parameters = suggest(
                trial, self.problem.study, self.problem.table, self.problem.ranked_inputs
            )
            trial.set_user_attr("parameters", parameters.plain())
            asked = RunningTrial(trial, parameters, self.store.trial(trial.number))
            earlier = self._same_as(asked, trials)
            if earlier is None:
                return asked
            self._copy(asked, earlier)

    def _ask_optuna(self, count: int) -> optuna.Trial:
        # A sampler seeded once would draw the same trials again after a restart.
        seed = int(digest(self.problem.study.study.seed, count), 16) % 2**32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self.store.study.sampler = build_sampler(self.problem.study, seed)
            trial = self.store.study.ask()
        trial.set_user_attr("driver", self._lease.id)
        return trial

    def _same_as(self, trial: RunningTrial, trials: list[FrozenTrial]) -> FrozenTrial | None:
        """A finished trial with the same parameters: its result would be the same."""
        plain = trial.parameters.plain()
        for other in trials:
            if other.user_attrs.get("parameters") == plain and (
                other.state in (TrialState.COMPLETE, TrialState.PRUNED)
            ):
                return other
        return None

    # --- what becomes of them

    def _handle(self, event: Event) -> None:
        number = getattr(event, "number", None)
        trial = self._running.get(-1 if number is None else number)
        if isinstance(event, Lost) and event.number is None:
            self.view.notice(f"{event.reason}; the worker was replaced")
        if trial is None:
            return  # a last word about a trial that is told already
        match event:
            case Progress(report=report) if report.epoch > trial.epoch:
                self._progress(trial, report)
            case Done(outcome=outcome):
                self._complete(trial, outcome)
            case Failed(reason=reason):
                self._finish(trial, TrialState.FAIL, reason=reason)
            case Lost(reason=reason):
                self._worker_lost(trial, reason)

    def _progress(self, trial: RunningTrial, report: EpochReport) -> None:
        try:
            trial.trial.report(report.skill, report.epoch)
        except optuna.exceptions.UpdateFinishedTrialError:
            self.workers.stop(trial.number)
            self._let_go(trial, taken_over=True)
            return
        trial.add(report)
        self.view.running(trial)
        last = report.epoch >= trial.parameters.epochs
        if not last and not trial.is_reference and trial.trial.should_prune():
            self.workers.stop(trial.number)
            self._finish(trial, TrialState.PRUNED)
        else:
            self._track(trial)

    def _complete(self, trial: RunningTrial, outcome: Outcome) -> None:
        if not math.isfinite(outcome.skill):
            self._finish(trial, TrialState.FAIL, reason=f"skill is no number: {outcome.skill}")
            return
        self._finish(trial, TrialState.COMPLETE, outcome=outcome)
        if self._best is None or outcome.skill > self._best:
            self._best = outcome.skill
            self._track_best()

    def _worker_lost(self, trial: RunningTrial, reason: str) -> None:
        """Try a trial once more in another worker: it may not have been its fault."""
        trial.lost_workers += 1
        if trial.lost_workers > 1:
            self._finish(trial, TrialState.FAIL, reason=reason)
            return
        self.view.notice(f"trial {trial.number}: {reason}; trying it again in a new worker")
        del self._running[trial.number]
        self._asked.appendleft(trial)

    def _finish(
        self,
        trial: RunningTrial,
        state: TrialState,
        *,
        outcome: Outcome | None = None,
        reason: str | None = None,
    ) -> None:
        record: dict[str, Any] = {
            "history": trial.history,
            "train_seconds": round(trial.train_seconds, 3),
            "environment": self._environment(),
        }
        attrs: dict[str, Any] = {"record": record}
        if outcome is not None:
            record |= {"metrics": outcome.metrics, "folds": outcome.folds}
            record["seconds"] = round(outcome.seconds, 3)
            attrs["forecasts"] = outcome.forecasts
        if reason is not None:
            attrs["reason"] = reason
        self._tell(trial, state, attrs, outcome.skill if outcome else None)

    def _copy(self, trial: RunningTrial, earlier: FrozenTrial) -> None:
        """Give a trial the result of an earlier one with the same parameters."""
        attrs: dict[str, Any] = {
            key: earlier.user_attrs[key]
            for key in ("record", "forecasts")
            if key in earlier.user_attrs
        }
        attrs["duplicate_of"] = earlier.user_attrs.get("duplicate_of", earlier.number)
        for epoch, skill in sorted(earlier.intermediate_values.items())[-1:]:
            trial.trial.report(skill, epoch)  # Optuna takes it for the value of a pruned trial
        complete = earlier.state == TrialState.COMPLETE
        self._tell(trial, earlier.state, attrs, earlier.value if complete else None)

    def _tell(
        self, trial: RunningTrial, state: TrialState, attrs: dict[str, Any], value: float | None
    ) -> None:
        try:
            for key, attr in attrs.items():
                trial.trial.set_user_attr(key, attr)
            self.store.study.tell(trial.trial, value, state)
        except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
            self._let_go(trial, taken_over=True)
        else:
            self._let_go(trial)

    def _let_go(self, trial: RunningTrial, *, taken_over: bool = False) -> None:
        """Show a trial that is no longer this driver's, as it stands in the store."""
        if taken_over:
            self.view.notice(
                f"trial {trial.number}: this driver was silent for so long that another one has "
                "taken it over; this result is dropped"
            )
        self._running.pop(trial.number, None)
        told = self.store.trial(trial.number)
        self.tracker.put(run_record(told))
        self.view.finished(told)

    # --- what MLflow is told

    def _track(self, trial: RunningTrial) -> None:
        history = {key: list(values) for key, values in trial.history.items()}
        self.tracker.put(run_record(trial.begun, history))

    def _track_best(self) -> None:
        if self._best is not None:
            self.tracker.best(self.store.finished(), self._best)

    def _environment(self) -> dict[str, str]:
        return self.workers.description | {"data_hash": self.problem.table.hash}
