"""Forecasts are written down once, when they are made, and cannot be chosen afterwards."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from rnnsearch.config import DataSection, load_study
from rnnsearch.data.prices.load import read_prices
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.search.store.entries import Entry
from rnnsearch.search.store.journal import entries
from rnnsearch.search.store.store import Store
from rnnsearch.verdict.evaluation import champion_folder
from rnnsearch.verdict.journal.reading import journal
from rnnsearch.verdict.journal.recording import (
    KNOWN_THEN,
    TOO_LATE,
    TRAINED_ON,
    lateness,
    written_down,
)
from rnnsearch.verdict.prediction import predict
from rnnsearch.verdict.renewal import renew
from tests.helpers.evaluated import Evaluated, quiet, search_inline
from tests.helpers.recorded import Days, set_clock
from tests.helpers.searches import write_study


def recorded(study: Evaluated) -> list[Entry]:
    return entries(Store(study.study, create=False))


def test_a_forecast_is_written_down_as_it_was_said(days: Days) -> None:
    said = days.record(290)
    ahead = said["forecasts"][0]["sessions_ahead"]
    assert said["recorded"] == {"new": ahead, "known": 0, "late": 0}
    found = recorded(days.study)
    assert [entry.origin for entry in found] == [row["origin_date"] for row in said["forecasts"]]
    champion = Forecaster.load(champion_folder(days.study.study))
    for entry, row in zip(found, said["forecasts"], strict=True):
        assert entry.version == entry.said.champion == champion.spec.identity
        assert entry.said.made == f"{days.frame['Date'][290]}T22:00:00+00:00"
        assert entry.said.start * np.exp(entry.said.forecast) == pytest.approx(
            row["forecast_price"]
        )
        assert entry.said.start * np.exp(entry.said.low) == pytest.approx(row["low_price"])
        close = champion.history.target
        moves = np.log(close[ahead:] / close[:-ahead])[-champion.spec.trained_rows :]
        assert entry.said.naive["no_change"] == [0.0]
        assert entry.said.naive["average"] == [pytest.approx(float(moves.mean()))]


def test_twice_on_one_day_changes_nothing(days: Days) -> None:
    days.record(290)
    before = recorded(days.study)
    again = days.record(290)
    assert again["recorded"]["new"] == 0
    assert again["recorded"]["known"] == len(before)
    assert recorded(days.study) == before


def test_rows_that_come_later_change_no_forecast_that_was_written_down(days: Days) -> None:
    days.record(280)
    before = recorded(days.study)
    numbers = days.frame.select_dtypes("number").columns
    days.frame.loc[281:, numbers] *= 3.0
    days.record(281)
    assert recorded(days.study)[: len(before)] == before


def test_what_is_written_of_an_origin_is_the_same_from_a_file_that_goes_on(days: Days) -> None:
    """Forecast, interval, both naive forecasts and the usual move know no later row."""
    study = days.study.study
    champion = Forecaster.load(champion_folder(study))
    numbers = days.frame.select_dtypes("number").columns
    found = []
    for last in (285, 299):
        days.frame.loc[286:, numbers] *= 1.3  # whatever comes
        days.end(last)
        prices = read_prices(study.data)
        table = champion.table(prices)
        frame = champion.forecast(prices, origins=last - 285 + 3, table=table)
        found.append(written_down(champion, prices, table, frame, 0.9, study.data)[:3])
    for ours, theirs in zip(*found, strict=True):
        assert ours.key == theirs.key
        for name in ("start", "forecast", "low", "high", "usual"):
            assert getattr(ours.said, name) == pytest.approx(getattr(theirs.said, name), rel=1e-6)
        assert ours.said.naive == theirs.said.naive


def test_without_record_nothing_is_written_down(days: Days) -> None:
    days.end(290)
    assert predict(days.study.study)["recorded"] is None
    assert recorded(days.study) == []
    assert "predict small --record" in journal(days.study.study)["sentences"][0]


def test_newer_weights_make_another_forecast_of_the_same_day(days: Days) -> None:
    days.record(290)
    first = recorded(days.study)
    renew(days.study.study, say=quiet)
    assert days.record(290)["recorded"]["new"] == len(first)
    both = recorded(days.study)
    assert both[: len(first)] == first
    assert {entry.said.champion for entry in both} == {first[0].version}
    assert len({entry.version for entry in both}) == 2


def test_a_forecast_whose_outcome_may_have_been_known_is_late(days: Days) -> None:
    ahead = days.record(290)["forecasts"][0]["sessions_ahead"]
    said = days.record(290, origins=ahead + 3)["recorded"]
    assert said == {"new": 3, "known": ahead, "late": 3}
    late = [entry for entry in recorded(days.study) if entry.said.late]
    assert {entry.said.late for entry in late} == {KNOWN_THEN}
    assert max(entry.origin for entry in late) < min(
        entry.origin for entry in recorded(days.study) if not entry.said.late
    )


def test_a_forecast_made_after_its_target_s_date_is_late(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    days.end(290)
    set_clock(monkeypatch, "2031-01-01")
    said = predict(days.study.study, record=True)
    assert said["recorded"]["late"] == said["recorded"]["new"] > 0
    assert {entry.said.late for entry in recorded(days.study)} == {TOO_LATE}


def test_a_forecast_without_a_date_is_found_late_once_its_date_is_known(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = Days(evaluated, monkeypatch)
    days.end(290)
    set_clock(monkeypatch, "2031-01-01")  # long after, and nothing tells the target's date
    predict(evaluated.study, record=True)
    assert {entry.said.late for entry in recorded(evaluated)} == {""}
    days.end(299)
    (one,) = journal(evaluated.study)["champions"]
    assert (one["counted"], one["late"]) == (0, one["recorded"])


@pytest.mark.parametrize(
    ("market", "made", "late"),
    [
        # The market's close counts, where the study says when it is.
        ({"calendar": "XNYS"}, "2024-07-05T19:59", ""),
        ({"calendar": "XNYS"}, "2024-07-05T20:01", TOO_LATE),
        ({"calendar": "XTAI"}, "2024-07-05T05:29", ""),
        ({"calendar": "XTAI"}, "2024-07-05T05:31", TOO_LATE),
        ({"close_time": "12:00", "time_zone": "UTC"}, "2024-07-05T11:00", ""),
        ({"close_time": "12:00", "time_zone": "UTC"}, "2024-07-05T13:00", TOO_LATE),
        # Else the end of the day there.
        ({"time_zone": "Asia/Taipei"}, "2024-07-05T15:59", ""),
        ({"time_zone": "Asia/Taipei"}, "2024-07-05T16:01", TOO_LATE),
        ({}, "2024-07-04T09:00", ""),
        ({}, "2024-07-07T00:00", TOO_LATE),
    ],
)
def test_what_is_late_is_said_by_the_market_s_clock(
    market: dict[str, str], made: str, late: str
) -> None:
    section = DataSection(path=Path("prices.csv"), **market)
    moment = datetime.fromisoformat(made).replace(tzinfo=UTC)
    trained = pd.Timestamp("2024-01-01")
    assert lateness(pd.Timestamp("2024-07-05"), moment, trained, section) == late


def test_a_day_that_a_calendar_lacks_ends_with_the_day() -> None:
    section = DataSection(path=Path("prices.csv"), calendar="XNYS")
    trained = pd.Timestamp("2024-01-01")
    holiday = pd.Timestamp("2024-07-04")
    for made, late in (("2024-07-05T03:00", ""), ("2024-07-05T05:00", TOO_LATE)):
        moment = datetime.fromisoformat(made).replace(tzinfo=UTC)
        assert lateness(holiday, moment, trained, section) == late


def test_bars_within_a_day_are_late_by_their_time() -> None:
    section = DataSection(path=Path("prices.csv"), time_zone="America/New_York")
    bar, trained = pd.Timestamp("2024-07-05 10:00"), pd.Timestamp("2024-07-05 09:00")
    for made, late in (("2024-07-05T13:59", ""), ("2024-07-05T14:01", TOO_LATE)):
        moment = datetime.fromisoformat(made).replace(tzinfo=UTC)
        assert lateness(bar, moment, trained, section) == late
    assert lateness(trained, moment, trained, section) == TRAINED_ON


def test_a_store_from_before_there_was_a_journal_gains_it_by_itself(days: Days) -> None:
    with closing(sqlite3.connect(days.study.home / "optuna.db")) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "rnnsearch_forecasts" not in names
    assert journal(days.study.study)["champions"] == []
    assert days.record(290)["recorded"]["new"] > 0


def test_another_study_of_the_same_store_has_a_journal_of_its_own(
    days: Days,
) -> None:
    days.record(290)
    days.end(299)
    other = write_study(days.study.path.parent, "other", study={"trials": 1})
    search_inline(other)
    study = load_study(other)
    assert journal(study)["champions"] == []
    assert entries(Store(study, create=False)) == []
    assert recorded(days.study)


def test_a_copy_of_a_home_takes_its_journal_along_and_goes_its_own_way(
    days: Days, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    days.record(280)
    before = recorded(days.study)
    home = tmp_path_factory.mktemp("copy") / "runs"
    shutil.copytree(days.study.home, home)
    monkeypatch.setenv("RNNSEARCH_HOME", str(home))
    days.record(281)
    assert recorded(days.study)[: len(before)] == before
    assert len(recorded(days.study)) > len(before)
    monkeypatch.setenv("RNNSEARCH_HOME", str(days.study.home))
    assert recorded(days.study) == before


def test_the_command_says_what_the_journal_took(
    days: Days, rnnsearch: Callable[..., Result]
) -> None:
    days.end(290)
    code, out, err = rnnsearch("predict", days.study.path, "--record")
    assert code == 0, err
    assert "0 there already" in out
    code, out, _ = rnnsearch("predict", days.study.path, "--record", "--json")
    assert code == 0
    assert json.loads(out)["recorded"]["new"] == 0
