"""The table of forecasts: each once, whoever writes it, and nothing changed that was written."""

import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from rnnsearch.config import StudyFile, load_study
from rnnsearch.errors import StorageError
from rnnsearch.search.store.damage import find_damage
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.entries import Entry, Outcome
from rnnsearch.search.store.journal import append, entries, settle
from rnnsearch.search.store.store import Store
from tests.helpers.recorded import made
from tests.helpers.searches import write_study

DAYS = [f"{day:%Y-%m-%d}" for day in pd.bdate_range("2024-01-01", periods=20)]
BATCH = [made(day, 0.5, made=f"{day}T22:00:00+00:00") for day in DAYS]
CAME = Outcome(date="2024-02-01", start=100.0, price=101.0, actual=0.01)


@pytest.fixture
def study(home: Path, tmp_path: Path) -> StudyFile:
    return load_study(write_study(tmp_path))


def is_kept(study: StudyFile) -> None:
    store = Store(study)
    assert entries(store) == []
    assert append(store, BATCH[:5]) == 5
    assert append(store, [*BATCH[3:7], made(DAYS[0], 0.9, made="later")]) == 2
    assert entries(Store(study)) == BATCH[:7]  # what was there stays
    other = made(DAYS[0], 0.9, made="later", version="b")
    assert append(store, [other]) == 1
    settle(store, [BATCH[1].with_outcome(CAME)])
    found = entries(store)
    assert [entry.outcome for entry in found] == [None, CAME, *[None] * 6]
    assert found[-1] == other


def test_a_forecast_is_kept_once(study: StudyFile) -> None:
    is_kept(study)


def test_so_it_is_in_postgresql(home: Path, tmp_path: Path, postgres_url: str) -> None:
    is_kept(load_study(write_study(tmp_path), run__storage=postgres_url))


def test_two_processes_that_record_at_once_leave_each_forecast_once(study: StudyFile) -> None:
    Store(study)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=append_all, args=(study,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    assert sorted(entry.origin for entry in entries(Store(study))) == DAYS


def append_all(study: StudyFile) -> None:
    store = Store(study, create=False)
    for entry in BATCH:
        append(store, [entry])


@pytest.mark.parametrize(
    "change",
    [
        "said = replace(said, '0.5', '0.6')",
        "said = '[]'",
        "origin = '2020-01-0'",
        "ahead = 'x'",
        "outcome = '{'",
        "outcome = replace(outcome, '101', '102')",
        "version = CAST(X'ff' AS TEXT)",
    ],
)
def test_a_forecast_that_is_not_as_it_was_written_is_named(
    study: StudyFile, home: Path, change: str
) -> None:
    store = Store(study)
    append(store, BATCH[:1])
    settle(store, [BATCH[0].with_outcome(CAME)])
    file = home / "optuna.db"
    assert find_damage(file) is None
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE rnnsearch_forecasts SET {change}")
        connection.commit()
    assert "forecast 1 of the journal cannot be read" in str(find_damage(file))
    told = "is damaged: forecast 1 of the journal"
    with pytest.raises(StorageError, match=told), storage_errors(store.url):
        entries(store)


def test_what_is_written_is_read_as_it_was() -> None:
    for entry in (BATCH[0], BATCH[0].with_outcome(CAME)):
        columns = entry.columns()
        assert Entry.from_columns(**columns) == entry
    with pytest.raises(ValueError, match="not what was written"):
        Entry.from_columns(**BATCH[0].columns() | {"version": "b"})
