"""Some studies beside each other: what they found, and which of their settings differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from rnnsearch.config import StudyFile
from rnnsearch.errors import StudyFileError
from rnnsearch.report.shelf.listing import summary
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.store import Store

ABSENT = None
"""The value of a setting that a study does not have."""

MORE = 2
"""With so many times the trials, the best of them is told to be luckier."""

OF_THE_SEARCH = ("trials", "seed", "sampler", "pruner", "balance", "metric")
"""Settings of [study] that say how it was searched."""


def compare(studies: Sequence[StudyFile]) -> dict[str, Any]:
    """Plain JSON: studies (a row each, see `listing.summary`), settings (`section.key` -> a value
    per study, of those that differ, as they were searched with), comparable (whether they are of
    the same rows and targets), notes (what to know before their skills are compared).

    Raises StudyFileError for fewer than two, AbsentStudyError for one that was never searched.
    """
    if len({study.name for study in studies}) < 2:
        names = ", ".join(study.name for study in studies) or "none"
        raise StudyFileError(f"compare: give two studies or more, got {names}")
    rows, settings, data = [], [], []
    for study in studies:
        store = Store(study, create=False)
        with storage_errors(store.url):
            rows.append(summary(store))
            settings.append(_settings(store))
            data.append(store.data)
    keys = dict.fromkeys(key for one in settings for key in one)
    all_values = {key: [one.get(key, ABSENT) for one in settings] for key in keys}
    differing = {
        key: values
        for key, values in all_values.items()
        if any(value != values[0] for value in values)
    }
    causes = _causes(differing, data)
    told = (
        f"not on the same rows and targets ({', '.join(causes)}), so a larger skill is not a "
        "better network"
        if causes
        else ""
    )
    most, least = (pick(row["finished"] for row in rows) for pick in (max, min))
    luck = f"the best of {most} trials looks better by luck than that of {least}"
    notes = [told, luck if most > MORE * least else ""]
    return {
        "studies": rows,
        "settings": differing,
        "comparable": not causes,
        "notes": [note for note in notes if note],
    }


def _causes(differing: Mapping[str, Any], data: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why trials of the studies are not valued by the same rows and targets."""
    if not _differ(data, "scored_on"):
        return []
    keys = [key for key in differing if key.startswith(("data.", "split.", "study.metric"))]
    causes = ["other prices"] if _differ(data, "prices") else []
    causes += [f"another {key}" for key in keys]
    return causes or ["other ranges of windows and shifts, or other joined series"]


def _differ(data: Sequence[Mapping[str, Any]], key: str) -> bool:
    """Whether something is known to differ; studies of earlier versions do not have all."""
    return len({one[key] for one in data if key in one}) > 1


def _settings(store: Store) -> dict[str, Any]:
    """`section.key` -> value, as the study was searched with."""
    notes = store.notes()
    searched = notes.get("study_file", {}).get("study", {})
    own = {key: searched[key] for key in OF_THE_SEARCH if key in searched}
    own["trials"] = store.target_trials
    return {
        f"{section}.{key}": value
        for section, keys in {"study": own, **notes.get("fingerprint", {})}.items()
        for key, value in (keys if isinstance(keys, Mapping) else {"": keys}).items()
    }
