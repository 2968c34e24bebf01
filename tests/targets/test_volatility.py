"""Volatility as what is forecast: how it is measured, and what doing nothing says of it."""

import numpy as np
import pandas as pd
import pytest

from rnnsearch import targets
from rnnsearch.config import DataSection, StudyFile
from rnnsearch.data.inputs.build import build_inputs
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import DataError
from rnnsearch.targets import Quotes, naive_forecasts
from rnnsearch.targets.ranges import LEAST, NOTHING, volatility
from tests.helpers.storms import stormy

TARGET = targets.get("volatility")


def read(folder, frame, name="prices.csv", **data):
    frame.to_csv(folder / name)
    return read_prices(DataSection(path=folder / name, predict="volatility", **data))


def columns(frame):
    return {name: values.to_numpy() for name, values in frame.items()}


# --- measured


def test_with_open_high_low_and_close_it_is_garman_klass_and_the_gap_before_the_open():
    frame = stormy(300)
    found = volatility(columns(frame), "Close", ranged=True)
    o, h, low, c = (np.log(frame[name].to_numpy()) for name in ("Open", "High", "Low", "Close"))
    by_hand = (
        (o[1:] - c[:-1]) ** 2 + 0.5 * (h - low)[1:] ** 2 - (2 * np.log(2) - 1) * (c - o)[1:] ** 2
    )
    np.testing.assert_allclose(found.values[1:], np.sqrt(by_hand), rtol=1e-9)
    assert found.how.startswith("Garman–Klass")
    assert not found.odd


def test_it_measures_what_moved_the_prices():
    rng = np.random.default_rng(2)
    steps = 0.01 / 10 * rng.normal(size=(2_000, 100))
    log = np.cumsum(steps.ravel()).reshape(2_000, 100)
    frame = {
        "Open": np.exp(log[:, 0] - steps[:, 0]),
        "High": np.exp(np.maximum(log.max(axis=1), log[:, 0] - steps[:, 0])),
        "Low": np.exp(np.minimum(log.min(axis=1), log[:, 0] - steps[:, 0])),
        "Close": np.exp(log[:, -1]),
    }
    for names in (("Open", "High", "Low", "Close"), ("High", "Low", "Close"), ("Close",)):
        some = {name: frame[name] for name in names}
        sigma = volatility(some, "Close", ranged=True).values[1:]
        # Ranges of a hundred steps are a little smaller than those of a path without steps.
        assert np.sqrt(np.mean(sigma**2)) == pytest.approx(0.01, rel=0.12)


def test_without_an_open_it_is_parkinson_and_with_a_close_alone_the_squared_return(tmp_path):
    frame = stormy(100)
    high, low = frame["High"].to_numpy(), frame["Low"].to_numpy()
    prices = read(tmp_path, frame[["High", "Low", "Close"]])
    parkinson = np.log(high / low) / np.sqrt(4 * np.log(2))
    np.testing.assert_allclose(prices.close[1:], parkinson[1:], rtol=1e-9)
    assert prices.how == "Parkinson, from high and low"
    alone = read(tmp_path, frame[["Close"]])
    returns = np.abs(np.diff(np.log(frame["Close"].to_numpy())))
    raised = alone.close[1:] > returns * (1 + 1e-9)
    np.testing.assert_allclose(alone.close[1:][~raised], returns[~raised], rtol=1e-9)
    assert alone.how == "squared returns"
    assert 0 < raised.mean() < 0.15


def test_a_row_without_a_range_or_an_open_has_what_its_row_tells(tmp_path):
    frame = stormy(100)
    frame.loc[frame.index[50], ["Open", "High", "Low"]] = frame["Close"].iloc[50]
    frame.loc[frame.index[60], "Open"] = 0.0
    prices = read(tmp_path, frame)
    close = frame["Close"].to_numpy()
    assert prices.close[50] == pytest.approx(abs(np.log(close[50] / close[49])))
    span = np.log(frame["High"].iloc[60] / frame["Low"].iloc[60])
    assert prices.close[60] == pytest.approx(span / np.sqrt(4 * np.log(2)))
    told = "\n".join(prices.warnings)
    assert "1 of 100 rows have no range" in told
    assert "1 of 100 rows have no Open above 0" in told


def test_a_session_in_which_nothing_moved_counts_as_a_tenth_of_the_usual(tmp_path):
    frame = stormy(100)
    for row in (50, 51):
        frame.iloc[row] = frame["Close"].iloc[49]
    prices = read(tmp_path, frame)
    usual = np.median(prices.close[1:50])
    assert prices.close[50] == pytest.approx(LEAST * usual, rel=0.05)
    assert prices.close[51] == prices.close[50]
    assert np.isfinite(TARGET.values(prices.close, np.arange(1, 100), 1)).all()
    assert "did not move at all in 2 of 100 rows" in "\n".join(prices.warnings)


def test_where_nothing_has_moved_yet_there_is_a_least_volatility():
    close = np.concatenate([np.full(10, 5.0), 5 * np.exp(0.01 * np.arange(1, 11))])
    sigma = volatility({"Close": close}, "Close", ranged=True).values
    assert (sigma[:10] == NOTHING).all()
    assert sigma[10] == pytest.approx(0.01)


def test_another_column_than_the_close_has_the_volatility_of_its_own_returns(tmp_path):
    frame = stormy(100).assign(Index=lambda f: f["Close"] ** 2)
    prices = read(tmp_path, frame, target="Index")
    returns = np.abs(np.diff(np.log(frame["Index"].to_numpy())))
    assert (prices.close[1:] >= returns * (1 - 1e-9)).all()
    assert prices.how == "squared returns"
    assert prices.target == "volatility of Index"
    np.testing.assert_allclose(prices.closes, frame["Index"])


def test_an_adjusted_close_takes_its_own_gap_and_the_range_of_the_day():
    frame = stormy(100)
    raw = frame.copy()
    raw.iloc[50:] *= 0.5  # a split
    half = 0.5 * frame["Close"]
    whole = volatility(columns(frame), "Close", ranged=True).values
    adjusted = volatility(columns(raw.assign(**{"Adj Close": half})), "Adj Close", ranged=True)
    np.testing.assert_allclose(adjusted.values, whole, rtol=1e-9)


def test_prices_that_are_not_above_0_have_no_volatility(tmp_path):
    frame = stormy(100)[["Close"]]
    frame.iloc[40] = -1.0
    with pytest.raises(DataError, match=r'predict = "volatility" needs prices above 0.*row 41'):
        read(tmp_path, frame)


def test_no_later_row_changes_what_was_measured(tmp_path):
    frame = stormy(120)
    other = frame.copy()
    other.iloc[80:] *= np.linspace(2, 3, 40)[:, None]
    other.iloc[100, :] = other.iloc[99, 3]
    other.iloc[90, 0] = 0.0
    first, second = read(tmp_path, frame), read(tmp_path, other)
    np.testing.assert_array_equal(first.close[:80], second.close[:80])
    study = StudyFile(data=DataSection(path=tmp_path / "prices.csv", predict="volatility"))
    one, two = (build_inputs(prices, study, None) for prices in (first, second))
    assert one.names == two.names
    np.testing.assert_array_equal(one.values[:80], two.values[:80])


# --- forecast


def test_a_target_is_the_log_of_the_root_mean_square_of_the_sessions_after_the_origin():
    sigma = np.array([9.0, 1, 2, 3, 4, 5, 6])
    y = TARGET.values(sigma, np.array([4, 6]), 2)
    np.testing.assert_allclose(y, np.log([np.sqrt((9 + 16) / 2), np.sqrt((25 + 36) / 2)]))
    np.testing.assert_allclose(TARGET.told(y, sigma[[2, 4]]), np.sqrt([12.5, 30.5]))


def test_doing_nothing_repeats_as_many_sessions_or_says_the_mean_of_the_training_targets():
    sigma = np.exp(np.random.default_rng(0).normal(size=40))
    rows, train, h = np.arange(30, 40), np.arange(5, 25), 3
    naive = naive_forecasts(TARGET, Quotes(sigma), rows, h, train)
    by_hand = [np.log(np.mean(sigma[t - h + 1 : t + 1] ** 2)) / 2 for t in rows - h]
    np.testing.assert_allclose(naive["no_change"], by_hand)
    np.testing.assert_allclose(naive["average"], TARGET.values(sigma, train, h).mean())
    later = sigma.copy()
    later[28:] *= 7
    again = naive_forecasts(TARGET, Quotes(later), rows[:1], h, train)
    assert again["no_change"][0] == naive["no_change"][0]
    assert again["average"][0] == naive["average"][0]


def test_it_says_nothing_of_prices_and_has_no_direction():
    with pytest.raises(ValueError, match="does not say where the price goes"):
        TARGET.to_price(np.ones(1), np.ones(1))
    assert TARGET.move(np.ones(1), np.ones(1), np.ones(1)) is None
    assert not TARGET.directed
    assert not TARGET.chance
    assert TARGET.columns == ("forecast_volatility", "low_volatility", "high_volatility")


def test_the_inputs_of_every_trial_are_the_return_and_what_was_realised(tmp_path):
    frame = stormy(200)
    prices = read(tmp_path, frame)
    study = StudyFile(data=DataSection(path=tmp_path / "prices.csv", predict="volatility"))
    table = build_inputs(prices, study, None)
    assert table.always == ("return", "realised", "realised_5", "realised_22")
    values = pd.DataFrame(table.values, columns=list(table.names))
    returns = np.diff(np.log(frame["Close"].to_numpy()))
    np.testing.assert_allclose(values["return"][1:], returns, rtol=1e-5, atol=1e-7)
    month = np.log(np.sqrt(np.mean(prices.close[79:101] ** 2)))
    assert values["realised_22"][100] == pytest.approx(month, rel=1e-5)
    assert values["realised"][100] == pytest.approx(np.log(prices.close[100]), rel=1e-5)
