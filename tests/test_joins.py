"""Joined markets: a session knows what had closed when it closed, and nothing that came later."""

import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from rnnsearch.config import DataSection, StudyFile, load_study
from rnnsearch.data.calendars import close_instants, next_sessions
from rnnsearch.data.indicators import WARMUP, compute_indicators
from rnnsearch.data.inputs import InputTable, build_inputs, input_listing, load_inputs
from rnnsearch.data.prices import Prices, read_prices
from rnnsearch.errors import DataError, RnnsearchError, StudyFileError

TAIPEI = {"calendar": "XTAI"}
NEW_YORK = {"calendar": "XNYS"}
NEW_YORK_AT_FOUR = {"close_time": "16:00", "time_zone": "America/New_York"}
NASDAQ = {"path": "us.csv", "prefix": "us_", **NEW_YORK}
STUDIES = Path(__file__).parent.parent / "studies"


def sessions(calendar: str, first: str, last: str) -> pd.DatetimeIndex:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import exchange_calendars

        found = exchange_calendars.get_calendar(calendar).sessions_in_range(first, last)
    return pd.DatetimeIndex(found)


def series(dates: Any, name: str = "us.csv", seed: int = 0, **extra: Any) -> Prices:
    """Bars of a random walk on the given dates; `row`, an extra column, tells rows apart."""
    dates = pd.DatetimeIndex(dates, name="Date").as_unit("us")
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(rng.normal(0, 0.01, len(dates)).cumsum())
    frame = pd.DataFrame({"Open": close, "High": close, "Low": close, "Close": close}, index=dates)
    frame["Open"] *= np.exp(rng.normal(0, 0.005, len(dates)))
    frame["High"] = frame[["Open", "Close"]].max(axis=1) * 1.003
    frame["Low"] = frame[["Open", "Close"]].min(axis=1) * 0.997
    frame["Volume"] = rng.uniform(1e6, 2e6, len(dates))
    return Prices(name, frame.assign(**extra), "Close")


def study(*joins: dict[str, Any], indicators: Any = "none", **data: Any) -> StudyFile:
    return StudyFile.model_validate(
        {
            "data": {"path": "target.csv", "join": list(joins or [NASDAQ]), **data},
            "inputs": {"indicators": indicators},
        }
    )


def joined(target: Prices, *others: Prices) -> Prices:
    return replace(target, joined=others)


def column(table: InputTable, name: str) -> NDArray[np.float32]:
    return np.asarray(table.values[:, table.columns([name])[0]])


def known_dates(target: Prices, other: Prices, settings: StudyFile) -> pd.Series:
    """By session of the target: the date of the joined row that it knows."""
    numbered = replace(
        other, frame=other.frame.assign(row=np.arange(len(other.dates), dtype=float))
    )
    table = build_inputs(joined(target, numbered), settings, None)
    rows = column(table, "us_row")
    return pd.Series(
        [None if np.isnan(row) else other.dates[int(row)] for row in rows], index=target.dates
    )


# --- Taipei and New York around Lunar New Year 2024 ----------------------------------------------


@pytest.fixture(scope="module")
def taipei() -> Prices:
    return series(sessions("XTAI", "2023-09-01", "2024-03-29"), "taipei.csv", seed=1)


@pytest.fixture(scope="module")
def new_york() -> Prices:
    return series(sessions("XNYS", "2023-09-01", "2024-03-29"), seed=2)


def test_taipei_knows_the_newest_close_of_new_york(taipei: Prices, new_york: Prices) -> None:
    known = known_dates(taipei, new_york, study(**TAIPEI))
    for session, newest in {
        "2024-02-05": "2024-02-02",  # the last session before Lunar New Year, a Monday
        "2024-02-15": "2024-02-14",  # the first after it
        "2024-02-16": "2024-02-15",
        "2024-02-19": "2024-02-16",
        "2024-02-20": "2024-02-16",  # the 19th was Presidents' Day
        "2024-02-21": "2024-02-20",
    }.items():
        assert known[session] == pd.Timestamp(newest), session


def test_a_same_date_join_would_leak(taipei: Prices, new_york: Prices) -> None:
    """No session of Taipei knows the row of New York that has its own date."""
    known = known_dates(taipei, new_york, study(**TAIPEI))
    both = taipei.dates.intersection(new_york.dates)
    assert len(both) > 100
    assert (pd.DatetimeIndex(known.dropna()) < known.dropna().index).all()


def test_a_row_shift_after_a_same_date_join_would_be_seven_sessions_stale(
    taipei: Prices, new_york: Prices
) -> None:
    """That is why rows are joined by instant, and never by date and a shift."""
    by_date = pd.Series(new_york.dates, index=new_york.dates).reindex(taipei.dates).ffill()
    shifted = by_date.shift()["2024-02-15"]
    known = known_dates(taipei, new_york, study(**TAIPEI))["2024-02-15"]
    assert shifted == pd.Timestamp("2024-02-05")
    assert new_york.dates.get_loc(known) - new_york.dates.get_loc(shifted) == 7


def test_new_york_knows_the_session_of_taipei_of_the_same_date(
    taipei: Prices, new_york: Prices
) -> None:
    settings = study({"path": "x.csv", "prefix": "us_", **TAIPEI}, **NEW_YORK)
    known = known_dates(new_york, taipei, settings)
    assert known["2024-02-05"] == pd.Timestamp("2024-02-05")
    assert known["2024-02-14"] == pd.Timestamp("2024-02-05")
    assert known["2024-02-15"] == pd.Timestamp("2024-02-15")


def test_close_times_and_zones_give_what_calendars_give(taipei: Prices, new_york: Prices) -> None:
    by_hand = study(
        {"path": "us.csv", "prefix": "us_", **NEW_YORK_AT_FOUR},
        close_time="13:30",
        time_zone="Asia/Taipei",
    )
    assert known_dates(taipei, new_york, by_hand).equals(
        known_dates(taipei, new_york, study(**TAIPEI))
    )


def test_the_join_equals_merge_asof(taipei: Prices, new_york: Prices) -> None:
    def instants(prices: Prices, time: str, zone: str) -> pd.DatetimeIndex:
        return (prices.dates + pd.Timedelta(time)).tz_localize(zone).tz_convert("UTC")

    left = pd.DataFrame({"at": instants(taipei, "13h30min", "Asia/Taipei")})
    right = pd.DataFrame(
        {"at": instants(new_york, "16h", "America/New_York"), "day": new_york.dates}
    )
    # An early close is no matter here: it is before Taipei's next session all the same.
    oracle = pd.merge_asof(left, right, on="at")["day"]
    known = known_dates(taipei, new_york, study(**TAIPEI))
    assert known.isna().tolist() == oracle.isna().tolist()
    assert known.dropna().tolist() == oracle.dropna().tolist()


# --- instants ------------------------------------------------------------------------------------


def closes(dates: Any, late: bool = True, **market: Any) -> list[str]:
    section = DataSection(path=Path("a.csv"), **market)
    instants, _ = close_instants("[data]", "a.csv", pd.DatetimeIndex(dates), section, late=late)
    return [str(instant)[:16] for instant in instants]


@pytest.mark.parametrize("market", [NEW_YORK, NEW_YORK_AT_FOUR])
def test_summer_time_moves_the_close(market: dict[str, str]) -> None:
    assert closes(["2024-03-08", "2024-03-11", "2024-11-01", "2024-11-04"], **market) == [
        "2024-03-08T21:00",
        "2024-03-11T20:00",
        "2024-11-01T20:00",
        "2024-11-04T21:00",
    ]


def test_summer_time_decides_what_another_market_knows() -> None:
    """Between the two changes in March, New York closes an hour earlier for London."""
    days = pd.DatetimeIndex(["2024-03-07", "2024-03-08", "2024-03-11", "2024-03-12", "2024-04-02"])
    settings = study(close_time="20:30", time_zone="Europe/London")
    known = known_dates(series(days, "london.csv"), series(days), settings)
    assert known["2024-03-08"] == pd.Timestamp("2024-03-07")  # New York closes at 21:00 UTC
    assert known["2024-03-12"] == pd.Timestamp("2024-03-12")  # at 20:00 UTC, London still in winter
    assert known["2024-04-02"] == pd.Timestamp(
        "2024-03-12"
    )  # at 20:00 UTC, London's 20:30 is 19:30


def test_a_calendar_knows_early_closes() -> None:
    days = ["2023-11-22", "2023-11-24", "2023-11-27"]  # the 24th: the day after Thanksgiving
    assert closes(days, **NEW_YORK)[1] == "2023-11-24T18:00"
    target = series(days, "target.csv")
    at_two = {"close_time": "14:00", "time_zone": "America/New_York"}
    known = known_dates(target, series(days), study(**at_two))
    assert known["2023-11-24"] == pd.Timestamp("2023-11-24")  # 13:00 is before 14:00
    assert known["2023-11-27"] == pd.Timestamp("2023-11-24")
    # The target's own early close comes before the other market's usual one.
    late = study({"path": "x.csv", "prefix": "us_", **NEW_YORK_AT_FOUR}, **NEW_YORK)
    assert known_dates(target, series(days), late)["2023-11-24"] == pd.Timestamp("2023-11-22")


def test_a_close_at_the_same_instant_is_known(new_york: Prices) -> None:
    assert known_dates(new_york, new_york, study(**NEW_YORK)).tolist() == list(new_york.dates)


def test_a_close_one_minute_later_is_not(new_york: Prices) -> None:
    settings = study(
        {"path": "x.csv", "prefix": "us_", **NEW_YORK_AT_FOUR},
        close_time="15:59",
        time_zone="America/New_York",
    )
    known = known_dates(new_york, new_york, settings)
    assert pd.isna(known.iloc[0])
    assert known[1:].tolist() == new_york.dates[:-1].tolist()


def test_a_session_that_ends_at_midnight_closes_after_its_date() -> None:
    assert closes(["2024-01-05"], close_time="24:00", time_zone="UTC") == ["2024-01-06T00:00"]
    assert closes(["2024-01-05", "2024-01-06"], calendar="24/7")[0] == "2024-01-06T00:00"


def test_a_local_time_that_is_there_twice_is_taken_on_the_safe_side() -> None:
    bars = ["2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 02:30"]
    zone = {"time_zone": "America/New_York"}
    assert closes(bars, late=True, **zone)[1] == "2024-11-03T06:30"
    assert closes(bars, late=False, **zone)[1] == "2024-11-03T05:30"
    missing = ["2024-03-10 01:30", "2024-03-10 02:30"]  # clocks went from 02:00 to 03:00
    assert closes(missing, late=True, **zone)[1] == "2024-03-10T07:00"
    assert closes(missing, late=False, **zone)[1] == "2024-03-10T06:59"


def test_dates_a_calendar_lacks_close_as_the_sessions_before_did(new_york: Prices) -> None:
    saturday = pd.DatetimeIndex(["2023-11-25"])  # after an early close
    days = new_york.dates.union(saturday)
    for late, expected in ((True, "2023-11-25T21:00"), (False, "2023-11-25T18:00")):
        assert closes(days, late=late, **NEW_YORK)[days.get_loc("2023-11-25")] == expected
    settings = study(**TAIPEI)
    other = series(days)
    table = build_inputs(joined(series(days, "target.csv"), other), study(**NEW_YORK), None)
    assert "are no sessions of XNYS, first 2023-11-25; they are taken" in table.notes[0]
    with pytest.raises(DataError, match=r"must be sessions of \[data\] calendar = 'XTAI', but"):
        build_inputs(joined(new_york, other), settings, None)


# --- bars within the day -------------------------------------------------------------------------


def test_a_time_of_day_is_the_close_of_its_bar() -> None:
    hours = pd.date_range("2024-02-13 10:00", periods=7, freq="h")
    bars = series([*hours, *(hours + pd.Timedelta(days=1))])
    target = series(["2024-02-13", "2024-02-14", "2024-02-15"], "target.csv")
    settings = study(
        {"path": "x.csv", "prefix": "us_", "time_zone": "America/New_York"},
        close_time="18:30",  # 12:30 in New York
        time_zone="Europe/Berlin",
    )
    known = known_dates(target, bars, settings)
    assert known["2024-02-13"] == pd.Timestamp("2024-02-13 12:00")
    assert known["2024-02-15"] == pd.Timestamp("2024-02-14 16:00")
    table = build_inputs(joined(target, bars), settings, None)
    assert "where it is the bar's beginning, the join would see the future" in table.notes[-1]


def test_bars_within_the_day_know_the_daily_close_only_after_it() -> None:
    target = series(pd.date_range("2024-02-13 14:00", periods=30, freq="h"), "target.csv")
    other = series(["2024-02-12", "2024-02-13", "2024-02-14"])
    known = known_dates(target, other, study(time_zone="America/New_York"))
    assert known["2024-02-13 15:00"] == pd.Timestamp("2024-02-12")
    assert known["2024-02-13 16:00"] == pd.Timestamp("2024-02-13")


@pytest.mark.parametrize(
    ("written", "local"),
    [
        (
            ["2024-03-08 21:00:00Z", "2024-03-11 20:00:00Z"],
            ["2024-03-08 16:00", "2024-03-11 16:00"],
        ),
        (["2024-03-08 05:00:00Z", "2024-03-11 04:00:00Z"], ["2024-03-08", "2024-03-11"]),
        (["2024-03-08 00:00:00Z", "2024-03-11 00:00:00Z"], ["2024-03-08", "2024-03-11"]),
    ],
    ids=["closes", "midnights of the market", "dates"],
)
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_offsets_in_the_file_are_turned_into_the_zone_of_the_market(
    tmp_path: Path, ending: str, written: list[str], local: list[str]
) -> None:
    frame = pd.DataFrame({"Date": written, "Close": [1.0, 2.0]})
    path = tmp_path / f"a{ending}"
    if ending == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.assign(Date=pd.to_datetime(frame["Date"])).to_parquet(path)
    for market in ({"time_zone": "America/New_York"}, NEW_YORK):
        prices = read_prices(DataSection(path=path, **market))
        assert prices.dates.tolist() == [pd.Timestamp(day) for day in local]


# --- values --------------------------------------------------------------------------------------


def test_a_return_is_that_of_the_joined_markets_own_last_session(
    taipei: Prices, new_york: Prices
) -> None:
    table = build_inputs(joined(taipei, new_york), study(**TAIPEI), None)
    assert table.names == (
        "return", "us_return", "us_open_close", "us_high_close", "us_low_close", "us_volume_change",
    )  # fmt: skip
    close = new_york.frame["Close"]
    row = taipei.dates.get_loc("2024-02-20")  # five sessions of New York after Taipei's break
    expected = np.log(close["2024-02-16"] / close["2024-02-15"])
    assert column(table, "us_return")[row] == pytest.approx(expected, rel=1e-6)
    assert column(table, "us_return")[row - 1] == column(table, "us_return")[row]
    bar = new_york.frame.loc["2024-02-16"]
    assert column(table, "us_high_close")[row] == pytest.approx(np.log(bar["High"] / bar["Close"]))


def test_a_joined_series_is_a_family_of_its_own(taipei: Prices, new_york: Prices) -> None:
    table = build_inputs(joined(taipei, new_york), study(**TAIPEI, indicators="all"), None)
    assert table.families[-1] == "us"
    assert {spec.family for spec in table.specs if spec.name.startswith("us_")} == {"us"}
    assert table.always == ("return",)
    assert table.specs[-1].source.startswith("us.csv: log(volume")


def test_indicators_of_a_joined_series_are_computed_on_its_own_rows(
    taipei: Prices, new_york: Prices
) -> None:
    wanted = {**NASDAQ, "indicators": ["momentum_rsi", "others"]}
    table = build_inputs(joined(taipei, new_york), study(wanted, **TAIPEI), None)
    assert table.names[-3:] == ("us_momentum_rsi", "us_others_dr", "us_others_cr")
    rsi = compute_indicators(new_york.frame, ["momentum_rsi"])["momentum_rsi"]
    row = taipei.dates.get_loc("2024-02-20")
    assert column(table, "us_momentum_rsi")[row] == np.float32(
        rsi[new_york.dates.get_loc("2024-02-16")]
    )


def test_every_value_is_finite_from_its_warm_up_on_and_none_before(
    taipei: Prices, new_york: Prices
) -> None:
    wanted = {**NASDAQ, "indicators": "all"}
    table = build_inputs(joined(taipei, new_york), study(wanted, **TAIPEI, indicators="all"), None)
    for place, spec in enumerate(table.specs):
        values = table.values[:, place]
        assert np.isfinite(values[spec.warmup :]).all(), spec
        assert np.isnan(values[: spec.warmup]).all(), spec
    assert np.isfinite(table.values[table.warmup :]).all()
    # The row of Taipei that knows the 81st row of New York.
    known = known_dates(taipei, new_york, study(**TAIPEI))
    assert known.iloc[table.warmup] >= new_york.dates[WARMUP] > known.iloc[table.warmup - 1]


def test_extra_columns_enter_as_they_are(taipei: Prices) -> None:
    frame = series(sessions("XNYS", "2023-09-01", "2024-03-29")).frame
    other = Prices("us.csv", frame[["Close"]].assign(vix=20.0), "Close")
    rates = Prices("us.csv", other.frame[["vix"]], "")
    table = build_inputs(joined(taipei, other), study(**TAIPEI), None)
    assert table.names == ("return", "us_return", "us_vix")
    assert table.specs[-1].unit == "raw"
    table = build_inputs(joined(taipei, rates), study(**TAIPEI), None)
    assert table.names == ("return", "us_vix")
    assert "no column Close, so its columns enter as they are" in table.notes[0]


def test_a_forecast_of_levels_is_offered_no_level_of_another_series(
    taipei: Prices, new_york: Prices
) -> None:
    settings = study(**TAIPEI, predict="level")
    table = build_inputs(joined(taipei, new_york), settings, None)
    assert "level" in table.names
    assert "us_level" not in table.names


def test_several_series_can_be_joined(taipei: Prices, new_york: Prices) -> None:
    again = {**NASDAQ, "prefix": "spx"}
    table = build_inputs(joined(taipei, new_york, new_york), study(NASDAQ, again, **TAIPEI), None)
    assert table.families == ("us", "spx")
    np.testing.assert_array_equal(column(table, "us_return"), column(table, "spxreturn"))


# --- no look-ahead -------------------------------------------------------------------------------


@pytest.mark.parametrize("session", ["2024-02-05", "2024-02-15", "2024-02-19", "2024-02-20"])
@pytest.mark.parametrize("future", ["changed", "missing"])
def test_rows_that_close_after_the_decision_change_no_value(
    taipei: Prices, new_york: Prices, session: str, future: str
) -> None:
    settings = study({**NASDAQ, "indicators": "all"}, **TAIPEI)
    whole = build_inputs(joined(taipei, new_york), settings, None)
    row = taipei.dates.get_loc(session)
    newest = known_dates(taipei, new_york, study(**TAIPEI))[session]
    unknown = np.flatnonzero(new_york.dates > newest)
    frame = new_york.frame.copy()
    if future == "changed":
        factors = np.random.default_rng(row).uniform(0.1, 10, (len(unknown), 1))
        frame.iloc[unknown] *= factors
    else:
        frame = frame.iloc[: unknown[0]]
    other = replace(new_york, frame=frame)
    table = build_inputs(joined(taipei, other), settings, None)
    assert table.names == whole.names
    assert table.warmup == whole.warmup
    np.testing.assert_array_equal(table.values[: row + 1], whole.values[: row + 1])
    short = replace(taipei, frame=taipei.frame.iloc[: row + 1])
    table = build_inputs(joined(short, other), settings, None)
    np.testing.assert_array_equal(table.values, whole.values[: row + 1])


def test_the_newest_known_row_does_change_the_values(taipei: Prices, new_york: Prices) -> None:
    """The test above could not fail if nothing were joined."""
    before = build_inputs(joined(taipei, new_york), study(**TAIPEI), None)
    frame = new_york.frame.copy()
    frame.loc["2024-02-16":] *= 2.0  # type: ignore[misc]
    after = build_inputs(joined(taipei, replace(new_york, frame=frame)), study(**TAIPEI), None)
    values = [column(table, "us_return")[before.warmup :] for table in (before, after)]
    changed = before.warmup + np.flatnonzero(values[0] != values[1])
    assert taipei.dates[changed].strftime("%m-%d").tolist() == ["02-19", "02-20"]


# --- the table and its hash ----------------------------------------------------------------------


def test_the_hash_is_of_the_joined_rows_and_of_how_they_are_joined(
    taipei: Prices, new_york: Prices
) -> None:
    def table_hash(settings: StudyFile, other: Prices = new_york) -> str:
        return build_inputs(joined(taipei, other), settings, None).hash

    before = table_hash(study(**TAIPEI))
    assert table_hash(study(**TAIPEI), replace(new_york, name="other.csv")) == before
    price, late = new_york.frame.copy(), {"path": "x.csv", "prefix": "us_", "time_zone": "UTC"}
    price.iloc[-1, 3] += 1
    others = {
        "price": table_hash(study(**TAIPEI), replace(new_york, frame=price)),
        "rows": table_hash(study(**TAIPEI), replace(new_york, frame=new_york.frame[1:])),
        "prefix": table_hash(study({**NASDAQ, "prefix": "ny_"}, **TAIPEI)),
        "indicators": table_hash(study({**NASDAQ, "indicators": ["others"]}, **TAIPEI)),
        "close": table_hash(study({**late, "close_time": "02:00"}, **TAIPEI)),
        "decision": table_hash(study(close_time="00:30", time_zone="Asia/Taipei")),
        "no join": build_inputs(
            taipei, StudyFile.model_validate({"data": {"path": "t.csv"}}), None
        ).hash,
    }
    assert len({before, *others.values()}) == 1 + len(others)
    assert joined(taipei, new_york).hash != taipei.hash


def test_the_fingerprint_is_of_the_settings_and_of_no_path() -> None:
    def fingerprint(*joins: dict[str, Any], **data: Any) -> Any:
        return study(*joins, **data).fingerprint()["data"]

    before = fingerprint(**TAIPEI)
    assert fingerprint({**NASDAQ, "path": "elsewhere/us.csv"}, **TAIPEI) == before
    assert fingerprint({**NASDAQ, "prefix": "ny_"}, **TAIPEI) != before
    assert fingerprint(**NEW_YORK) != before
    without = StudyFile.model_validate({"data": {"path": "t.csv"}})
    named = StudyFile.model_validate({"data": {"path": "t.csv", "calendar": "XTAI"}})
    assert named.fingerprint() == without.fingerprint()  # without a join no trial depends on it


def test_the_cache_holds_joined_inputs(
    taipei: Prices, new_york: Prices, tmp_path: Path, monkeypatch: Any
) -> None:
    prices, settings = joined(taipei, new_york), study(**TAIPEI)
    first = build_inputs(prices, settings, tmp_path)
    monkeypatch.setattr("rnnsearch.data.inputs._compute", None)
    again = build_inputs(prices, settings, tmp_path)
    assert first.path is not None
    assert again.path == first.path
    assert again.families == load_inputs(first.path).families == ("us",)
    assert input_listing(again, taipei.dates)["first_date"].iloc[1] == taipei.dates[3]


def test_a_study_without_a_calendar_imports_none() -> None:
    code = (
        "import sys; from rnnsearch.config import DataSection, StudyFile\n"
        "from rnnsearch.data.inputs import build_inputs\n"
        "from rnnsearch.data.prices import read_prices\n"
        "data = {'sample': 'sp500', 'close_time': '16:00', 'time_zone': 'America/New_York'}\n"
        "data['join'] = [{**data, 'prefix': 'x_'}]\n"
        "study = StudyFile.model_validate({'data': data, 'inputs': {'indicators': 'none'}})\n"
        "print(build_inputs(read_prices(study.data), study, None).values.shape)\n"
        "print('exchange_calendars' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.stdout.split("\n")[:2] == ["(5031, 6)", "False"], out.stderr


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
        (JOIN, "[[data.join]] number 1: prefix: Field required"),
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


# --- files ---------------------------------------------------------------------------------------


def write_study(folder: Path, **files: Prices) -> StudyFile:
    for name, prices in files.items():
        (folder / f"{name}.csv").parent.mkdir(parents=True, exist_ok=True)
        prices.frame.to_csv(folder / f"{name}.csv")
    path = folder / "study.toml"
    path.write_text(
        '[data]\npath = "tw.csv"\ncalendar = "XTAI"\n[[data.join]]\npath = "us.csv"\n'
        'prefix = "us_"\ncalendar = "XNYS"\n[inputs]\nindicators = "none"\n'
    )
    return load_study(path)


def test_joined_files_are_read_beside_the_study_file(
    tmp_path: Path, taipei: Prices, new_york: Prices, monkeypatch: Any
) -> None:
    settings = write_study(tmp_path, tw=taipei, us=new_york)
    monkeypatch.chdir("/")
    prices = read_prices(settings.data)
    assert [other.name for other in prices.joined] == ["us.csv"]
    pd.testing.assert_frame_equal(prices.joined[0].frame, new_york.frame, check_freq=False)
    expected = build_inputs(joined(taipei, new_york), study(**TAIPEI), None)
    table = build_inputs(prices, settings, None)
    np.testing.assert_allclose(table.values, expected.values, rtol=1e-6)


def test_a_missing_joined_file_is_told(tmp_path: Path, taipei: Prices) -> None:
    settings = write_study(tmp_path, tw=taipei)
    with pytest.raises(DataError, match=r"us\.csv: there is no such file; correct the path"):
        read_prices(settings.data)


def test_odd_prices_of_a_joined_file_are_warned_of(
    tmp_path: Path, taipei: Prices, new_york: Prices
) -> None:
    odd = new_york.frame.copy()
    odd.iloc[30:, :4] /= 2
    settings = write_study(tmp_path, tw=taipei, us=replace(new_york, frame=odd))
    assert any("us.csv: Close jumps from" in text for text in read_prices(settings.data).warnings)


def test_the_sample_study_joins_the_nasdaq() -> None:
    settings = load_study(STUDIES / "sp500_nasdaq.toml")
    prices = read_prices(settings.data)
    assert [other.name for other in prices.joined] == ["sample nasdaq"]
    table = build_inputs(prices, settings, None)
    assert table.families == ("price", "volatility", "momentum", "nasdaq")
    assert table.warmup == WARMUP
    assert table.notes == ()
    close = prices.joined[0].close
    t = 3000  # both close at the same instant
    assert prices.dates[t] == prices.joined[0].dates[t]
    assert column(table, "nasdaq_return")[t] == pytest.approx(np.log(close[t] / close[t - 1]))


# --- the sessions to come ------------------------------------------------------------------------


def test_the_next_sessions_are_those_of_the_calendar() -> None:
    after = next_sessions("XTAI", pd.DatetimeIndex(["2024-02-02"]), 3)
    assert after == [pd.Timestamp(day) for day in ("2024-02-05", "2024-02-15", "2024-02-16")]
    after = next_sessions("XNYS", pd.DatetimeIndex(["2018-12-31"]), 2)
    assert after == [pd.Timestamp("2019-01-02"), pd.Timestamp("2019-01-03")]
    assert len(next_sessions("XNYS", pd.DatetimeIndex(["2018-12-31"]), 500) or []) == 500


def test_without_a_calendar_no_date_is_made_up() -> None:
    assert next_sessions(None, pd.DatetimeIndex(["2018-12-31"]), 2) is None
    assert next_sessions("XNYS", pd.DatetimeIndex(["2018-12-31 15:00"]), 2) is None
    weeks = pd.date_range("2024-01-05", "2024-05-03", freq="W-FRI")
    assert next_sessions("XNYS", weeks, 2) is None
    assert (
        next_sessions("XHKG", pd.DatetimeIndex(["2049-12-30"]), 5) is None
    )  # where its records end
    with pytest.raises(StudyFileError, match="calendar = 'NYSEE': there is no such calendar; did"):
        next_sessions("NYSEE", pd.DatetimeIndex(["2018-12-31"]), 2)
