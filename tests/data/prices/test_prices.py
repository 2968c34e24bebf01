"""Price files: what is read, refused with its row and remedy, and warned of."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import DataSection
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import DataError

HEADER = "Date,Open,High,Low,Close,Volume"
ROWS = [
    "2014-03-03,10,11,9,10.5,1000",
    "2014-03-04,10.5,11.5,10,11,1100",
    "2014-03-05,11,12,10.5,11.5,900",
    "2014-03-06,11.5,12,11,11.75,1200",
]


def read(folder: Path, *lines: str, name: str = "prices.csv", **data: Any) -> Prices:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_prices(DataSection(path=path, **data))


def with_row(row: int, text: str) -> list[str]:
    """A good file whose row (counted from 1) is replaced."""
    return [HEADER, *ROWS[: row - 1], text, *ROWS[row:]]


def test_a_good_file_is_read_in_full(tmp_path: Path) -> None:
    prices = read(tmp_path, HEADER, *ROWS)
    assert prices.name == "prices.csv"
    assert list(prices.frame.columns) == ["Open", "High", "Low", "Close", "Volume"]
    assert prices.close.tolist() == [10.5, 11, 11.5, 11.75]
    assert prices.close.dtype == np.float64
    assert (prices.frame.dtypes == np.float64).all()
    assert prices.dates.name == "Date"
    assert {"Open", "High", "Low", "Close", "Volume"} <= set(prices.frame)
    assert prices.warnings == ()


def test_names_are_found_whatever_their_case_blanks_and_underscores(tmp_path: Path) -> None:
    lines = ["DATETIME, open ,HIGH,low_,close,VOLUME,adj_close"]
    lines += [f"{row},{number}" for number, row in enumerate(ROWS, 1)]
    prices = read(tmp_path, *lines, target="adjclose")
    assert prices.target == "Adj Close"
    assert list(prices.frame) == ["Open", "High", "Low", "Close", "Volume", "Adj Close"]


def test_adj_close_is_left_out_because_later_dividends_rewrite_it(tmp_path: Path) -> None:
    lines = [f"{HEADER},Adj Close", *[f"{row},5" for row in ROWS]]
    assert "Adj Close" not in read(tmp_path, *lines).frame
    with pytest.raises(DataError, match="it knows the future"):
        read(tmp_path, *lines, columns=("Adj Close",))


def test_adjust_rescales_the_four_prices_and_not_the_volume(tmp_path: Path) -> None:
    halves = [f"{row},{float(row.split(',')[4]) / 2}" for row in ROWS]
    prices = read(tmp_path, f"{HEADER},AdjClose", *halves, adjust=True)
    plain = read(tmp_path, HEADER, *ROWS)
    names = ["Open", "High", "Low", "Close"]
    pd.testing.assert_frame_equal(prices.frame[names], plain.frame[names] / 2)
    assert prices.frame["Volume"].equals(plain.frame["Volume"])
    assert "Adj Close" not in prices.frame


def test_a_file_with_a_target_and_other_columns_needs_no_bars(tmp_path: Path) -> None:
    prices = read(
        tmp_path, "day,time,EUR,rate", "a,2020-01-01,1.1,3", "b,2020-01-02,1.2,4", target="eur"
    )
    assert prices.target == "EUR"
    assert prices.extras == ("rate",)
    assert "Open" not in prices.frame
    assert "'day' is not numeric" in prices.warnings[0]


def test_names_may_be_of_any_language_and_the_file_may_begin_with_a_mark(tmp_path: Path) -> None:
    lines = ["\ufeffDate,均價,Spréad", *[f"{row[:10]},{n + 1},{n}" for n, row in enumerate(ROWS)]]
    prices = read(tmp_path, *lines, target="均價")
    assert (prices.target, prices.extras) == ("均價", ("Spréad",))


def test_columns_chooses_the_extra_columns(tmp_path: Path) -> None:
    lines = [f"{HEADER},vix,rate", *[f"{row},{n},{n * 2}" for n, row in enumerate(ROWS)]]
    assert read(tmp_path, *lines).extras == ("vix", "rate")
    assert read(tmp_path, *lines, columns="none").extras == ()
    assert read(tmp_path, *lines, columns=("Rate",)).extras == ("rate",)
    with pytest.raises(DataError, match=r"no column 'vixx' \(set by columns\); did you mean vix\?"):
        read(tmp_path, *lines, columns=("vixx",))


def test_a_constant_column_is_ignored_unless_it_is_named(tmp_path: Path) -> None:
    lines = [f"{HEADER},flat", *[f"{row},7" for row in ROWS]]
    prices = read(tmp_path, *lines)
    assert prices.extras == ()
    assert "column 'flat' is always 7 and is ignored" in prices.warnings[0]
    assert read(tmp_path, *lines, columns=("flat",)).extras == ("flat",)


def test_a_row_counter_without_a_name_is_no_input(tmp_path: Path) -> None:
    prices = read(tmp_path, f",{HEADER}", *[f"{n},{row}" for n, row in enumerate(ROWS)])
    assert prices.extras == ()
    assert prices.warnings == ("prices.csv: column 1 has no name and is ignored.",)


def test_columns_may_be_called_by_numbers(tmp_path: Path) -> None:
    prices = read(tmp_path, ",2330,2317", "2014-03-03,60,40", "2014-03-04,61,41", target="2330")
    assert (prices.target, prices.extras) == ("2330", ("2317",))


def test_a_first_column_without_a_name_is_the_date(tmp_path: Path) -> None:
    nameless = read(tmp_path, HEADER.removeprefix("Date"), *ROWS)
    assert nameless.hash == read(tmp_path, HEADER, *ROWS).hash


def test_a_column_that_counts_rows_or_time_is_no_input(tmp_path: Path) -> None:
    days = pd.bdate_range("2014-03-03", periods=300)
    lines = [f"{day:%Y-%m-%d},{10 + n % 7},{n},{n**2}" for n, day in enumerate(days)]
    prices = read(tmp_path, "Date,Close,No,Squares", *lines)
    assert prices.extras == ("Squares",)
    assert prices.warnings == ("prices.csv: column 'No' only counts rows or time and is ignored.",)
    assert read(tmp_path, "Date,Close,No,Squares", *lines, columns=("No",)).extras == ("No",)


def test_a_volume_that_is_missing_in_every_row_is_no_volume(tmp_path: Path) -> None:
    prices = read(tmp_path, "Date,Close,Volume", "2014-03-03,10,-", "2014-03-04,11,")
    assert list(prices.frame) == ["Close"]
    assert prices.warnings == ("prices.csv: Volume is missing in every row and is ignored.",)


def test_semicolons_separate_as_well_as_commas(tmp_path: Path) -> None:
    lines = [line.replace(",", ";") for line in (HEADER, *ROWS)]
    assert read(tmp_path, *lines).hash == read(tmp_path, HEADER, *ROWS).hash


REFUSED = {
    "dates must increase, but row 3 is 2014-03-01 after 2014-03-04; sort the file or remove": (
        with_row(3, "2014-03-01,11,12,10.5,11.5,900")
    ),
    "dates must differ, but rows 2 and 3 are both 2014-03-04": with_row(
        3, "2014-03-04,11,12,10.5,11.5,900"
    ),
    "the date of row 3 is 'soon'; correct or remove": with_row(3, "soon,11,12,10.5,11.5,900"),
    "the date of row 3 is missing": with_row(3, ",11,12,10.5,11.5,900"),
    "Close must be there in every row, but row 2 (2014-03-04) is missing; fill it": with_row(
        2, "2014-03-04,10.5,11.5,10,,1100"
    ),
    "Volume must be there in every row, but row 2 (2014-03-04) is missing": with_row(
        2, "2014-03-04,10.5,11.5,10,11,"
    ),
    "Close must be there in every row, but row 2 (2014-03-04) is inf": with_row(
        2, "2014-03-04,10.5,11.5,10,inf,1100"
    ),
    "Close must be a number, but row 2 (2014-03-04) is '11,25'; write the number with a "
    "decimal point and no thousands separators": with_row(
        2, '2014-03-04,10.5,11.5,10,"11,25",1100'
    ),
    "Close must be a number, but row 2 (2014-03-04) is 'closed'; write the number alone": with_row(
        2, "2014-03-04,10.5,11.5,10,closed,1100"
    ),
    'predict = "log_return" needs prices above 0, but Close in row 2 (2014-03-04) is -1': with_row(
        2, "2014-03-04,10.5,11.5,-2,-1,1100"
    ),
    "High must not be under Low, but row 2 (2014-03-04) has High 9 and Low 10; correct": with_row(
        2, "2014-03-04,10.5,9,10,11,1100"
    ),
    "Volume must not be negative, but row 2 (2014-03-04) is -5": with_row(
        2, "2014-03-04,10.5,11.5,10,11,-5"
    ),
    "one time zone, but row 1 is '2014-03-03' and row 2 is '2014-03-04 16:00+08:00'": with_row(
        2, "2014-03-04 16:00+08:00,10.5,11.5,10,11,1100"
    ),
    "is not a table with ',' between its columns": with_row(
        2, "2014-03-04,10.5,11.5,10,11,1100,7,8,9"
    ),
    "column names must differ, but column 5 and column 7 are both 'Close'": [
        f"{HEADER},Close",
        *[f"{row},1" for row in ROWS],
    ],
    "'Close' and 'close' are both Close; rename or remove one": [
        f"{HEADER},close",
        *[f"{row},1" for row in ROWS],
    ],
    "there is no date column; call one Date": ["Session,Close", "first,1", "second,2"],
    "Time, and the price Close (or name it as the target). The file has Session, Worth": [
        "Session,Worth",
        "first,1",
        "second,2",
    ],
    "there is no column 'Close' (set by target); did you mean Closing?": [
        "Date,Closing",
        "2014-03-03,1",
        "2014-03-04,2",
    ],
    "Close must move, but it is 7 in every row": ["Date,Close", "2014-03-03,7", "2014-03-04,7"],
    "the first line has 4 values (1546300800, 4093.75, 4170.53, ...) where the names": [
        "1546300800,4093.75,4170.53,1",
        "1546387200,4094.75,4171.53,2",
    ],
    "has 1 row; a forecast needs at least 2": [HEADER, ROWS[0]],
    "vix must be there in every row, but row 2 (2014-03-04) is missing (2 such rows: 2, 3); "
    'fill it or remove the row, or write missing = "drop" in [data]: the 2 rows without every '
    'value will be left out, or fill = "forward": each has the last known value, or leave vix out '
    "with columns": [
        f"{HEADER},vix",
        f"{ROWS[0]},1",
        *[f"{row}," for row in ROWS[1:3]],
        f"{ROWS[3]},2",
    ],
}


@pytest.mark.parametrize("message", REFUSED)
def test_bad_rows_are_refused_with_row_value_and_remedy(tmp_path: Path, message: str) -> None:
    with pytest.raises(DataError) as refused:
        read(tmp_path, *REFUSED[message])
    assert str(refused.value).startswith("prices.csv: ")
    assert message in str(refused.value)
    assert refused.value.exit_code == 3


def test_negative_prices_are_fine_for_a_forecast_of_levels(tmp_path: Path) -> None:
    lines = ["Date,Close", "2020-04-17,18.27", "2020-04-20,-37.63", "2020-04-21,10.01"]
    assert read(tmp_path, *lines, predict="level").close[1] == -37.63


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("prices.csv", None, "there is no such file; correct the path"),
        ("prices.csv", b"", "the file is empty"),
        ("prices.csv", b"\n \n", "the file is empty"),
        ("prices.csv", b"Date,Close\n2020-01-01,\xff\xfe\n2020-01-02,1\n", "is not UTF-8|row 1"),
        ("prices.csv", "Date,Close\n2020-01-01,1\n".encode("utf-16")[:-3], "is not UTF-8 text"),
        ("prices.csv", "Date,均價\n2020-01-01,1\n".encode("big5"), "is not UTF-8 text"),
        ("prices.csv", "\n".join([HEADER, *ROWS, ""]).encode() + bytes(99), "the date of row 5 is"),
        ("prices.xlsx", b"PK\x03\x04", "is packed and damaged"),
        ("prices.xls", b"\xd0\xcf\x11\xe0\xa1", "old Excel workbook .* save it as .xlsx or CSV"),
        ("prices.xls", b"<html><table>", "is a web page or XML, .* save it as CSV or .xlsx"),
        ("prices.csv", b"\x1f\x8bdamaged", "is packed and damaged"),
        ("prices.json", b'[{"Date": "2020-01-01"', "is not JSON"),
        ("prices.json", b'{"error": "limit"}', "has no table of prices: JSON is read as a list"),
        ("mine.toml", b"[data]", "is a study file"),
        ("prices.parquet", b"PAR1 not at all", "is not a Parquet file"),
    ],
)
def test_files_that_hold_no_prices_are_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_prices(DataSection(path=path))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read_prices(DataSection(path=tmp_path))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    os.mkfifo(path)
    with pytest.raises(DataError, match="is no regular file"):
        read_prices(DataSection(path=path))


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="File name too long"):
        read_prices(DataSection(path=tmp_path / ("x" * 5000 + ".csv")))


@pytest.mark.slow
def test_the_wrong_one_of_a_million_rows_is_named(tmp_path: Path) -> None:
    minutes = pd.date_range("1990-01-01", periods=1_000_000, freq="min").astype("str")
    lines = ["Date,Close", *(f"{minute},{100 + i % 7}" for i, minute in enumerate(minutes))]
    lines[-1] = f"{minutes[-1]},closed"
    with pytest.raises(DataError, match=r"row 1000000 \(1991-11-26 10:39:00\) is 'closed'"):
        read(tmp_path, *lines)


def test_adjust_needs_the_adjusted_close(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="set adjust = false"):
        read(tmp_path, HEADER, *ROWS, adjust=True)


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        (
            [*with_row(3, "2014-03-05,5.4,5.6,5.3,5.5,900")[:-1], "2014-03-06,11,11,11,11,9"],
            "Close jumps from 11 to 5.5 (-50%) on 2014-03-05 (and 1 times more), which looks like "
            "a split",
        ),
        (
            with_row(3, "2014-03-05,11,11,11,11,0"),
            "Volume is 0 in 1 row, first on 2014-03-05; 1 of them only repeats the close before",
        ),
        (
            with_row(3, "2014-03-05,11,12,10.5,12.5,900"),
            "Open or Close lies outside Low..High on 2014-03-05",
        ),
        (
            with_row(4, "2014-03-26,11.5,12,11,11.75,1200"),
            "no sessions between 2014-03-05 and 2014-03-26",
        ),
    ],
)
def test_what_looks_odd_is_warned_of_and_kept(
    tmp_path: Path, lines: list[str], warning: str
) -> None:
    prices = read(tmp_path, *lines)
    assert len(prices.dates) == 4
    assert any(warning in text for text in prices.warnings), prices.warnings


def test_the_hash_is_of_the_content_alone(tmp_path: Path) -> None:
    sample = read_prices(DataSection(sample="sp500"))
    sample.frame.to_csv(tmp_path / "a.csv")
    sample.frame.to_parquet(tmp_path / "b.parquet")
    sample.frame.reset_index().to_parquet(tmp_path / "c.parquet")
    sample.frame.tz_localize("America/New_York").to_parquet(tmp_path / "d.parquet")
    hashes = {read_prices(DataSection(path=path)).hash for path in tmp_path.iterdir()}
    assert hashes == {sample.hash}
    assert sample.hash == "cc9b568dc670c967"
    assert len(sample.hash) == 16


@pytest.mark.parametrize("change", ["price", "date", "name"])
def test_the_hash_changes_with_any_content(tmp_path: Path, change: str) -> None:
    extra = [f"{HEADER},vix", *[f"{row},{n}" for n, row in enumerate(ROWS)]]
    before = read(tmp_path, *extra).hash
    changed = {
        "price": [line.replace("11.75", "11.76") for line in extra],
        "date": [line.replace("2014-03-06", "2014-03-07") for line in extra],
        "name": [line.replace("vix", "vxn") for line in extra],
    }[change]
    assert read(tmp_path, *changed).hash != before


@pytest.mark.parametrize("sample", ["sp500", "nasdaq"])
def test_samples_are_read(sample: Any) -> None:
    prices = read_prices(DataSection(sample=sample))
    assert prices.name == f"sample {sample}"
    assert len(prices.dates) == 5031
    assert {"Open", "High", "Low", "Close", "Volume"} <= set(prices.frame)


def test_a_later_close_below_zero_changes_no_quote_of_earlier_rows(tmp_path: Path) -> None:
    before = read(tmp_path, *with_row(4, "2014-03-06,11.5,12,11,11.75,1200"), target="Open")
    after = read(tmp_path, *with_row(4, "2014-03-06,11.5,12,-3,-2,1200"), target="Open")
    assert before.quotes.close is not None
    assert after.quotes.close is not None
    assert after.quotes.close[:3].tolist() == before.quotes.close[:3].tolist() == [10.5, 11, 11.5]
    assert after.quotes.close[3] == after.quotes.target[3] == 11.5
