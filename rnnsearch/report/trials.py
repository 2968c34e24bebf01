"""The trials of a study as a table."""

from typing import Any

import pandas as pd

from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView


def trials_table(store: Store) -> pd.DataFrame:
    """One row per trial, by number. What a trial does not have is missing.

    number, state, value (its gain), skill, reason, duplicate_of, retry_of; its parameters in the
    study file's words, where `neurons` is a list with one number per layer and `inputs` one of
    names; the metrics of its validation rows; started, ended, seconds.
    """
    return pd.DataFrame([_row(trial) for trial in store.trials()])


def _row(trial: TrialView) -> dict[str, Any]:
    own = ("skill", "gain")
    metrics = {key: value for key, value in trial.metrics.items() if key not in own}
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "skill": trial.skill,
        "reason": trial.reason,
        "duplicate_of": trial.duplicate_of,
        "retry_of": trial.retry_of,
        "layers": len(trial.plain["neurons"]) if trial.plain else None,
        **trial.plain,
        **metrics,
        "started": trial.started,
        "ended": trial.ended,
        "seconds": trial.seconds,
    }
