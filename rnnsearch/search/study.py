"""The driver: asks Optuna for trials, has workers train them, prunes, tells, and resumes.

One driver per process. It alone talks to the study's store; workers see parameters and answer with
epochs. A trial lives here as `_Running` from its ask to its tell.
"""

import math
import signal
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import optuna
from optuna.trial import FrozenTrial, TrialState

from rnnsearch.config import StudyFile, digest, home
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
from rnnsearch.search.samplers import build_pruner, build_sampler
from rnnsearch.search.space import references, space_sizes, suggest
from rnnsearch.search.store import Store, only_driver, state_of
from rnnsearch.search.workers import LocalWorkers, plan_workers
from rnnsearch.tracking import Tracker
from rnnsearch.tracking import sync as bring_up_to_date

WAIT_SECONDS = 0.25  # longest wait for a worker's word, so that Ctrl-C is heard soon
RECOVER_SECONDS = 15.0  # between looks for trials of drivers that died
HISTORY = ("skill", "train_loss", "validation_loss", "gradient_norm")


@dataclass(eq=False)
class RunningTrial:
    """A trial of this driver, from ask to tell."""

    trial: optuna.Trial
    parameters: TrialParameters
    reference: str | None = None
    history: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in HISTORY})
    lost_workers: int = 0
    train_seconds: float = 0.0

    @property
    def number(self) -> int:
        return self.trial.number

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
        self._lease = Lease(store, workers.count)
        self._watch = LeaseWatch(store, alone=alone)
        self._recovered = 0.0
        self._best = max(
            (t.value for t in store.trials(TrialState.COMPLETE) if t.value is not None),
            default=float("-inf"),
        )
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
        missing = self.tracker.finish()
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
        if len(self._interrupts) > 1 or signal.SIGTERM in self._interrupts:
            return True
        if self._interrupts:
            return not self._running
        return not (self._running or self._asked) and self.store.finished() >= self.target

    def _leave(self) -> None:
        """Let go of every trial that is not finished; the next search runs it."""
        for trial in [*self._running.values(), *self._asked]:
            self._interrupt(self._frozen(trial.number))
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
            self._interrupts.append(number)
            if len(self._interrupts) == 1 and number == signal.SIGINT:
                self.view.notice(
                    f"stopping: {len(self._running)} running trials are being finished; "
                    "Ctrl-C again stops at once"
                )

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
        for trial in self.store.trials(TrialState.RUNNING):
            driver = trial.user_attrs.get("driver")
            if driver != self._lease.id and self._watch.is_dead(driver, alive):
                self._interrupt(trial)
        for driver in alive:
            if driver != self._lease.id and self._watch.is_dead(driver, alive):
                forget(self.store, driver)
        self.store.requeue_lost()
        self._recovered = time.monotonic()

    def _interrupt(self, trial: FrozenTrial) -> None:
        self.store.interrupt(trial)
        self.tracker.put(run_record(self._frozen(trial.number)))

    def _hand_out(self) -> None:
        """Give every idle worker a trial, and have one more ready for the next."""
        if self._interrupts:
            return
        while self.workers.has_idle():
            trial = self._asked.popleft() if self._asked else self._ask()
            if trial is None:
                return
            self._running[trial.number] = trial
            self.workers.submit(Task(trial.number, trial.parameters.plain()))
            self.view.running(trial)
            self._track(trial)
        if not self._asked and (trial := self._ask()):
            self._asked.append(trial)

    def _ask(self) -> RunningTrial | None:
        """The next trial that has to be trained; those that need not be are finished here."""
        while True:
            trials = self.store.trials()
            open_or_done = sum(state_of(t) not in ("interrupted", "waiting") for t in trials)
            if open_or_done >= self.target:
                return None
            trial = self._ask_optuna(len(trials))
            earlier = self._same_as(trial, trials)
            if earlier is None:
                return trial
            self._copy(trial, earlier)

    def _ask_optuna(self, count: int) -> RunningTrial:
        # A sampler seeded once would draw the same trials again after a restart.
        seed = int(digest(self.problem.study.study.seed, count), 16) % 2**32
        study = self.store.study
        study.sampler = build_sampler(self.problem.study, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            trial = study.ask()
            trial.set_user_attr("driver", self._lease.id)
            parameters = suggest(trial, self.problem.study, self.problem.table)
        trial.set_user_attr("parameters", parameters.plain())
        return RunningTrial(trial, parameters, trial.user_attrs.get("reference"))

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
        trial.add(report)
        trial.trial.report(report.skill, report.epoch)
        self.view.running(trial)
        last = report.epoch >= trial.parameters.epochs
        if not last and trial.reference is None and trial.trial.should_prune():
            self.workers.stop(trial.number)
            self._finish(trial, TrialState.PRUNED)
        else:
            self._track(trial)

    def _complete(self, trial: RunningTrial, outcome: Outcome) -> None:
        self._finish(trial, TrialState.COMPLETE, outcome=outcome)
        if outcome.skill > self._best:
            self._best = outcome.skill
            self.tracker.best(trial.number, outcome.skill)

    def _worker_lost(self, trial: RunningTrial, reason: str) -> None:
        """Try a trial once more in another worker: it may not have been its fault."""
        trial.lost_workers += 1
        del self._running[trial.number]
        if trial.lost_workers > 1:
            self._running[trial.number] = trial
            self._finish(trial, TrialState.FAIL, reason=reason)
            return
        self.view.notice(f"trial {trial.number}: {reason}; trying it again in a new worker")
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
        del self._running[trial.number]
        self._tell(trial, state, attrs, outcome.skill if outcome else None)

    def _copy(self, trial: RunningTrial, earlier: FrozenTrial) -> None:
        """Give a trial the result of an earlier one with the same parameters."""
        attrs: dict[str, Any] = {
            key: earlier.user_attrs[key]
            for key in ("record", "forecasts")
            if key in earlier.user_attrs
        }
        attrs["duplicate_of"] = earlier.user_attrs.get("duplicate_of", earlier.number)
        value = earlier.value
        if earlier.state == TrialState.PRUNED and value is not None:
            trial.trial.report(value, max(earlier.intermediate_values))
            value = None
        self._tell(trial, earlier.state, attrs, value)

    def _tell(
        self, trial: RunningTrial, state: TrialState, attrs: dict[str, Any], value: float | None
    ) -> None:
        try:
            for key, attr in attrs.items():
                trial.trial.set_user_attr(key, attr)
            self.store.study.tell(trial.trial, value, state)
        except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
            self.view.notice(
                f"trial {trial.number}: another driver has taken it over; this result is dropped"
            )
            return
        frozen = self._frozen(trial.number)
        self.tracker.put(run_record(frozen))
        self.view.finished(frozen)

    def _track(self, trial: RunningTrial) -> None:
        history = {key: list(values) for key, values in trial.history.items()}
        self.tracker.put(run_record(self._frozen(trial.number), history))

    def _frozen(self, number: int) -> FrozenTrial:
        return self.store.trials()[number]

    def _environment(self) -> dict[str, str]:
        return self.workers.description | {"data_hash": self.problem.table.hash}


def search(study: StudyFile, view: View, *, trials: str | None = None) -> Store:
    """Search a study until it has its finished trials, and resume it if it exists.

    `trials`: "100" sets how many finished trials it shall have, "+50" asks for 50 more.
    Raises Interrupted after a signal, else the errors of `Problem`, `Store` and workers.
    """
    problem = Problem.load(study)
    for warning in (*problem.prices.warnings, *problem.table.notes):
        view.notice(warning)
    device, count, per_device = plan_workers(study.run.device, study.run.workers)
    with closing(LocalWorkers(problem.worker_setup(device, per_device), count)) as workers:
        store = Store(study)
        with only_driver(store) as alone:
            store.claim(study.fingerprint(), problem.data_record())
            store.study.pruner = build_pruner(study)
            target = _target(study, store, problem, trials)
            store.note("target_trials", target)
            store.note("study_file", study.model_dump(mode="json"))
            if not store.trials() and study.study.references:
                for name, values in references(study, problem.table).items():
                    store.study.enqueue_trial(values, user_attrs={"reference": name})
            view.begin(store, target, count)
            Driver(problem, store, workers, view, target=target, alone=alone).run()
    return store


def _target(study: StudyFile, store: Store, problem: Problem, trials: str | None) -> int:
    """Finished trials wanted: the flag, else the larger of the file's and what was asked before."""
    if trials is None:
        target = max(study.study.trials, store.target_trials)
    elif trials.startswith("+"):
        target = store.finished() + int(trials)
    else:
        target = int(trials)
    if study.study.sampler == "grid":
        target = int(min(target, math.prod(space_sizes(study, problem.table).values())))
    return target


def sync(study: StudyFile) -> dict[str, int]:
    """Make MLflow say what the store says; see `tracking.sync`."""
    problem = Problem.load(study)
    store = Store(study, create=False)
    finished = [run_record(t) for t in store.trials() if t.state.is_finished()]
    uri = tracking_uri(study)
    done = bring_up_to_date(uri, parent_record(problem), home() / "artifacts", finished)
    store.mark_tracked("sync", uri, {record.number for record in finished})
    return done
