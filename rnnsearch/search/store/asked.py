"""A trial that this driver has asked for, until it is told. Who trains it knows no Optuna."""

from collections.abc import Callable
from typing import Any

import optuna
from optuna.trial import BaseTrial

from rnnsearch.search.store.seals import seal_of_trial
from rnnsearch.search.store.view import DRIVER, OPTUNAS, PARAMETERS, RECORD, SEAL, Told
from rnnsearch.search.trial.parameters import TrialParameters

TakenOver = optuna.exceptions.UpdateFinishedTrialError
"""Another driver has ended the trial."""


class AskedTrial:
    """What is said of it waits for `Store.flush`, but for its end."""

    def __init__(self, study: optuna.Study, trial: optuna.Trial, driver: str) -> None:
        self._study, self._trial = study, trial
        self.number = trial.number
        self._parameters: dict[str, Any] = {}
        trial.set_user_attr(DRIVER, driver)

    def draw(self, suggest: Callable[[BaseTrial], TrialParameters]) -> TrialParameters:
        """Its parameters. Raises TakenOver."""
        parameters = suggest(self._trial)
        self._parameters = parameters.plain()
        self._trial.set_user_attr(PARAMETERS, self._parameters)
        return parameters

    def report(self, gain: float, epoch: int) -> None:
        """Raises TakenOver."""
        self._trial.report(gain, epoch)

    def should_prune(self) -> bool:
        return self._trial.should_prune()

    def tell(self, told: Told) -> None:
        """End it. Nothing is changed where it has ended before, by whomever."""
        try:
            for epoch, gain in told.reports.items():
                self._trial.report(gain, epoch)
            for key, value in told.attributes.items():
                self._trial.set_user_attr(key, value)
            if RECORD in told.attributes:
                facts = {PARAMETERS: self._parameters} | told.attributes
                self._trial.set_user_attr(SEAL, seal_of_trial(facts))
            self._study.tell(self._trial, told.value, OPTUNAS[told.state])
        except (ValueError, TakenOver):
            pass  # another driver has ended it, or this one has, in an attempt before
