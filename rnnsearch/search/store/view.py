"""One trial as the store has it. Here alone stands under which names Optuna keeps a trial's facts.

    TrialView   a trial, read
    Told        what becomes of a trial, to be written

A trial has a driver and parameters once it was asked for, and a record once it was told: its
curves, metrics, folds and versions. A trial that was queued may have a reference, retry_of, deaths
or forked_from before.

A trial whose driver is gone ends with the reason `interrupted`. It counts neither as failed nor
towards the target.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from rnnsearch.arrays import Floats
from rnnsearch.model.paths import shaped
from rnnsearch.scoring.metrics import renamed
from rnnsearch.search.trial.packing import unpack
from rnnsearch.search.trial.parameters import USUAL, TrialParameters
from rnnsearch.search.trial.protocol import Outcome

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"
RUNNING, WAITING, INTERRUPTED = "running", "waiting", "interrupted"
STATES = {
    TrialState.COMPLETE: COMPLETE,
    TrialState.PRUNED: PRUNED,
    TrialState.FAIL: FAILED,
    TrialState.RUNNING: RUNNING,
    TrialState.WAITING: WAITING,
}
OPTUNAS = {state: theirs for theirs, state in STATES.items()}
FINISHED = (COMPLETE, PRUNED, FAILED)
"""The states that count towards the target."""

# Attributes of a trial in Optuna's storage.
DRIVER = "driver"  # who runs it
PARAMETERS = "parameters"  # TrialParameters.plain()
RECORD = "record"  # losses, metrics, folds, versions, what each input is worth
FORECASTS = "forecasts"  # of the validation rows, packed
QUANTILES = "quantiles"  # the same of each level, where they were forecast
REASON = "reason"  # why it has no result
DUPLICATE_OF = "duplicate_of"  # number of the trial whose result it has
RETRY_OF = "retry_of"  # ... of the interrupted trial that it is queued for
FORKED_FROM = "forked_from"  # ... in the old study
REFERENCE = "reference"  # name of the reference that it is
DEATHS = "deaths"  # drivers that died with it
SURPLUS = "surplus"  # it was one too many
SEAL = "seal"  # what parameters, record, forecasts and quantiles came to; see `seals`
KEPT_BY_FORKS = (PARAMETERS, RECORD, FORECASTS, QUANTILES, REFERENCE, SEAL)


@dataclass(frozen=True, slots=True)
class TrialView:
    """A trial as it was when it was read; not to be changed. What it does not have is None or
    empty."""

    _trial: FrozenTrial

    @property
    def number(self) -> int:
        return self._trial.number

    # --- how far it is

    @property
    def state(self) -> str:
        """complete, pruned, failed, running, waiting or interrupted."""
        if self._trial.state == TrialState.FAIL and self.reason == INTERRUPTED:
            return INTERRUPTED
        return STATES[self._trial.state]

    @property
    def is_complete(self) -> bool:
        return self._trial.state == TrialState.COMPLETE

    @property
    def is_over(self) -> bool:
        """Whether it has ended, with a result or without."""
        return self._trial.state.is_finished()

    @property
    def is_original(self) -> bool:
        """Whether its result is its own, and not that of an earlier trial with its parameters."""
        return DUPLICATE_OF not in self._trial.user_attrs

    @property
    def started(self) -> datetime | None:
        return self._trial.datetime_start

    @property
    def ended(self) -> datetime | None:
        return self._trial.datetime_complete

    # --- what was tried

    @property
    def plain(self) -> dict[str, Any]:
        """Its parameters as its version of rnnsearch wrote them; empty where there are none yet."""
        plain: dict[str, Any] = self._trial.user_attrs.get(PARAMETERS, {})
        return plain

    @property
    def parameters(self) -> TrialParameters:
        return TrialParameters.from_plain(self._trial.user_attrs[PARAMETERS])

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self._trial.user_attrs[PARAMETERS]["inputs"])

    @property
    def input_shift(self) -> int | dict[str, int]:
        """Of all inputs, or of each family that is used."""
        shift: int | dict[str, int] = self._trial.user_attrs[PARAMETERS]["input_shift"]
        return shift

    @property
    def output_shift(self) -> int:
        return int(self._trial.user_attrs[PARAMETERS]["output_shift"])

    @property
    def steps(self) -> int:
        """Sessions forecast at once."""
        return int(self._trial.user_attrs[PARAMETERS].get("steps", 1))

    @property
    def drawn(self) -> dict[str, Any]:
        """The values that were suggested, by the names of the space."""
        return self._trial.params

    @property
    def as_drawn(self) -> dict[str, Any]:
        """What its parameters do not say, as it is what earlier trials had, though it was drawn."""
        return {k: v for k, v in USUAL.items() if self.plain and k in self.drawn} | {
            k: v for k, v in self.plain.items() if k in USUAL
        }

    @property
    def wanted(self) -> dict[str, Any]:
        """What it was drawn as, or shall be once somebody asks for it."""
        fixed: dict[str, Any] = self._trial.system_attrs.get("fixed_params", {})
        return fixed | self._trial.params

    # --- what came of it

    @property
    def value(self) -> float | None:
        """Its gain; of a pruned trial the last one that was reported."""
        return self._trial.value

    @property
    def gain(self) -> float | None:
        """A complete trial's gain, which the search maximises; None of another one."""
        return self._trial.value if self.is_complete else None

    @property
    def skill(self) -> float | None:
        """A complete trial's skill; None of another one."""
        if not self.is_complete:
            return None
        skill = self.record.get("metrics", {}).get("skill", self._trial.value)
        return None if skill is None else float(skill)

    @property
    def record(self) -> dict[str, Any]:
        """All that was told with its end."""
        record: dict[str, Any] = self._trial.user_attrs.get(RECORD, {})
        return record

    @property
    def metrics(self) -> dict[str, float]:
        """Of the validation rows of all folds together, model and naive forecasts, by the names
        of today. Raises KeyError where a complete trial has lost them."""
        if self.is_complete:
            return renamed(self._trial.user_attrs[RECORD]["metrics"])
        return renamed(self.record.get("metrics", {}))

    @property
    def folds(self) -> list[dict[str, float]]:
        """The metrics of each fold, by the names of today."""
        return [renamed(fold) for fold in self.record.get("folds", [])]

    @property
    def curves(self) -> dict[str, list[float]]:
        """Name -> a value per epoch."""
        curves: dict[str, list[float]] = self.record.get("history", {})
        return curves

    @property
    def gains(self) -> Sequence[float]:
        """What the search compared after each epoch; skill, in trials from before there were
        gains."""
        return self.curves.get("gain") or self.curves.get("skill") or ()

    @property
    def permutation(self) -> dict[str, float]:
        """Input -> skill lost without it, where that was measured."""
        losses: dict[str, float] = self.record.get("permutation", {})
        return losses

    @property
    def environment(self) -> dict[str, Any]:
        """Device, versions and data of the worker."""
        environment: dict[str, Any] = self.record.get("environment", {})
        return environment

    @property
    def seconds(self) -> float | None:
        """From its first word to its last."""
        return self.record.get("seconds")

    @property
    def forecasts(self) -> Floats:
        """Of the validation rows of all folds, in the target's unit: (m,), of a path (m, k)."""
        return shaped(unpack(self._trial.user_attrs[FORECASTS]), self.steps)

    @property
    def quantiles(self) -> Floats | None:
        """(m, Q) of the same rows; None where only points were forecast."""
        packed = self._trial.user_attrs.get(QUANTILES)
        levels = len(self.parameters.quantiles)
        return unpack(packed).reshape(-1, levels) if packed and levels else None

    @property
    def reports(self) -> dict[int, float]:
        """Epoch -> gain, as they were reported for the pruner."""
        return self._trial.intermediate_values

    # --- who ran it, and why

    @property
    def driver(self) -> str | None:
        return self._trial.user_attrs.get(DRIVER)

    @property
    def reason(self) -> str | None:
        return self._trial.user_attrs.get(REASON)

    @property
    def reference(self) -> str | None:
        return self._trial.user_attrs.get(REFERENCE)

    @property
    def duplicate_of(self) -> int | None:
        return self._trial.user_attrs.get(DUPLICATE_OF)

    @property
    def retry_of(self) -> int | None:
        return self._trial.user_attrs.get(RETRY_OF)

    @property
    def forked_from(self) -> int | None:
        return self._trial.user_attrs.get(FORKED_FROM)

    @property
    def deaths(self) -> int:
        return int(self._trial.user_attrs.get(DEATHS, 0))

    @property
    def is_surplus(self) -> bool:
        return SURPLUS in self._trial.user_attrs

    # --- for the store

    def shows(self, trial: FrozenTrial) -> bool:
        """Whether this is a view of just this object, which nobody changes."""
        return self._trial is trial

    @property
    def id(self) -> int:
        """Optuna's, among the trials of all studies."""
        return self._trial._trial_id

    def kept(self, keys: Iterable[str]) -> dict[str, Any]:
        """Those of its attributes that it has."""
        attrs = self._trial.user_attrs
        return {key: attrs[key] for key in keys if key in attrs}

    def copied(self, params: dict[str, Any], ranges: dict[str, BaseDistribution]) -> FrozenTrial:
        """This trial for another study, drawn there with these values out of these ranges."""
        copy = create_trial(
            state=self._trial.state,
            value=self._trial.value,
            params=params,
            distributions=ranges,
            user_attrs=self.kept(KEPT_BY_FORKS) | {FORKED_FROM: self.number},
            intermediate_values=self._trial.intermediate_values,
        )
        copy.datetime_start = self._trial.datetime_start
        copy.datetime_complete = self._trial.datetime_complete
        return copy


def trained(trials: Iterable[TrialView]) -> list[TrialView]:
    """Each configuration that was trained to its end, once."""
    return [trial for trial in trials if trial.is_complete and trial.is_original]


def best_first(trials: Iterable[TrialView]) -> list[TrialView]:
    """By value, and of those with one value the earlier before the later."""
    return sorted(trials, key=lambda trial: (-(trial.value or 0.0), trial.number))


@dataclass(frozen=True, kw_only=True)
class Told:
    """What becomes of a trial: a state of `FINISHED`, and what it has to show for it."""

    state: str
    value: float | None = None  # its gain
    attributes: dict[str, Any] = field(default_factory=dict)
    reports: dict[int, float] = field(default_factory=dict)

    @property
    def reason(self) -> str | None:
        return self.attributes.get(REASON)

    @classmethod
    def trained(
        cls,
        state: str,
        curves: Mapping[str, Sequence[float]],
        train_seconds: float,
        environment: Mapping[str, str],
        *,
        outcome: Outcome | None = None,
        reason: str | None = None,
    ) -> Self:
        """`outcome` of one that came to its end, `reason` of one that failed."""
        record: dict[str, Any] = {
            "history": curves,
            "train_seconds": round(train_seconds, 3),
            "environment": environment,
        }
        attributes: dict[str, Any] = {RECORD: record}
        if outcome is not None:
            record |= {"metrics": outcome.metrics, "folds": outcome.folds}
            record["seconds"] = round(outcome.seconds, 3)
            if outcome.permutation:
                record["permutation"] = outcome.permutation
            attributes[FORECASTS] = outcome.forecasts
            if outcome.quantiles:
                attributes[QUANTILES] = outcome.quantiles
        if reason is not None:
            attributes[REASON] = reason
        return cls(state=state, value=outcome.gain if outcome else None, attributes=attributes)

    @classmethod
    def like(cls, earlier: TrialView) -> Self:
        """The result of an earlier trial with the same parameters."""
        first = earlier.number if earlier.is_original else earlier.duplicate_of
        return cls(
            state=earlier.state,
            value=earlier.gain,
            attributes=earlier.kept((RECORD, FORECASTS, QUANTILES)) | {DUPLICATE_OF: first},
            # Optuna takes the last report for the value of a pruned trial.
            reports=dict(sorted(earlier.reports.items())[-1:]),
        )
