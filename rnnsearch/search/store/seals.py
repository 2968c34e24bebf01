"""What stored facts came to when they were written: told apart from what a disk has made of them.

A seal is looked at where something could not be read, never while a search runs. Facts of earlier
versions have none.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from rnnsearch.config import digest
from rnnsearch.search.store.view import FORECASTS, PARAMETERS, QUANTILES, RECORD, SEAL

OF_TRIAL = (PARAMETERS, RECORD, FORECASTS, QUANTILES)
OF_STUDY = ("data", "fingerprint", "inputs", "objective", "study_file")


def seal_of_trial(facts: Mapping[str, Any]) -> str:
    """What those of a trial's facts come to that its result stands on."""
    return _seal({key: facts[key] for key in OF_TRIAL if key in facts})


def note_of_seal(key: str) -> str:
    """The name under which a note's seal is noted."""
    return f"{SEAL}:{key}"


def seal_of_note(value: Any) -> str:
    return _seal(value)


def broken_trials(rows: Iterable[tuple[int, str, Any]]) -> list[int]:
    """Ids of the trials that do not come to their seal, of attributes in the order of trials."""
    broken = []
    for number, group in groupby(rows, key=lambda row: row[0]):
        facts = {key: value for _, key, value in group}
        if SEAL in facts and facts[SEAL] != seal_of_trial(facts):
            broken.append(number)
    return broken


def broken_notes(notes: Mapping[str, Any]) -> list[str]:
    """The notes of a study that do not come to their seal."""
    sealed = {key: notes.get(note_of_seal(key)) for key in OF_STUDY if key in notes}
    return [key for key, seal in sealed.items() if seal and seal != seal_of_note(notes[key])]


def _seal(value: Any) -> str:
    return digest(json.loads(json.dumps(value)))  # as it will be read
