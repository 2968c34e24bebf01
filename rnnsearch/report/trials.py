"""The trials of a study as a table."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView


def trials_table(store: Store) -> pd.DataFrame:
    """One row per trial, by number. What a trial does not have is missing.

    number, state, skill, value (what the search maximises: its gain), reason, duplicate_of,
    retry_of; its parameters in the study file's words; the metrics of its validation rows; started,
    ended, seconds. Every value is a scalar, so that any column can be grouped by: `neurons` are
    those of the first layer, beside `neurons_1`, `neurons_2` ... in a study whose layers differ;
    `inputs` are names in one text, and `input_count` is how many; where each family has a shift of
    its own, it is in `input_shift_FAMILY`.
    """
    trials = store.trials()
    layered = any(len(set(trial.plain.get("neurons", ()))) > 1 for trial in trials)
    rows = [_row(trial, layered) for trial in trials]
    frame = pd.DataFrame(rows)
    return frame if rows else frame.reindex(columns=["number", "state", "skill", "value"])


def _row(trial: TrialView, layered: bool) -> dict[str, Any]:
    own = ("skill", "gain")
    metrics = {key: value for key, value in trial.metrics.items() if key not in own}
    return {
        "number": trial.number,
        "state": trial.state,
        "skill": trial.skill,
        "value": trial.value,
        "reason": trial.reason,
        "duplicate_of": trial.duplicate_of,
        "retry_of": trial.retry_of,
        **_parameters(trial.plain, layered),
        **metrics,
        "started": trial.started,
        "ended": trial.ended,
        "seconds": trial.seconds,
    }


def _parameters(plain: Mapping[str, Any], layered: bool) -> dict[str, Any]:
    if not plain:
        return {}
    scalars: dict[str, Any] = {"layers": len(plain["neurons"])}
    for name, value in plain.items():
        match value:
            case dict():
                scalars |= {f"{name}_{key}": item for key, item in value.items()}
            case [first, *_] if name == "neurons":
                scalars[name] = first
                if layered:
                    scalars |= {f"{name}_{place}": n for place, n in enumerate(value, start=1)}
            case list() | tuple():
                scalars[name] = ", ".join(map(str, value)) or None
                if name == "inputs":
                    scalars["input_count"] = len(value)
            case _:
                scalars[name] = value
    return scalars
