"""The trials of a study as a table."""

from typing import Any

import pandas as pd
from optuna.trial import FrozenTrial

from rnnsearch.scoring.metrics import renamed
from rnnsearch.search.store.store import Store, skill_of, state_of


def trials_table(store: Store) -> pd.DataFrame:
    """One row per trial, by number. What a trial does not have is missing.

    number, state, value (its gain), skill, reason, duplicate_of, retry_of; its parameters in the
    study file's words, where `neurons` is a list with one number per layer and `inputs` one of
    names; the metrics of its validation rows; started, ended, seconds.
    """
    return pd.DataFrame([_row(trial) for trial in store.trials()])


def _row(trial: FrozenTrial) -> dict[str, Any]:
    attrs = trial.user_attrs
    parameters, record = attrs.get("parameters", {}), attrs.get("record", {})
    own = ("skill", "gain")
    metrics = renamed(record.get("metrics", {}))
    metrics = {key: value for key, value in metrics.items() if key not in own}
    return {
        "number": trial.number,
        "state": state_of(trial),
        "value": trial.value,
        "skill": skill_of(trial),
        **{key: attrs.get(key) for key in ("reason", "duplicate_of", "retry_of")},
        "layers": len(parameters["neurons"]) if parameters else None,
        **parameters,
        **metrics,
        "started": trial.datetime_start,
        "ended": trial.datetime_complete,
        "seconds": record.get("seconds"),
    }
