"""Joined markets: a session knows what had closed when it closed, and nothing that came later."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import StudyFile, load_study
from rnnsearch.data.inputs.build import build_inputs, input_listing, load_inputs
from rnnsearch.data.inputs.indicators import WARMUP, compute_indicators
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import DataError
from tests.helpers.markets import (
    NASDAQ,
    NEW_YORK,
    NEW_YORK_AT_FOUR,
    STUDIES,
    TAIPEI,
    column,
    joined,
    known_dates,
    series,
    sessions,
    study,
)

pytestmark = pytest.mark.slow  # seconds each, or many

# --- Taipei and New York around Lunar New Year 2024 ----------------------------------------------


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
    assert table.specs[-1].family == "us"
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
    assert [spec.family for spec in table.specs[1:]] == ["us"] * 5 + ["spx"] * 5
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
    monkeypatch.setattr("rnnsearch.data.inputs.build._compute", None)
    again = build_inputs(prices, settings, tmp_path)
    assert first.path is not None
    assert again.path == first.path
    assert again.specs == load_inputs(first.path).specs
    assert input_listing(again, taipei.dates)["first_date"].iloc[1] == taipei.dates[3]


@pytest.mark.slow
def test_a_study_without_a_calendar_imports_none() -> None:
    code = (
        "import sys; from rnnsearch.config import DataSection, StudyFile\n"
        "from rnnsearch.data.inputs.build import build_inputs\n"
        "from rnnsearch.data.prices.load import read_prices\n"
        "data = {'sample': 'sp500', 'close_time': '16:00', 'time_zone': 'America/New_York'}\n"
        "data['join'] = [{**data, 'prefix': 'x_'}]\n"
        "study = StudyFile.model_validate({'data': data, 'inputs': {'indicators': 'none'}})\n"
        "print(build_inputs(read_prices(study.data), study, None).values.shape)\n"
        "print('exchange_calendars' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.stdout.split("\n")[:2] == ["(5031, 6)", "False"], out.stderr


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


@pytest.mark.slow
def test_the_sample_study_joins_the_nasdaq() -> None:
    settings = load_study(STUDIES / "sp500_nasdaq.toml")
    prices = read_prices(settings.data)
    assert [other.name for other in prices.joined] == ["sample nasdaq"]
    table = build_inputs(prices, settings, None)
    assert [*dict.fromkeys(spec.family for spec in table.specs[1:])] == [
        "price", "volatility", "momentum", "nasdaq",
    ]  # fmt: skip
    assert table.warmup == WARMUP
    assert table.notes == ()
    close = prices.joined[0].close
    t = 3000  # both close at the same instant
    assert prices.dates[t] == prices.joined[0].dates[t]
    assert column(table, "nasdaq_return")[t] == pytest.approx(np.log(close[t] / close[t - 1]))
