"""The input table: which inputs it has, that none sees the future, and that its cache survives."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import StudyFile
from rnnsearch.data.inputs.build import (
    InputTable,
    build_inputs,
    export_inputs,
    input_listing,
    load_inputs,
    relative_change,
)
from rnnsearch.data.inputs.indicators import WARMUP, catalogue
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import DataError, StorageError, StudyFileError

pytestmark = pytest.mark.slow  # seconds each, or many

PRICE = ("open_close", "high_close", "low_close", "volume_change")


def study(indicators: Any = "all", predict: str = "log_return", **data: Any) -> StudyFile:
    return StudyFile.model_validate(
        {
            "data": {"sample": "sp500", "predict": predict, **data},
            "inputs": {"indicators": indicators},
        }
    )


def sample(name: str = "sp500", rows: int = 300, **extra: Any) -> Prices:
    """The last rows of a sample, with two columns of our own."""
    prices = read_prices(study(sample=name).data)
    frame = prices.frame.iloc[-rows:].copy()
    rng = np.random.default_rng(0)
    frame = frame.assign(**{key: rng.normal(size=rows) for key in extra})
    return replace(prices, frame=frame)


# --- which inputs ---------------------------------------------------------------------------------


def test_all_means_price_inputs_every_indicator_and_every_column() -> None:
    table = build_inputs(sample(vix=1), study(), None)
    indicators = tuple(spec.name for spec in catalogue())
    assert table.names == ("return", *PRICE, *indicators, "vix")
    assert len(table.names) == 89
    assert [*dict.fromkeys(spec.family for spec in table.specs[1:])] == [
        "price", "volume", "volatility", "trend", "momentum", "others", "column",
    ]  # fmt: skip
    assert table.always == ("return",)
    assert table.warmup == WARMUP
    assert table.values.shape == (300, 89)
    assert table.values.dtype == np.float32
    assert table.values.flags.c_contiguous
    assert not table.values.flags.writeable
    assert np.isfinite(table.values[WARMUP:]).all()


def test_none_leaves_the_return_and_the_columns() -> None:
    table = build_inputs(sample(vix=1), study("none"), None)
    assert table.names == ("return", "vix")
    assert table.specs[-1].family == "column"
    assert table.warmup == 1


def test_families_and_names_can_be_mixed() -> None:
    table = build_inputs(sample(), study(("others", "momentum_rsi", "high_close")), None)
    assert table.names == ("return", "high_close", "momentum_rsi", "others_dr", "others_cr")
    assert build_inputs(sample(), study(("price",)), None).names == ("return", *PRICE)


def test_a_forecast_of_levels_sees_the_level() -> None:
    prices = sample()
    table = build_inputs(prices, study("none", predict="level"), None)
    assert table.names == table.always == ("return", "level")
    np.testing.assert_array_equal(table.values[:, 1], prices.close.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("momentum_rsj", "there is no 'momentum_rsj'; did you mean momentum_rsi"),
        ("trends", "there is no 'trends'; did you mean trend"),
        ("rsi", "there is no 'rsi'; did you mean momentum_rsi or momentum_stoch_rsi or"),
        ("MACD", "there is no 'MACD'; did you mean trend_macd or trend_macd_diff or"),
        ("???", "families: price, volume, volatility, trend, momentum, others"),
        ("momentum_wr", "momentum_wr is left out because momentum_stoch says the same"),
    ],
)
def test_an_unknown_indicator_is_refused_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(StudyFileError) as refused:
        build_inputs(sample(), study((name,)), None)
    assert message in str(refused.value)


def test_without_volume_what_needs_it_is_left_out_and_noted() -> None:
    prices = sample()
    prices = replace(prices, frame=prices.frame.drop(columns="Volume"))
    table = build_inputs(prices, study(), None)
    assert len(table.names) == 88 - 14
    assert "no column Volume, so 14 of 87 computed inputs are left out" in table.notes[0]
    with pytest.raises(DataError, match="no column Volume"):
        build_inputs(prices, study(("volume",)), None)


def test_without_bars_the_columns_are_the_inputs() -> None:
    prices = sample(vix=1)
    prices = replace(prices, frame=prices.frame[["Close", "vix"]])
    table = build_inputs(prices, study(), None)
    assert table.names == ("return", "vix")
    assert table.warmup == 1
    assert "no column High, Low, Open, Volume, so" in table.notes[0]


def test_a_column_cannot_take_the_name_of_a_computed_input() -> None:
    with pytest.raises(DataError, match="'momentum_rsi' has the name of a computed input; rename"):
        build_inputs(sample(momentum_rsi=1), study(), None)


def test_indicators_need_prices_above_zero_and_rows_to_warm_up() -> None:
    prices = sample()
    with pytest.raises(DataError, match="more than 80 rows to warm up, but there are 80; give"):
        build_inputs(replace(prices, frame=prices.frame[:80]), study(), None)
    prices.frame.iloc[99, 2] = -1.0
    with pytest.raises(DataError, match=r"an indicator needs prices above 0, but Low in row 100"):
        build_inputs(prices, study(predict="level"), None)


def test_a_column_that_float32_cannot_hold_is_left_out_and_noted() -> None:
    prices = sample(huge=1)
    prices.frame["huge"] *= 1e39
    table = build_inputs(prices, study("none"), None)
    assert table.names == ("return",)
    assert "'huge' has values too large for float32" in table.notes[0]


# --- their values ---------------------------------------------------------------------------------


def test_price_inputs_by_hand() -> None:
    prices = sample(vix=1)
    table, frame, t = build_inputs(prices, study(), None), prices.frame, 200
    row = dict(zip(table.names, table.values[t], strict=True))
    close, volume = frame["Close"].to_numpy(), frame["Volume"].to_numpy()
    assert row["return"] == pytest.approx(np.log(close[t] / close[t - 1]), rel=1e-6)
    assert row["high_close"] == pytest.approx(np.log(frame["High"].iloc[t] / close[t]), rel=1e-6)
    assert row["volume_change"] == pytest.approx(np.log(volume[t] / volume[t - 1]), rel=1e-6)
    assert row["vix"] == np.float32(frame["vix"].iloc[t])


def test_relative_change_is_a_log_ratio_where_there_is_one() -> None:
    a = np.array([2.0, 1.001, 0.0, 5.0, 0.0, -1.0, -1.001])
    b = np.array([1.0, 1.0, 5.0, 0.0, 0.0, 1.0, -1.0])
    expected = [np.log(2), np.log(1.001), -2, 2, 0, -2, -0.001]
    np.testing.assert_allclose(relative_change(a, b), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["sp500", "nasdaq"])
@pytest.mark.parametrize("predict", ["log_return", "level"])
@pytest.mark.parametrize("row", [90, 207])
def test_no_input_sees_the_future(name: str, predict: str, row: int) -> None:
    """Neither rows that are missing nor rows that are different change a value up to `row`."""
    prices, settings = sample(name, vix=1), study(predict=predict)
    whole = build_inputs(prices, settings, None)
    rng = np.random.default_rng(row)
    other = prices.frame.copy()
    other.iloc[row + 1 :] *= np.exp(rng.normal(0, 2, (len(other) - row - 1, 1)))
    for frame in (prices.frame[: row + 1], other):
        table = build_inputs(replace(prices, frame=frame), settings, None)
        assert table.names == whole.names
        np.testing.assert_array_equal(table.values[: row + 1], whole.values[: row + 1])


# --- the table ------------------------------------------------------------------------------------


def test_columns_are_found_by_name() -> None:
    table = build_inputs(sample(), study(("price",)), None)
    assert table.columns(["low_close", "return"]).tolist() == [3, 0]
    assert table.columns([]).dtype == np.int64
    with pytest.raises(DataError, match="no input 'vix'"):
        table.columns(["vix"])


def test_the_listing_says_from_when_on_an_input_has_values() -> None:
    prices = sample()
    listing = input_listing(build_inputs(prices, study(), None), prices.dates)
    assert list(listing.columns) == [
        "name", "family", "unit", "warmup", "first_date", "recursive", "source",
    ]  # fmt: skip
    row = listing.set_index("name").loc["trend_sma_slow"]
    assert row["first_date"] == prices.dates[25]
    assert row["unit"] == "ratio"


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_an_export_holds_the_table_with_its_dates(tmp_path: Path, ending: str) -> None:
    prices = sample()
    table = build_inputs(prices, study(), None)
    path = tmp_path / f"inputs{ending}"
    export_inputs(table, prices.dates, path)
    read = pd.read_csv(path, index_col=0) if ending == ".csv" else pd.read_parquet(path)
    assert tuple(read.columns) == table.names
    assert [str(day)[:10] for day in read.index] == [str(day)[:10] for day in prices.dates]
    np.testing.assert_allclose(read.to_numpy(np.float32), table.values, rtol=1e-6)
    with pytest.raises(StudyFileError, match="change the ending"):
        export_inputs(table, prices.dates, tmp_path / "inputs.xls")


@pytest.mark.parametrize(
    "change", [{"indicators": ("trend",)}, {"predict": "level"}, {"price": 1.0}, {}]
)
def test_the_hash_is_of_prices_target_and_inputs(change: dict[str, Any]) -> None:
    before = build_inputs(sample(), study(("price",)), None).hash
    prices = sample()
    prices.frame.iloc[-1, 3] += change.get("price", 0.0)
    settings = {"indicators": ("price",), **change}
    settings.pop("price", None)
    after = build_inputs(prices, study(**settings), None).hash
    assert len(after) == 16
    assert (after == before) == (not change)


# --- the cache ------------------------------------------------------------------------------------


def cached(folder: Path) -> InputTable:
    return build_inputs(sample(), study(("price", "others")), folder)


def test_a_cached_table_is_the_table_and_cannot_be_written(tmp_path: Path) -> None:
    table = cached(tmp_path / "a" / "cache")
    plain = build_inputs(sample(), study(("price", "others")), None)
    assert isinstance(table.values, np.memmap)
    assert table.path is not None
    np.testing.assert_array_equal(table.values, plain.values)
    assert (table.specs, table.warmup, table.hash) == (plain.specs, plain.warmup, plain.hash)
    again = load_inputs(table.path)
    assert again.specs == table.specs
    assert again.values.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        again.values[0, 0] = 1


def test_a_second_build_computes_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    first = cached(tmp_path)
    monkeypatch.setattr("rnnsearch.data.inputs.build._compute", None)
    assert cached(tmp_path).path == first.path


@pytest.mark.parametrize("ending", [".npy", ".json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "noise", "other"])
def test_a_damaged_entry_is_built_again(tmp_path: Path, ending: str, damage: str) -> None:
    good = cached(tmp_path)
    assert good.path is not None
    expected = np.array(good.values)
    path = good.path.with_suffix(ending)
    content = path.read_bytes()
    path.unlink()
    if damage == "other":
        if ending == ".npy":
            np.save(path, expected[:-1])
        else:
            path.write_text(json.dumps({"specs": [], "shape": [300, 7]}))
    elif damage != "missing":
        parts = {"cut": content[: len(content) // 2], "empty": b"", "noise": os.urandom(500)}
        path.write_bytes(parts[damage])
    with pytest.raises(StorageError, match="missing or damaged"):
        load_inputs(good.path)
    np.testing.assert_array_equal(cached(tmp_path).values, expected)
    np.testing.assert_array_equal(load_inputs(good.path).values, expected)


def test_a_crash_between_the_two_files_leaves_no_entry(tmp_path: Path, monkeypatch: Any) -> None:
    real = os.replace

    def crash(source: str, target: Path) -> None:
        if target.suffix == ".json":
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("rnnsearch.data.atomic.os.replace", crash)
        with pytest.raises(KeyboardInterrupt):
            cached(tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]
    assert cached(tmp_path).names[0] == "return"


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path: Path, monkeypatch: Any) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rnnsearch.data.atomic.os.fsync", full)
    with pytest.raises(StorageError, match="No space left on device; free space there") as refused:
        cached(tmp_path)
    assert str(refused.value).startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(StorageError, match="cannot be written"):
        cached(tmp_path / "cache")


def test_a_worker_opens_a_table_without_pandas(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from rnnsearch.data.inputs.build import load_inputs\n"
        "table = load_inputs(Path(sys.argv[1]))\n"
        "print(table.values.shape, *({'ta', 'pandas', 'pydantic', 'torch'} & set(sys.modules)))"
    )
    path = str(cached(tmp_path).path)
    out = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert out.stdout.strip() == "(300, 7)", out.stderr
