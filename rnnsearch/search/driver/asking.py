"""Where a driver's trials come from: the queue, the sampler, and drivers that are gone."""

import contextlib
import heapq
import math
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any

import optuna
from optuna.search_space import IntersectionSearchSpace

from rnnsearch.config import digest
from rnnsearch.search.driver.running import RunningTrial
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.balance import balanced, least_tried
from rnnsearch.search.space.samplers import build_sampler
from rnnsearch.search.space.suggesting import suggest
from rnnsearch.search.store.asked import AskedTrial, TakenOver
from rnnsearch.search.store.leases import Lease, LeaseWatch, forget, seems_gone
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import FAILED, INTERRUPTED, RUNNING, WAITING, TrialView

MEASURED_TRIALS = 5  # the best ones, of which it is known what each of their inputs is worth
RECOVER_SECONDS = 15.0  # between looks for trials of drivers that died


class Tried:
    """What has been tried, and what the best of it reached; each finished trial is looked at once.

    A worker waits for the answers, and a study may have ten thousand trials.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._by_parameters: dict[str, TrialView] = {}
        self._best: list[float] = []  # gains, from the best down

    def look_at(self, trials: Iterable[TrialView]) -> None:
        for trial in trials:
            if trial.number not in self._seen and trial.is_over:
                self._seen.add(trial.number)
                self._add(trial)

    def _add(self, trial: TrialView) -> None:
        if not trial.plain or trial.state in (FAILED, INTERRUPTED):
            return
        self._by_parameters.setdefault(digest(trial.plain), trial)
        if trial.is_original and trial.gain is not None:
            self._best = heapq.nlargest(MEASURED_TRIALS, [*self._best, trial.gain])

    def same_as(self, trial: RunningTrial) -> TrialView | None:
        """A finished trial with the same parameters: its result would be the same."""
        return self._by_parameters.get(digest(trial.parameters.plain()))

    def bar_of_the_best(self) -> float:
        """The gain above which a trial is among the MEASURED_TRIALS best so far."""
        return self._best[-1] if len(self._best) == MEASURED_TRIALS else -math.inf


class TrialSource:
    """Asks the store for trials in the name of one driver."""

    def __init__(
        self,
        problem: Problem,
        store: Store,
        lease: Lease,
        *,
        target: int,
        alone: bool,
        interrupted: Callable[[int], None],
    ) -> None:
        """`interrupted` is told of every trial that is ended here."""
        self._problem, self._store, self._lease = problem, store, lease
        self._target, self._interrupted = target, interrupted
        self.tried = Tried()
        self._watch = LeaseWatch(store, alone=alone)
        self._recovered = -RECOVER_SECONDS
        self._shared = IntersectionSearchSpace(include_pruned=True)

    def ask(self) -> RunningTrial | None:
        """One more trial, or None where the study has as many as it shall have."""
        while True:
            # Stopped on the way, this driver may find that another one has ended the trial.
            with contextlib.suppress(TakenOver):
                return self._ask()

    def _ask(self) -> RunningTrial | None:
        with self._store.turn():  # several drivers must not count the same trials
            trials = self._store.trials()
            open_or_done = sum(trial.state not in (INTERRUPTED, WAITING) for trial in trials)
            if open_or_done >= self._target:
                return None
            self.tried.look_at(trials)
            trial = self._ask_store(trials)
            settings = self._problem.study.study
            if settings.sampler == "grid" or settings.balance:  # what others have drawn counts
                return self._draw(trial)
        return self._draw(trial)

    def _draw(self, trial: AskedTrial) -> RunningTrial:
        problem = self._problem
        parameters = trial.draw(
            partial(suggest, study=problem.study, candidates=problem.candidates)
        )
        self._store.flush()
        return RunningTrial(trial, parameters, self._store.trial(trial.number))

    def _ask_store(self, trials: Sequence[TrialView]) -> AskedTrial:
        study = self._problem.study
        # A sampler seeded once would draw the same trials again after a restart.
        seed = int(digest(study.study.seed, len(trials)), 16) % 2**32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = build_sampler(study, seed, self._shared)
            if (name := study.study.balance) is not None:
                tried = [
                    trial.wanted.get(name)
                    for trial in trials
                    if trial.state not in (FAILED, INTERRUPTED)  # which have told nothing
                ]
                sampler = balanced(sampler, name, least_tried(getattr(study.space, name), tried))
            return self._store.ask(sampler, self._lease.id)

    def recover(self, mine: Collection[int]) -> None:
        """End the trials of drivers that are gone, and queue them again. `mine` are this one's."""
        if time.monotonic() - self._recovered < RECOVER_SECONDS:
            return
        with self._store.turn():
            alive = self._watch.look()
            for trial in self._store.trials(RUNNING):
                if self._is_abandoned(trial, alive, mine):
                    self._interrupt(trial.number, died=True)
            self._store.requeue_lost()
        for driver in alive:
            if driver != self._lease.id and self._watch.is_dead(driver, alive):
                forget(self._store, driver)
        self._recovered = time.monotonic()

    def _is_abandoned(self, trial: TrialView, alive: dict[str, Any], mine: Collection[int]) -> bool:
        if trial.driver is None:
            return self._watch.is_nobodys(trial.number)
        if trial.driver == self._lease.id:
            return trial.number not in mine
        return self._watch.is_dead(trial.driver, alive)

    def others_work(self) -> bool:
        """Whether another driver of the study seems to be at work."""
        alive = self._watch.look()
        others = {driver: lease for driver, lease in alive.items() if driver != self._lease.id}
        return any(
            not (self._watch.is_dead(driver, alive) or seems_gone(lease))
            for driver, lease in others.items()
        )

    def let_go(self, numbers: Collection[int]) -> None:
        """End trials that this driver will not finish; the next search runs them."""
        with self._store.turn():
            for number in numbers:
                self._interrupt(number, died=False)

    def _interrupt(self, number: int, *, died: bool) -> None:
        self._store.interrupt(self._store.trial(number), died=died)
        self._interrupted(number)
