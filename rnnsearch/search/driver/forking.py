"""A new study that begins with what an old one found, as far as that still applies.

A finished trial's value is as good as one trained now where the prices, the rows of every fold, the
seed, the precision and rnnsearch are the same: it is copied. Of the others the best are queued, to
be trained again. Both must lie inside the new space.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from rnnsearch.errors import StudyFileError
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.suggesting import suggest
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.tracking import shown_uri
from rnnsearch.version import __version__

KEPT = ("parameters", "record", "forecasts", "reference")


class Fork:
    """Fills a study that no driver has claimed; killed on the way, another fork completes it."""

    def __init__(self, store: Store, old: Store, problem: Problem) -> None:
        """Raises StudyFileError where the study is there already."""
        if "fingerprint" in store.study.user_attrs:
            raise StudyFileError(
                f"--fork: there is a study {store.name!r} in {shown_uri(store.url)} already; "
                f'choose another name, or set [study] name = "{store.name}" to go on with it'
            )
        self._store, self._problem = store, problem
        self.old = old.name
        was = old.study.user_attrs.get("data", {}).get("scored_on")
        self._same_rows = was == problem.data_record()["scored_on"]
        self._trials = [trial for trial in old.trials() if "duplicate_of" not in trial.user_attrs]

    def copy(self) -> int:
        """Copy the trials whose values still hold; returns how many the study has."""
        there = self._there()
        copied = 0
        for trial, drawn, parameters in self._inside(TrialState.COMPLETE, TrialState.PRUNED):
            if not self._holds(trial, parameters):
                continue
            copied += 1
            if trial.number not in there:
                attrs = {key: trial.user_attrs[key] for key in KEPT if key in trial.user_attrs}
                copy = optuna.trial.create_trial(
                    state=trial.state,
                    value=trial.value,
                    params=drawn.params,
                    distributions=drawn.distributions,
                    user_attrs=attrs | {"forked_from": trial.number},
                    intermediate_values=trial.intermediate_values,
                )
                copy.datetime_start = trial.datetime_start
                copy.datetime_complete = trial.datetime_complete
                self._store.study.add_trial(copy)
        return copied

    def queue(self, most: int) -> int:
        """Queue the best of the others, at most so many; returns how many are queued."""
        there = self._there()
        queued = 0
        others = [
            (trial, drawn)
            for trial, drawn, parameters in self._inside(TrialState.COMPLETE)
            if not self._holds(trial, parameters) and "reference" not in trial.user_attrs
        ]
        for trial, drawn in sorted(others, key=lambda one: -(one[0].value or 0.0))[: max(most, 0)]:
            queued += 1
            if trial.number not in there:
                attrs = {"forked_from": trial.number}
                self._store.study.enqueue_trial(drawn.params, user_attrs=attrs)
        return queued

    def _there(self) -> set[Any]:
        return {trial.user_attrs.get("forked_from") for trial in self._store.trials()}

    def _inside(
        self, *states: TrialState
    ) -> Iterator[tuple[FrozenTrial, optuna.trial.FixedTrial, TrialParameters]]:
        """The old trials that the new space can draw: the trial, drawn anew, what it is then."""
        problem = self._problem
        for trial in self._trials:
            if trial.state not in states:
                continue
            drawn = optuna.trial.FixedTrial(_values(trial, problem.table.names))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")  # Optuna warns of a value out of its range
                    parameters = suggest(drawn, problem.study, problem.candidates)
            except (ValueError, TypeError, UserWarning):
                continue
            if _but_inputs(parameters.plain()) == _but_inputs(trial.user_attrs["parameters"]):
                yield trial, drawn, parameters

    def _holds(self, trial: FrozenTrial, parameters: TrialParameters) -> bool:
        """Whether a trial trained now would come to the same value."""
        environment = trial.user_attrs["record"]["environment"]
        made_by = environment.get("rnnsearch"), environment.get("precision")
        return (
            self._same_rows
            and parameters.plain() == trial.user_attrs["parameters"]
            and made_by == (__version__, self._problem.study.run.precision)
        )


def _values(trial: FrozenTrial, inputs: tuple[str, ...]) -> dict[str, Any]:
    """What was drawn for a trial, and what was fixed then and may be drawn now."""
    plain = trial.user_attrs["parameters"]
    neurons = plain["neurons"]
    fixed: dict[str, Any] = plain | {"layers": len(neurons), "neurons": neurons[0]}
    fixed |= {f"neurons_{layer}": units for layer, units in enumerate(neurons, start=1)}
    fixed |= {f"input.{name}": name in plain["inputs"] for name in inputs}
    return fixed | trial.params


def _but_inputs(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in plain.items() if key not in ("inputs", "seed")}
