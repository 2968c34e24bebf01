"""What is noted of a joined series, and which joins are refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.data.inputs.build import build_inputs
from rnnsearch.data.prices.load import Prices
from rnnsearch.errors import DataError, RnnsearchError, StudyFileError
from tests.helpers.markets import NASDAQ, NEW_YORK_AT_FOUR, TAIPEI, joined, series, study

# --- what is noted -------------------------------------------------------------------------------


def test_a_late_start_is_noted_with_its_cost(taipei: Prices, new_york: Prices) -> None:
    late = replace(new_york, frame=new_york.frame["2023-12-01":])
    table = build_inputs(joined(taipei, late), study(**TAIPEI), None)
    assert taipei.dates[table.warmup] == pd.Timestamp("2023-12-05")  # knows the second row
    assert (
        f"us.csv: begins on 2023-12-01, so the first {table.warmup} of {len(taipei.dates)} "
        f"sessions of taipei.csv are left out, {table.warmup - 1} more than without it; the first "
        f"in use is 2023-12-05."
    ) in table.notes


def test_a_series_that_is_never_known_is_refused(taipei: Prices, new_york: Prices) -> None:
    early = replace(taipei, frame=taipei.frame[:"2023-09-04"])  # type: ignore[misc]
    with pytest.raises(DataError, match=r"on which 2 rows of \[\[data.join\]\] us_ are known") as e:
        build_inputs(joined(early, new_york), study(**TAIPEI), None)
    assert "its last, 2023-09-04 00:00:00, knows 1 (rows from 2023-09-01" in str(e.value)


def test_stale_rows_are_noted(taipei: Prices, new_york: Prices) -> None:
    quiet = build_inputs(joined(taipei, new_york), study(**TAIPEI), None)
    assert quiet.notes == ()
    ended = replace(new_york, frame=new_york.frame[:"2024-03-01"])  # type: ignore[misc]
    notes = build_inputs(joined(taipei, ended), study(**TAIPEI), None).notes
    assert notes == (
        "us.csv: on 10 sessions, first 2024-03-18, its newest known row is more than 14 usual "
        "steps old; on 2024-03-29 it is that of 2024-03-01.",
    )


def test_a_joined_file_that_ends_too_early_is_noted(taipei: Prices, new_york: Prices) -> None:
    ended = replace(new_york, frame=new_york.frame[:"2024-03-19"])  # type: ignore[misc]
    notes = build_inputs(joined(taipei, ended), study(**TAIPEI), None).notes
    assert notes == (
        "us.csv: ends on 2024-03-19, and taipei.csv on 2024-03-29, so the last sessions know old "
        "values of it; is it up to date?",
    )


def test_weekly_rows_are_noted_because_they_may_be_dated_by_their_first_day(
    taipei: Prices,
) -> None:
    weekly = series(pd.date_range("2023-08-07", "2024-03-25", freq="W-MON"))
    settings = study({"path": "x.csv", "prefix": "us_", **NEW_YORK_AT_FOUR}, **TAIPEI)
    notes = build_inputs(joined(taipei, weekly), settings, None).notes
    assert "rows are 7 days apart, and each is taken as known at the close of its date" in notes[0]


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("join", "data", "message"),
    [
        ({}, {}, "[data]: when the sessions of target.csv close must be known to join markets"),
        ({}, {}, 'write calendar = "XNYS", or close_time = "16:00" and time_zone = "America/New'),
        (
            {"calendar": None},
            TAIPEI,
            "[[data.join]] us_: when the sessions of us.csv close must be known",
        ),
        (
            {"calendar": None, "time_zone": "America/New_York"},
            TAIPEI,
            "[[data.join]] us_: when the sessions of us.csv close must be known",
        ),
        (
            {"calendar": "XNYZ"},
            TAIPEI,
            "calendar = 'XNYZ': there is no such calendar; did you mean",
        ),
        ({}, {"calendar": "xtai"}, "did you mean XTAI"),
        ({"calendar": "?"}, TAIPEI, "write the code of an exchange, such as XNYS"),
        (
            {"indicators": ["momentum_rsj"]},
            TAIPEI,
            "[[data.join]] us_ indicators: there is no 'momentum_rsj'; did you mean momentum_rsi",
        ),
        (
            {"prefix": "volume_"},
            TAIPEI,
            "[[data.join]] volume_: its family 'volume' is there already",
        ),
        ({"prefix": "column"}, TAIPEI, "its family 'column' is there already"),
        (
            {"prefix": "my_"},
            TAIPEI,
            "its input 'my_return' is there already; choose another prefix",
        ),
    ],
)
def test_a_join_that_may_leak_or_collide_is_refused(
    taipei: Prices, new_york: Prices, join: dict[str, Any], data: dict[str, Any], message: str
) -> None:
    target = replace(taipei, name="target.csv", frame=taipei.frame.assign(my_return=1.0))
    with pytest.raises(RnnsearchError) as refused:
        build_inputs(joined(target, new_york), study({**NASDAQ, **join}, **data), None)
    assert message in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_close_time_beside_times_of_day_is_refused(taipei: Prices) -> None:
    bars = series(pd.date_range("2023-09-01 10:00", periods=50, freq="h"))
    settings = study({"path": "x.csv", "prefix": "us_", **NEW_YORK_AT_FOUR}, **TAIPEI)
    with pytest.raises(
        StudyFileError, match="have a time of day, as 2023-09-01 10:00:00, which is"
    ):
        build_inputs(joined(taipei, bars), settings, None)
    zoneless = study({"path": "x.csv", "prefix": "us_"}, **TAIPEI)
    with pytest.raises(StudyFileError, match="have a time of day but no time zone"):
        build_inputs(joined(taipei, bars), zoneless, None)


def test_indicators_of_a_joined_series_need_its_bars_and_rows(
    taipei: Prices, new_york: Prices
) -> None:
    settings = study({**NASDAQ, "indicators": ["volume"]}, **TAIPEI)
    bars = replace(new_york, frame=new_york.frame.drop(columns="Volume"))
    with pytest.raises(DataError, match=r"no column Volume, .* other indicators in \[\[data.join"):
        build_inputs(joined(taipei, bars), settings, None)
    few = replace(new_york, frame=new_york.frame[:80])
    with pytest.raises(DataError, match=r"us.csv: indicators need more than 80 rows .* us_\."):
        build_inputs(joined(taipei, few), settings, None)


def test_prices_without_the_joined_series_are_refused(taipei: Prices) -> None:
    with pytest.raises(DataError, match=r"joins 1 further series \(us_\), but 0 were read"):
        build_inputs(taipei, study(**TAIPEI), None)


JOIN = '[data]\nsample = "sp500"\ncalendar = "XNYS"\n[[data.join]]\nsample = "nasdaq"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (JOIN, "[[data.join]] number 1: prefix: is missing"),
        (JOIN + 'prefix = "a_"\npath = "b.csv"', 'give either path = "FILE" or sample'),
        (JOIN + 'prefix = "a b"', "starts with a letter and has at most 40 characters"),
        (JOIN + 'prefix = "_"', "starts with a letter"),
        (JOIN + 'prefx = "a_"', "prefx: unknown key; did you mean prefix?"),
        (JOIN + 'prefix = "a_"\nshift = -1', "shift: unknown key"),
        (
            JOIN + 'prefix = "a_"\n[[data.join]]\nsample = "sp500"\nprefix = "a"',
            "each [[data.join]] needs a prefix of its own, but numbers 1 and 2 have 'a'",
        ),
        (
            JOIN + 'prefix = "a_"\nclose_time = "16:00"',
            "close_time = '16:00' needs a time_zone",
        ),
        (
            JOIN + 'prefix = "a_"\ncalendar = "XNAS"\ntime_zone = "UTC"',
            "so time_zone cannot be given with calendar = 'XNAS'",
        ),
        (
            JOIN + 'prefix = "a_"\nclose_time = "4 pm"\ntime_zone = "UTC"',
            "close_time: a close time is written \"16:00\" (24 hours), got '4 pm'",
        ),
        (
            JOIN + 'prefix = "a_"\nclose_time = "00:00"\ntime_zone = "UTC"',
            "a session that ends at midnight closes at 24:00",
        ),
        (
            JOIN + 'prefix = "a_"\ntime_zone = "America/NewYork"',
            "there is no time zone 'America/NewYork'; did you mean America/New_York?",
        ),
        (JOIN + 'prefix = "a_"\ntime_zone = "../x"', "there is no time zone '../x'"),
        (JOIN + 'prefix = "a_"\ntime_zone = ""', "there is no time zone ''"),
    ],
)
def test_faults_of_a_join_are_found_when_the_study_file_is_read(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text)
    with pytest.raises(StudyFileError) as refused:
        load_study(path)
    assert message in str(refused.value)
