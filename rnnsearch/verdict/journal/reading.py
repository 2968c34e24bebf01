"""The journal of a study: what came true of its forecasts by now.

journal(study)          looks into the study's prices, or newer ones, and notes what came
noted(study, store)     what was noted the last time; reads no prices
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnsearch.config import DataSection, StudyFile
from rnnsearch.config.paths import journal_fault
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import StorageError, StudyFileError
from rnnsearch.language import in_english
from rnnsearch.model.forecasting.spec import read_spec
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.entries import Entry
from rnnsearch.search.store.journal import entries, settle
from rnnsearch.search.store.store import Store
from rnnsearch.verdict.journal.exporting import table
from rnnsearch.verdict.journal.judging import by_champion, judge, judged
from rnnsearch.verdict.journal.outcomes import came_true, notes
from rnnsearch.verdict.journal.words import sentences
from rnnsearch.verdict.plain import as_json


def journal(study: StudyFile, *, data: Path | None = None) -> dict[str, Any]:
    """What came true of the study's forecasts, by its prices or by newer `data`; plain JSON.

    Keys: study, new (outcomes that were not noted before), sentences, champions (what `judge` says
    of each, the newest first), forecasts (rows of `exporting.table`), notes. Twice on the same data
    it is the same, but for `new`.

    Raises DataError where the prices cannot be read, StorageError, StudyFileError for one network
    of many series and for paths.
    """
    if study.data.pool:
        raise StudyFileError(
            f"{study.name}: the journal is of one series, and [data] pool = true has one network "
            "for all; `rnnsearch predict STUDY --export FILE` keeps its forecasts"
        )
    if fault := journal_fault(study):
        raise StudyFileError(
            f"{study.name}: {fault}; `rnnsearch predict STUDY --export FILE` keeps what was said, "
            "and a study with steps = 1 has a journal"
        )
    store = Store(study, create=False)
    with storage_errors(store.url):
        store.claim(study.fingerprint(), store.data)
        known = entries(store)
    told: list[str] = []
    new = 0
    if known:
        prices = read_prices(_prices_alone(study, data))
        _check_measured(study, prices)
        told = list(notes(known, prices))
        with storage_errors(store.url):
            new = _note(store, known, prices)
            known = entries(store)
    answer: dict[str, Any] = as_json({**_told(study, known), "new": new, "notes": told})
    return answer


def noted(study: StudyFile, store: Store) -> dict[str, Any] | None:
    """What was noted the last time, as `journal` has it; None where no forecast was recorded."""
    known = entries(store)
    return as_json(_told(study, known)) if known else None


def _told(study: StudyFile, known: Sequence[Entry]) -> dict[str, Any]:
    forecasts = judged(known, study.data)
    champions = [judge(each) for each in by_champion(forecasts)]
    return {
        "study": study.name,
        "sentences": _in_english(champions[0] if champions else None, study.name),
        "champions": champions,
        "forecasts": table(forecasts),
    }


def _in_english(one: dict[str, Any] | None, study: str) -> list[str]:
    """For MLflow, the page and programs; a terminal says them in its user's language."""
    with in_english():
        return list(sentences(one, study))


def _note(store: Store, known: Sequence[Entry], prices: Prices) -> int:
    """Note what came since; returns how many outcomes were not known before."""
    before = {entry.key: entry.outcome for entry in known}
    changed = [one for one in came_true(known, prices) if one.outcome != before[one.key]]
    if changed:
        settle(store, changed)
    return sum(before[one.key] is None for one in changed)


def _check_measured(study: StudyFile, prices: Prices) -> None:
    """Outcomes that are measured in another way than was forecast say nothing of the forecasts."""
    from rnnsearch.verdict.evaluation import champion_folder  # torch, which `status` does without

    with contextlib.suppress(StorageError):  # of a damaged champion it is not known
        if (spec := read_spec(champion_folder(study))) is not None:
            spec.check_measured(prices)


def _prices_alone(study: StudyFile, data: Path | None) -> DataSection:
    """How to read the prices of what is forecast; inputs need not be there."""
    changes: dict[str, Any] = {"columns": study.data.known_ahead or "none", "join": ()}
    if data is not None:
        changes |= {"path": data.absolute(), "sample": None}
    return study.data.model_copy(update=changes)
