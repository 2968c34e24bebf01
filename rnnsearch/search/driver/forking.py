"""A new study that begins with what an old one found, as far as that still applies.

A finished trial's value is as good as one trained now where the prices, the rows of every fold, the
seed, the precision and rnnsearch are the same: it is copied. Of the others the best are queued, to
be trained again. Both must lie inside the new space.
"""

import warnings
from collections.abc import Iterator
from typing import Any

from optuna.trial import FixedTrial

from rnnsearch.errors import StudyFileError
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.suggesting import suggest
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import COMPLETE, PRUNED, TrialView
from rnnsearch.search.trial.parameters import USUAL, TrialParameters
from rnnsearch.tracking import shown_uri
from rnnsearch.version import __version__


class Fork:
    """Fills a study that no driver has claimed; killed on the way, another fork completes it."""

    def __init__(self, store: Store, old: Store, problem: Problem) -> None:
        """Raises StudyFileError where the study is there already."""
        if store.is_claimed:
            raise StudyFileError(
                f"--fork: there is a study {store.name!r} in {shown_uri(store.url)} already; "
                f'choose another name, or set [study] name = "{store.name}" to go on with it'
            )
        self._store, self._problem = store, problem
        self.old = old.name
        was = old.data.get("scored_on")
        self._same_rows = was == problem.data_record()["scored_on"]
        self._trials = [trial for trial in old.trials() if trial.is_original]

    def copy(self) -> int:
        """Copy the trials whose values still hold; returns how many the study has."""
        there = self._there()
        copied = 0
        for trial, drawn, parameters in self._inside(COMPLETE, PRUNED):
            if not self._holds(trial, parameters):
                continue
            copied += 1
            if trial.number not in there:
                self._store.copy(trial, drawn)
        return copied

    def queue(self, most: int) -> int:
        """Queue the best of the others, at most so many; returns how many are queued."""
        there = self._there()
        queued = 0
        others = [
            (trial, drawn)
            for trial, drawn, parameters in self._inside(COMPLETE)
            if not self._holds(trial, parameters) and trial.reference is None
        ]
        for trial, drawn in sorted(others, key=lambda one: -(one[0].value or 0.0))[: max(most, 0)]:
            queued += 1
            if trial.number not in there:
                self._store.queue(drawn.params, forked_from=trial.number)
        return queued

    def _there(self) -> set[Any]:
        return {trial.forked_from for trial in self._store.trials()}

    def _inside(self, *states: str) -> Iterator[tuple[TrialView, FixedTrial, TrialParameters]]:
        """The old trials that the new space can draw: the trial, drawn anew, what it is then."""
        problem = self._problem
        for trial in self._trials:
            if trial.state not in states:
                continue
            drawn = FixedTrial(_values(trial, problem.table.names))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")  # Optuna warns of a value out of its range
                    parameters = suggest(drawn, problem.study, problem.candidates)
            except (ValueError, TypeError, UserWarning):
                continue
            if _but_inputs(parameters.plain()) == _but_inputs(trial.plain):
                yield trial, drawn, parameters

    def _holds(self, trial: TrialView, parameters: TrialParameters) -> bool:
        """Whether a trial trained now would come to the same value."""
        made_by = tuple(trial.environment.get(key) for key in ("rnnsearch", "precision"))
        return (
            self._same_rows
            and parameters.plain() == trial.plain
            and made_by == (__version__, self._problem.study.run.precision)
        )


def _values(trial: TrialView, inputs: tuple[str, ...]) -> dict[str, Any]:
    """What was drawn for a trial, and what was fixed then and may be drawn now."""
    plain = trial.plain
    neurons = plain["neurons"]
    fixed: dict[str, Any] = USUAL | plain | {"layers": len(neurons), "neurons": neurons[0]}
    fixed |= {f"neurons_{layer}": units for layer, units in enumerate(neurons, start=1)}
    fixed |= {f"input.{name}": name in plain["inputs"] for name in inputs}
    return fixed | trial.drawn


def _but_inputs(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in plain.items() if key not in ("inputs", "seed")}
