"""Optuna's storage for a driver: what this process wrote itself it need not read again.

Optuna's own cache reads every unfinished trial anew before each proposal and each thought of
pruning, and commits every parameter, attribute and report by itself. With hundreds of running
trials that costs more than all else. But a running trial is written by its driver alone. So here
the driver's own trials are kept up to date in memory, what is written to them waits for `flush`,
and goes to the database in one transaction, always before the trial's end does. Of other drivers'
running trials it asks for the state, and reads in full those that began or ended; their epochs,
which only pruners by rungs look at, are read every EPOCHS_SECONDS.

A trial that another driver has ended meanwhile is dropped by `flush`; the next write to it raises
Optuna's `UpdateFinishedTrialError`.

It stands on the inside of Optuna 5.0 (`optuna<5.1` in pyproject.toml). What Optuna makes public
does not give the same: `RDBStorage` commits every write by itself and reads either one trial or all
of them, and to go past it to the tables would tie this file to their layout instead.
"""

import copy
import json
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy
from optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    distribution_to_json,
)
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage, _StudyInfo
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.dialects import postgresql, sqlite

from rnnsearch.search.store.view import PARAMETERS

READ_SECONDS = 1.0  # so old may be what is known of other drivers' trials, between turns
EPOCHS_SECONDS = 10.0  # ... and the epochs of those that still run
INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
KEYS: dict[Any, str] = {  # what is unique within a trial
    models.TrialParamModel: "param_name",
    models.TrialUserAttributeModel: "key",
    models.TrialSystemAttributeModel: "key",
    models.TrialIntermediateValueModel: "step",
}


class DriverStorage(_CachedStorage):
    """For PostgreSQL and SQLite; trials are written by one thread."""

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend)
        self._own: dict[int, FrozenTrial] = {}  # running trials of this process, by id
        self._unwritten: dict[Any, list[dict[str, Any]]] = {model: [] for model in KEYS}
        self._newest = -1  # id of the newest trial that was read
        self._read = -READ_SECONDS  # when trials were read
        self._epochs_read = -EPOCHS_SECONDS  # when those that run were, too

    def look_again(self) -> None:
        """Have the next reader see what other drivers have done up to then."""
        self._read = -READ_SECONDS

    def flush(self) -> None:
        """Write what waits to be written."""
        ids = {row["trial_id"] for rows in self._unwritten.values() for row in rows}
        if not ids:
            return
        trial = models.TrialModel
        open_ones = sqlalchemy.select(trial.trial_id).where(
            trial.trial_id.in_(ids), trial.state == TrialState.RUNNING
        )
        with _create_scoped_session(self._backend.scoped_session) as session:
            running = set(session.scalars(open_ones))
            for model, rows in self._unwritten.items():
                if kept := [row for row in rows if row["trial_id"] in running]:
                    session.execute(self._upsert(model), kept)
        for rows in self._unwritten.values():
            rows.clear()
        for trial_id in ids - running:
            self._disown(trial_id)

    # --- writing

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        trial_id = super().create_new_trial(study_id, template_trial)
        if template_trial is None:
            _, number = self._trial_id_to_study_id_and_number[trial_id]
            self._own[trial_id] = self._studies[study_id].trials[number]
        return trial_id

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        self.flush()
        try:
            done = super().set_trial_state_values(trial_id, state, values)
        except UpdateFinishedTrialError:
            self._disown(trial_id)
            raise
        if done and state == TrialState.RUNNING:  # it was waiting
            self._keep(self._backend.get_trial(trial_id))
        else:
            self._disown(trial_id)
        return done

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        study_id, _ = self._trial_id_to_study_id_and_number[trial_id]
        known = self._studies[study_id].param_distribution.get(param_name)
        if known is None or trial_id not in self._own:
            super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
        else:
            check_distribution_compatibility(known, distribution)
            self._unwritten[models.TrialParamModel].append(
                {
                    "trial_id": trial_id,
                    "param_name": param_name,
                    "param_value": param_value_internal,
                    "distribution_json": distribution_to_json(distribution),
                }
            )
        value = distribution.to_external_repr(param_value_internal)
        self._change(trial_id, "params", param_name, value)
        self._change(trial_id, "distributions", param_name, distribution)

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        if trial_id not in self._own:
            super().set_trial_intermediate_value(trial_id, step, intermediate_value)
            return
        model = models.TrialIntermediateValueModel
        stored, kind = model.intermediate_value_to_stored_repr(intermediate_value)
        self._unwritten[model].append(
            {
                "trial_id": trial_id,
                "step": step,
                "intermediate_value": stored,
                "intermediate_value_type": kind,
            }
        )
        self._change(trial_id, "intermediate_values", step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id in self._own:
            self._set_attr(models.TrialUserAttributeModel, "user_attrs", trial_id, key, value)
        else:
            super().set_trial_user_attr(trial_id, key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id in self._own:
            self._set_attr(models.TrialSystemAttributeModel, "system_attrs", trial_id, key, value)
        else:
            super().set_trial_system_attr(trial_id, key, value)

    def _set_attr(self, model: Any, field: str, trial_id: int, key: str, value: Any) -> None:
        text = json.dumps(value)
        self._unwritten[model].append({"trial_id": trial_id, "key": key, "value_json": text})
        self._change(trial_id, field, key, json.loads(text))

    def _upsert(self, model: Any) -> Any:
        insert = INSERT[self._backend.engine.dialect.name](model.__table__)
        unique = ("trial_id", KEYS[model])
        values = [column.name for column in model.__table__.columns if not column.primary_key]
        return insert.on_conflict_do_update(
            index_elements=unique,
            set_={name: insert.excluded[name] for name in values if name not in unique},
        )

    # --- reading

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._own.get(trial_id) or super().get_trial(trial_id)

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        """New trials, and those that others have changed."""
        study = self._studies.setdefault(study_id, _StudyInfo())
        if time.monotonic() - self._read < READ_SECONDS:
            return
        with self._lock:
            read = self._backend._get_trials(
                study_id,
                states=None,
                included_trial_ids=self._changed(study),
                trial_id_greater_than=self._newest,
            )
            self._add_trials_to_cache(study_id, [self._own.get(t._trial_id, t) for t in read])
        for trial in read:
            self._newest = max(self._newest, trial._trial_id)
            if trial.state.is_finished() or trial._trial_id in self._own:
                study.unfinished_trial_ids.discard(trial._trial_id)
            else:
                study.unfinished_trial_ids.add(trial._trial_id)
        self._read = time.monotonic()

    def _changed(self, study: _StudyInfo) -> set[int]:
        """Which of the others' unfinished trials to read again: all at times, else a few."""
        ids = study.unfinished_trial_ids
        if time.monotonic() - self._epochs_read > EPOCHS_SECONDS:
            self._epochs_read = time.monotonic()
            return ids
        trial = models.TrialModel
        states = sqlalchemy.select(trial.trial_id, trial.state).where(trial.trial_id.in_(ids))
        with _create_scoped_session(self._backend.scoped_session) as session:
            now = {row.trial_id: row.state for row in session.execute(states)}
        changed = set()
        for trial_id in ids:
            known = study.trials[self._trial_id_to_study_id_and_number[trial_id][1]]
            # Its driver writes them together, so they tell that it is read in full.
            begun = known.state != TrialState.RUNNING or PARAMETERS in known.user_attrs
            if now.get(trial_id) != known.state or not begun:
                changed.add(trial_id)
        return changed

    # --- own trials

    def _keep(self, trial: FrozenTrial) -> None:
        self._own[trial._trial_id] = trial
        self._cache(trial)

    def _disown(self, trial_id: int) -> None:
        """It has ended, or another driver has it."""
        ended = self._backend.get_trial(trial_id)  # first: where that fails, nothing has changed
        self._own.pop(trial_id, None)
        self._cache(ended)

    def _change(self, trial_id: int, field: str, key: Any, value: Any) -> None:
        """Give the trial a new copy of one of its dictionaries; earlier readers keep theirs."""
        if trial_id in self._own:
            trial = copy.copy(self._own[trial_id])
            setattr(trial, field, getattr(trial, field) | {key: value})
            self._keep(trial)

    def _cache(self, trial: FrozenTrial) -> None:
        study_id, _ = self._trial_id_to_study_id_and_number[trial._trial_id]
        with self._lock:
            self._add_trials_to_cache(study_id, [trial])
        self._studies[study_id].unfinished_trial_ids.discard(trial._trial_id)
