"""Indicators: no look-ahead, no units, and the facts about ta that make the wrapper necessary."""

import importlib
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
import ta
from numpy.typing import NDArray

from rnnsearch.data.inputs.indicators import (
    LEFT_OUT,
    UNITS,
    WARMUP,
    InputSpec,
    catalogue,
    compute_indicators,
    filled,
    needs_volume,
)
from rnnsearch.data.inputs.loops import quickened

Columns = dict[str, NDArray[np.float64]]
SAMPLES = ("sp500", "nasdaq")
ROWS = 700
CUTS = (100, 321, 555)
NAMES = [spec.name for spec in catalogue()]
SPECS: dict[str, InputSpec] = {spec.name: spec for spec in catalogue()}
PRICES = ["Open", "High", "Low", "Close"]


@cache
def bars(sample: str, rows: int = ROWS) -> pd.DataFrame:
    """The last rows of a sample: the two Nasdaq sessions without volume are among them at 1,000."""
    frame: pd.DataFrame = importlib.import_module(f"arch.data.{sample}").load()
    return frame.drop(columns="Adj Close").iloc[-rows:].astype(float)


@cache
def computed(sample: str) -> Columns:
    return compute_indicators(bars(sample), NAMES)


@cache
def of_ta(sample: str, fillna: bool = False, cut: int | None = None) -> pd.DataFrame:
    frame = bars(sample).iloc[:cut].reset_index(drop=True)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        columns: pd.DataFrame = ta.add_all_ta_features(frame, *PRICES, "Volume", fillna=fillna)
    return columns.iloc[:, 5:]


def changed_future(frame: pd.DataFrame, row: int) -> pd.DataFrame:
    """Every row after `row` times a factor of its own, up to a thousand."""
    rng = np.random.default_rng(row)
    frame = frame.copy()
    factors = np.exp(rng.uniform(-7, 7, (len(frame) - row - 1, 2)))
    frame.iloc[row + 1 :, :4] *= factors[:, :1]
    frame.iloc[row + 1 :, 4:] *= factors[:, 1:]
    return frame


# --- causal: exact equality, because every value is computed from its past in the same order ------


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("row", CUTS)
def test_rows_that_are_not_there_yet_change_no_value(sample: str, row: int) -> None:
    short = compute_indicators(bars(sample).iloc[: row + 1], NAMES)
    for name, values in computed(sample).items():
        np.testing.assert_array_equal(values[: row + 1], short[name], err_msg=name)


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("row", CUTS)
def test_another_future_changes_no_value(sample: str, row: int) -> None:
    other = compute_indicators(changed_future(bars(sample), row), NAMES)
    for name, values in computed(sample).items():
        np.testing.assert_array_equal(values[: row + 1], other[name][: row + 1], err_msg=name)


@pytest.mark.parametrize("sample", SAMPLES)
def test_another_present_does_change_nearly_every_indicator(sample: str) -> None:
    """The two tests above could not fail if the columns did not depend on their rows at all."""
    row = CUTS[0]
    other = compute_indicators(changed_future(bars(sample), row - 1), NAMES)
    columns = computed(sample)
    moved = {name for name in NAMES if not np.array_equal(columns[name][row:], other[name][row:])}
    assert moved == set(NAMES)


# --- unit-free -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("columns", [PRICES, ["Volume"]])
def test_neither_currency_nor_market_size_matters(sample: str, columns: list[str]) -> None:
    frame = bars(sample).copy()
    frame[columns] *= 1000
    scaled = compute_indicators(frame, NAMES)
    for name, values in computed(sample).items():
        # 1000 is no power of two, so products round differently.
        np.testing.assert_allclose(scaled[name], values, rtol=1e-8, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_beginning_of_the_file_matters_to_recursive_columns_alone(sample: str) -> None:
    skipped = 137
    late = compute_indicators(bars(sample).iloc[skipped:], NAMES)
    for name, values in computed(sample).items():
        if not SPECS[name].recursive:
            first = SPECS[name].warmup  # which is thereby the full reach of the column
            np.testing.assert_allclose(
                late[name][first:], values[skipped + first :], rtol=1e-6, atol=1e-9, err_msg=name
            )


@pytest.mark.parametrize("name", [spec.name for spec in catalogue() if spec.recursive])
def test_recursive_columns_forget_the_beginning_with_distance(name: str) -> None:
    skipped, far = 137, 400
    late = compute_indicators(bars("sp500").iloc[skipped:], [name])[name][far:]
    values = computed("sp500")[name][skipped + far :]
    assert np.abs(late - values).max() < 1e-4 * max(1.0, float(np.std(values)))


# --- every row has a value ------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES)
def test_from_the_warm_up_on_every_value_is_finite_and_before_it_none(sample: str) -> None:
    for name, values in computed(sample).items():
        assert np.isnan(values[: SPECS[name].warmup]).all(), name
        assert np.isfinite(values[SPECS[name].warmup :]).all(), name


def test_sessions_without_volume_leave_no_hole() -> None:
    frame = bars("nasdaq", 1000)
    assert (frame["Volume"] == 0).sum() == 2
    columns = compute_indicators(frame, NAMES)
    assert all(np.isfinite(values[WARMUP:]).all() for values in columns.values())


@pytest.mark.parametrize("what", ["flat", "no volume"])
def test_flat_prices_and_empty_volume_leave_no_hole(what: str) -> None:
    frame = bars("sp500").copy()
    frame.iloc[200:400, :4] = frame.iloc[200:400, :4] if what == "no volume" else 100.0
    frame.iloc[200:400, 4] = 0.0
    columns = compute_indicators(frame, NAMES)
    for name, values in columns.items():
        assert np.isfinite(values[WARMUP:]).all(), name
        assert np.std(values[500:]) > 0 or SPECS[name].unit == "flag", name


def test_a_close_outside_its_bar_spoils_no_later_row() -> None:
    frame = bars("sp500").copy()
    frame.iloc[300, :3] = 1000.0  # High = Low, and Close elsewhere: ta divides by zero
    adi = compute_indicators(frame, ["volume_adi"])["volume_adi"]
    np.testing.assert_allclose(adi[330:], computed("sp500")["volume_adi"][330:], rtol=1e-6)


def test_filled_repeats_the_last_value_and_never_a_later_one() -> None:
    values = np.array([9.0, np.nan, np.inf, 3.0, np.nan, -np.inf, 4.0])
    np.testing.assert_array_equal(filled(values, 1), [np.nan, 0, 0, 3, 3, 3, 4])
    np.testing.assert_array_equal(filled(values, 0), [9, 9, 9, 3, 3, 3, 4])


# --- the catalogue --------------------------------------------------------------------------------


def test_the_catalogue_has_every_column_of_ta_once() -> None:
    of_library = set(of_ta("sp500").columns)
    assert len(of_library) == 86
    assert set(NAMES) - {"trend_psar"} == of_library - set(LEFT_OUT)
    assert len(NAMES) == len(set(NAMES)) == 83


def test_specifications_are_complete() -> None:
    for spec in catalogue():
        assert 0 < spec.warmup < WARMUP
        assert spec.name.startswith(spec.family)
        assert spec.unit in UNITS
        assert spec.name in spec.source


def test_only_some_indicators_need_volume() -> None:
    frame = bars("sp500").drop(columns="Volume")
    names = [spec.name for spec in catalogue() if not needs_volume(spec)]
    assert len(names) == 70
    for name, values in compute_indicators(frame, names).items():
        np.testing.assert_array_equal(values, computed("sp500")[name], err_msg=name)


# --- facts about ta 0.11 --------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES)
def test_ta_psar_is_wrong_on_dates(sample: str) -> None:
    frame = bars(sample)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        psar = ta.trend.PSARIndicator(frame["High"], frame["Low"], frame["Close"]).psar()
    assert len(psar) > len(frame)


@pytest.mark.parametrize("sample", SAMPLES)
def test_ta_looks_ahead_in_its_first_52_rows(sample: str) -> None:
    whole, part = of_ta(sample), of_ta(sample, cut=400)
    for name in whole:
        a, b = whole[name][:400], part[name]
        wrong = np.flatnonzero(~np.isclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True))
        ahead = str(name).startswith(("trend_kst", "trend_visual"))
        assert (len(wrong) > 0) == ahead, name
        assert not ahead or wrong[-1] < 52


@pytest.mark.parametrize("sample", SAMPLES)
def test_ta_looks_ahead_where_it_fills(sample: str) -> None:
    whole, part = of_ta(sample, fillna=True), of_ta(sample, fillna=True, cut=400)
    ahead = {
        str(name) for name in whole if not np.allclose(whole[name][:400], part[name], atol=1e-9)
    }
    families = ("kama", "dpo", "trix", "vortex", "kst", "visual")
    assert all(any(family in name for name in ahead) for family in families)


@pytest.mark.parametrize("sample", SAMPLES)
def test_ta_columns_that_say_the_same(sample: str) -> None:
    columns = of_ta(sample)
    np.testing.assert_allclose(columns["momentum_wr"], columns["momentum_stoch"] - 100, atol=1e-9)
    assert np.corrcoef(columns["others_dr"][1:], columns["others_dlr"][1:])[0, 1] > 0.9997
    half = columns[["trend_psar_up", "trend_psar_down"]].isna()
    assert (half.sum(axis="columns")[3:] == 1).all()


def test_ta_units_by_count() -> None:
    frame = bars("sp500").reset_index(drop=True)
    scaled = {}
    for what, names in {"price": PRICES, "volume": ["Volume"]}.items():
        other = frame.copy()
        other[names] *= 1000
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            columns = ta.add_all_ta_features(other, *PRICES, "Volume").iloc[WARMUP:, 5:]
        plain = of_ta("sp500").iloc[WARMUP:]
        scaled[what] = {
            name
            for name in plain
            if not np.allclose(plain[name], columns[name], rtol=1e-6, atol=1e-6, equal_nan=True)
        }
    assert len(scaled["price"]) == 32
    assert len(scaled["volume"]) == 6
    assert len(scaled["price"] | scaled["volume"]) == 86 - 51


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", [name for name in NAMES if "kst" in name or "vortex" in name])
def test_what_is_computed_here_equals_ta_after_the_warm_up(sample: str, name: str) -> None:
    ours, theirs = computed(sample)[name], of_ta(sample)[name].to_numpy()
    first = SPECS[name].warmup
    np.testing.assert_allclose(ours[first:], theirs[first:], rtol=1e-8, atol=1e-8)


def test_forms_by_hand() -> None:
    frame, raw = bars("sp500").reset_index(drop=True), of_ta("sp500")
    close, volume, columns = frame["Close"], frame["Volume"], computed("sp500")
    t = 600
    mean_volume = volume[t - 19 : t + 1].mean()
    sign = 1 if close[t] >= close[t - 1] else -1
    assert columns["trend_sma_slow"][t] == pytest.approx(
        close[t - 25 : t + 1].mean() / close[t] - 1
    )
    assert columns["volatility_atr"][t] == pytest.approx(raw["volatility_atr"][t] / close[t])
    assert columns["volume_obv"][t] == pytest.approx(sign * volume[t] / mean_volume)
    assert columns["others_cr"][t] == pytest.approx(close[t] / close[t - 60] - 1)
    assert columns["momentum_rsi"][t] == raw["momentum_rsi"][t]


# --- what is computed here instead of by ta -----------------------------------------------------


@pytest.mark.parametrize("decimals", [2, 0], ids=["prices", "many ties"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_quickened_columns_are_those_of_ta_to_the_bit(sample: str, decimals: int) -> None:
    frame = bars(sample, 2000).reset_index(drop=True).round(decimals)
    frame["Volume"] = frame["Volume"].round(-8)  # days of equal volume, too
    for function, columns in ((ta.add_trend_ta, PRICES[1:]), (ta.add_volume_ta, frame.columns[1:])):
        expected = function(frame.copy(), *columns)
        pd.testing.assert_frame_equal(
            quickened(function)(frame.copy(), *columns), expected, check_exact=True
        )
