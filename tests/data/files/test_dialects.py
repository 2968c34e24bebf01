"""Files as exchanges, brokers and spreadsheets write them: each is read as the plain file is."""

from pathlib import Path
from typing import Any

import pytest

from rnnsearch.config import DataSection
from rnnsearch.data.files.dispatch import read_table
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import DataError

PLAIN = """Date,Open,High,Low,Close,Volume
2024-01-11,1310,1322.5,1301.25,1320.75,1912345
2024-01-12,1320.75,1331,1311,1315.5,912345
2024-01-15,1315.5,1318.25,1290,1299.25,2500000
"""
TWSE = """"113年01月 2330 台積電           各日成交資訊"
"日期","成交股數","成交金額","開盤價","最高價","最低價","收盤價","漲跌價差",
"113/01/11","1,912,345","7","1,310.00","1,322.50","1,301.25","1,320.75","+3.00",
"113/01/12","912,345","8","1,320.75","1,331.00","1,311.00","1,315.50","X0.00",
"113/01/15","2,500,000","9","1,315.50","1,318.25","1,290.00","1,299.25","-16.25",
"說明:"
"符號說明:+/-/X表示漲/跌/不比價"
"""
GERMAN = """Datum;Eröffnung;Hoch;Tief;Schluss;Volumen
15.01.2024;1.315,5;1.318,25;1.290;1.299,25;2.500.000
12.01.2024;1.320,75;1.331;1.311;1.315,5;912.345
11.01.2024;1.310;1.322,5;1.301,25;1.320,75;1.912.345
"""
INVESTING = """"Date","Price","Open","High","Low","Vol.","Change %"
"01/15/2024","1,299.25","1,315.50","1,318.25","1,290.00","2.50M","-1.24%"
"01/12/2024","1,315.50","1,320.75","1,331.00","1,311.00","912.345K","-0.40%"
"01/11/2024","1,320.75","1,310.00","1,322.50","1,301.25","1.912345M","0.10%"
"""
NASDAQ = """Date,Close/Last,Volume,Open,High,Low
01/15/2024,$1299.25,2500000,$1315.50,$1318.25,$1290.00
01/12/2024,$1315.50,912345,$1320.75,$1331.00,$1311.00
01/11/2024,$1320.75,1912345,$1310.00,$1322.50,$1301.25
"""
METATRADER = """<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>
2024.01.11\t00:00:00\t1310\t1322.5\t1301.25\t1320.75\t1912345\t0
2024.01.12\t00:00:00\t1320.75\t1331\t1311\t1315.5\t912345\t0
2024.01.15\t00:00:00\t1315.5\t1318.25\t1290\t1299.25\t2500000\t0
"""
YFINANCE = """Price,Close,High,Low,Open,Volume
Ticker,X,X,X,X,X
Date,,,,,
2024-01-11,1320.75,1322.5,1301.25,1310,1912345
2024-01-12,1315.5,1331,1311,1320.75,912345
2024-01-15,1299.25,1318.25,1290,1315.5,2500000
"""
BINANCE = """Open time,Open,High,Low,Close,Volume
1704931200000,1310,1322.5,1301.25,1320.75,1912345
1705017600000,1320.75,1331,1311,1315.5,912345
1705276800000,1315.5,1318.25,1290,1299.25,2500000
"""
FRENCH = """Date;Ouverture;Haut;Bas;Clôture;Volume
2024-01-11;1 310,00;1 322,50;1 301,25;1 320,75;1 912 345
2024-01-12;1 320,75;1 331,00;1 311,00;1 315,50;912 345
2024-01-15;1 315,50;1 318,25;1 290,00;1 299,25;2 500 000
"""


def read(folder: Path, text: str, encoding: str = "utf-8", **data: Any) -> Prices:
    path = folder / "prices.csv"
    path.write_bytes(text.encode(encoding))
    return read_prices(DataSection(path=path, **data))


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        pytest.param(TWSE, "cp950", "113/01/11 is 2024-01-11", id="Taiwan, Big5"),
        pytest.param(TWSE, "utf-8", "收盤價 is Close", id="Taiwan, UTF-8"),
        pytest.param(GERMAN, "cp1252", "Eröffnung is Open", id="German, Windows"),
        pytest.param(GERMAN, "utf-16", "1.315,5 is 1315.5", id="German, UTF-16"),
        pytest.param(FRENCH.replace(" ", "\u202f"), "utf-8", "Clôture is Close", id="French"),
        pytest.param(INVESTING, "utf-8-sig", "2.50M is 2500000", id="investing.com"),
        pytest.param(NASDAQ, "ascii", "$1299.25 is 1299.25", id="nasdaq.com"),
        pytest.param(METATRADER, "ascii", "<TICKVOL> is Volume", id="MetaTrader"),
        pytest.param(YFINANCE, "ascii", "", id="yfinance"),
        pytest.param(BINANCE, "ascii", "1704931200000 is 2024-01-11", id="Binance"),
    ],
)
def test_a_file_as_others_write_it_has_the_same_prices(
    tmp_path: Path, text: str, encoding: str, told: str
) -> None:
    plain = read(tmp_path, PLAIN, columns="none")
    other = read(tmp_path, text, encoding, columns="none")
    assert other.hash == plain.hash
    assert told in " ".join(other.warnings)


def test_what_was_read_otherwise_than_it_stands_there_is_told(tmp_path: Path) -> None:
    assert read(tmp_path, PLAIN).warnings == ()
    assert read(tmp_path, TWSE, "cp950").warnings[:6] == (
        "prices.csv: 2 lines of text are left out, the first is '說明:'.",
        "prices.csv: is not UTF-8, so its text is read as cp950.",
        "prices.csv: numbers are read so: 1,912,345 is 1912345.",
        "prices.csv: years of dates are counted from 1911: 113/01/11 is 2024-01-11.",
        "prices.csv: columns are read so: 成交股數 is Volume, 開盤價 is Open, 最高價 is High, "
        "最低價 is Low, 收盤價 is Close.",
        "prices.csv: column '漲跌價差' is not numeric and is ignored.",
    )
    assert "the newest row is first" in " ".join(read(tmp_path, GERMAN).warnings)


def test_the_target_may_be_named_as_the_file_has_it(tmp_path: Path) -> None:
    assert read(tmp_path, TWSE, "cp950", target="收盤價").target == "Close"
    assert read(tmp_path, INVESTING, target="price").target == "Close"


def test_rows_of_a_file_with_the_newest_first_are_counted_as_they_stand(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"but row 1 \(2024-01-15\) has High 1 and Low 1290"):
        read(tmp_path, GERMAN.replace("1.318,25", "1"))


def test_rows_out_of_order_are_refused_whichever_end_is_newest(tmp_path: Path) -> None:
    first, *rows = [*GERMAN.splitlines(), "10.01.2024;1;1;1;1;1"]
    with pytest.raises(DataError, match="in most, but row 4 is 2024-01-12 after 2024-01-10"):
        read(tmp_path, "\n".join([first, rows[0], rows[2], rows[3], rows[1]]))


@pytest.mark.parametrize(
    ("numbers", "value"),
    [
        (["1,234", "1,240"], "1,234"),  # may be 1234 or 1.234
        (["12,5", "12.5"], "12,5"),  # two decimal marks
        (["1,23,456.5", "1.5"], "1,23,456.5"),
    ],
)
def test_a_number_with_two_meanings_is_refused(
    tmp_path: Path, numbers: list[str], value: str
) -> None:
    lines = [f"2024-01-0{day};{number}" for day, number in enumerate(numbers, 1)]
    with pytest.raises(DataError, match=f"Close must be a number, but row 1 .* is '{value}'"):
        read(tmp_path, "\n".join(["Date;Close", *lines]))


def test_a_decimal_comma_counts_for_numbers_that_look_plain(tmp_path: Path) -> None:
    prices = read(tmp_path, "Date;Close;Volume\n2024-01-01;12,5;1.500\n2024-01-02;13;2.500\n")
    assert prices.frame["Volume"].tolist() == [1500, 2500]


def test_a_day_without_a_trade_is_missing_and_not_text(tmp_path: Path) -> None:
    text = TWSE.replace('"1,315.50","X0.00"', '"--","X0.00"')
    with pytest.raises(DataError, match=r"row 2 \(2024-01-12\) is missing; fill it or remove"):
        read(tmp_path, text, "cp950")


def test_years_that_may_be_of_two_calendars_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'99/01/11' in row 1 may be 1999-01-11 or 2010"):
        read(tmp_path, "Date,Close\n99/01/11,1\n99/01/12,2\n")


@pytest.mark.parametrize(
    "times",
    [("093000", "140000"), ("93000", "140000"), ("930", "1400"), ("09:30 AM", "2:00 PM")],
)
def test_a_time_of_day_in_a_column_of_its_own_belongs_to_the_date(
    tmp_path: Path, times: tuple[str, str]
) -> None:
    lines = ["Date,Time,Close", f"20240111,{times[0]},1", f"20240111,{times[1]},2"]
    dates = read(tmp_path, "\n".join(lines)).dates
    assert [str(date) for date in dates] == ["2024-01-11 09:30:00", "2024-01-11 14:00:00"]


def test_times_that_cannot_be_read_are_said_where_they_matter(tmp_path: Path) -> None:
    lines = ["Date,Time,Close", "20240111,open,1", "20240111,close,2"]
    with pytest.raises(DataError, match=r"times of day in column Time \('open' in row 1\) cannot"):
        read(tmp_path, "\n".join(lines))


def test_counts_from_1970_become_local_times_of_the_market(tmp_path: Path) -> None:
    text = "timestamp,close\n1704983400,1\n1704987000,2\n"
    assert str(read(tmp_path, text).dates[0]) == "2024-01-11 14:30:00"
    local = read(tmp_path, text, time_zone="America/New_York").dates
    assert str(local[0]) == "2024-01-11 09:30:00"


def test_nights_and_weekends_are_no_gaps_of_intraday_bars(tmp_path: Path) -> None:
    bars = [f"2024-01-{day} {hour}:00" for day in ("12", "15", "16") for hour in range(10, 16)]
    rows = [f"{bar},{number + 50}" for number, bar in enumerate(bars)]
    assert read(tmp_path, "\n".join(["Date,Close", *rows])).warnings == ()
    rows = [*rows, "2024-01-23 10:00,70"]
    (told,) = read(tmp_path, "\n".join(["Date,Close", *rows])).warnings
    assert "no sessions between 2024-01-16 15:00:00 and 2024-01-23 10:00:00" in told


def test_text_below_the_rows_is_left_out_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "prices.txt"
    path.write_text("Date,Close\n2024-01-11,1\nholiday,\n2024-01-12,2\nend of data\n")
    table = read_table(path)
    assert table.frame["Date"].tolist() == ["2024-01-11", "holiday", "2024-01-12"]
    assert table.notes == ("1 line of text is left out, the first is 'end of data'",)


def test_files_of_several_months_may_be_joined_as_they_are(tmp_path: Path) -> None:
    later = TWSE.replace("113/01", "113/02")
    months = read(tmp_path, TWSE + later, "cp950")
    assert [str(day.date()) for day in months.dates[2:4]] == ["2024-01-15", "2024-02-11"]
    assert "6 lines of text are left out" in months.warnings[0]
    plain = read(tmp_path, PLAIN + PLAIN.replace("2024-01", "2024-02"))
    assert plain.frame.equals(months.frame[plain.frame.columns])


@pytest.mark.parametrize(
    "names",
    [
        "Datum,Öppningskurs,Högstakurs,Lägstakurs,Stängningskurs,Volym",
        "Datum,Openingskoers,Hoogste,Laagste,Slotkoers,Volume",
        "Datum,Otevírací,Nejvyšší,Nejnižší,Závěrečná,Objem",
        "Дата,Відкриття,Максимум,Мінімум,Закриття,Обсяг",
        "Data,Deschidere,Maxim,Minim,Inchidere,Volum",
        "दिनांक,खुला,उच्च,निम्न,बंद,मात्रा",
        "תאריך,פתיחה,גבוה,נמוך,סגירה,מחזור",
        "DATPRE,PREABE,PREMAX,PREMIN,PREULT,QUATOT",
        "Dates,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME",
        "t,o,h,l,c,v",
    ],
)
def test_names_of_more_languages_and_programs_are_known(tmp_path: Path, names: str) -> None:
    plain = read(tmp_path, PLAIN)
    assert read(tmp_path, PLAIN.replace(PLAIN.split("\n")[0], names)).frame.equals(plain.frame)


def test_a_word_among_prices_is_no_value_and_is_told(tmp_path: Path) -> None:
    closed = PLAIN.replace("1320.75,1331,1311,1315.5", "1320.75,1331,1311,closed")
    with pytest.raises(
        DataError, match=r"'closed'; write the number alone, or write missing = \"drop\""
    ):
        read(tmp_path, closed)
    prices = read(tmp_path, closed, missing="drop")
    assert [*prices.close] == [1320.75, 1299.25]
    assert "Close is a word without a digit in 1 row, such as 'closed'" in " ".join(prices.warnings)
