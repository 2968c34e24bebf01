"""What becomes of a driver's trials: told to the store, then shown in MLflow and to the user.

Each method may be called again where the storage failed on the way: what it says is the same.
"""

import math

from rnnsearch.config import home
from rnnsearch.search.driver.running import RunningTrial, View
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.records import parent_record, run_record, tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import COMPLETE, Told, TrialView
from rnnsearch.search.trial.protocol import Outcome
from rnnsearch.shown import number_of
from rnnsearch.tracking import Tracker, best_measures


class Teller:
    """Tells the trials of one driver, and keeps MLflow up with the store."""

    def __init__(self, problem: Problem, store: Store, view: View, driver: str) -> None:
        """MLflow is first brought up to date with what earlier drivers left."""
        self._store, self._view, self._driver = store, view, driver
        self._data_hash = problem.table.hash
        self._uri = tracking_uri(problem.study)
        self._best = self._best_of_all()
        self._logged: frozenset[int] = frozenset()  # by MLflow's thread
        self._noted: frozenset[int] = frozenset()  # of these, in the store
        self._lacking: set[str] = set()  # what was said of measures that workers lack
        known = store.tracked(self._uri)
        self._tracker = Tracker(
            self._uri,
            parent_record(problem, store.id),
            home() / "artifacts",
            missing=[
                run_record(trial)
                for trial in store.trials()
                if trial.is_over and trial.number not in known
            ],
            written=self._written,
            notice=view.notice,
        )

    def running(self, trial: RunningTrial) -> None:
        """A trial has begun, or has trained an epoch more."""
        self._view.running(trial)
        history = {key: list(values) for key, values in trial.history.items()}
        self._tracker.put(run_record(trial.begun, history))

    def finish(
        self,
        trial: RunningTrial,
        state: str,
        environment: dict[str, str],
        *,
        outcome: Outcome | None = None,
        reason: str | None = None,
    ) -> None:
        if outcome is not None and outcome.lacking not in {"", *self._lacking}:
            self._lacking.add(outcome.lacking)
            self._view.notice(
                f"trial {trial.number} was trained, but where it was, [evaluate] metrics cannot be "
                f"measured: {outcome.lacking}; such trials show none of them. Install there what "
                "the file imports, or leave them out"
            )
        environment = environment | {"data_hash": self._data_hash}
        if trial.kernels is not None:
            environment["kernels"] = trial.kernels
        told = Told.trained(
            state, trial.history, trial.train_seconds, environment, outcome=outcome, reason=reason
        )
        self._tell(trial, told)

    def copy(self, trial: RunningTrial, earlier: TrialView) -> None:
        """Give a trial the result of an earlier one with the same parameters."""
        self._tell(trial, Told.like(earlier))

    def _tell(self, trial: RunningTrial, told: Told) -> None:
        trial.asked.tell(told)
        now = self._store.trial(trial.number)
        if (now.state, now.reason) != (told.state, told.reason):
            self._say_taken_over(now)
        self._show(now)

    def taken_over(self, trial: RunningTrial) -> None:
        """A trial is no longer this driver's: show it as it stands in the store."""
        told = self._store.trial(trial.number)
        self._say_taken_over(told)
        self._show(told)

    def _say_taken_over(self, told: TrialView) -> None:
        self._view.notice(
            f"trial {told.number}: this driver was silent for so long that another one has "
            "taken it over; this result is dropped"
        )

    def _show(self, told: TrialView) -> None:
        self._tracker.put(run_record(told))
        self._view.finished(told)
        if told.is_complete and (told.value or 0.0) > self._best:
            self.show_best()

    def interrupted(self, number: int) -> None:
        """A trial was ended without a result; the user hears of the one that is queued for it."""
        self._view.let_go(number)
        self._tracker.put(run_record(self._store.trial(number)))

    def show_best(self) -> None:
        """Have MLflow show the best gain of all drivers' trials so far."""
        self._best = self._best_of_all()
        if self._best > -math.inf:
            metrics = [trial.metrics for trial in self._store.trials(COMPLETE)]
            self._tracker.best(self._store.finished(), best_measures(metrics))

    def _best_of_all(self) -> float:
        gains = (trial.gain for trial in self._store.trials(COMPLETE))
        return max((gain for gain in gains if gain is not None), default=-math.inf)

    # --- MLflow

    def _written(self, numbers: list[int]) -> None:
        self._logged |= set(numbers)

    @property
    def is_tracked(self) -> bool:
        """Whether MLflow has all it was told, or does not answer."""
        return self._tracker.is_idle

    def note_tracked(self) -> None:
        """Note in the store what MLflow has by now."""
        logged = self._logged
        if logged != self._noted:
            self._store.mark_tracked(self._driver, self._uri, set(logged))
            self._noted = logged

    def finish_tracking(self, patience: float, *, last: bool) -> None:
        """Have MLflow's thread write what is left, or say what it could not.

        `last`: no other driver of the study is at work.
        """
        if missing := self._tracker.finish(patience, last=last):
            self._view.notice(
                f"{number_of(missing, 'trial is', 'trials are')} not in MLflow yet; "
                f"`rnnsearch sync` writes {'it' if missing == 1 else 'them'} later"
            )
