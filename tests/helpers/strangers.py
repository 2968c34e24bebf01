"""Price files as people bring them: each source's own names, dates, numbers, gaps and packing.

All hold the invented bars of `BARS`, or the part that `Brought` says.
"""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tests.helpers.series import bars

BARS = bars(320, seed=11, start="2024-08-26")
OHLC = ["Open", "High", "Low", "Close"]
GAPS = [7, 8, 60, 131]  # rows without prices


@dataclass(frozen=True)
class Brought:
    """A file and what must be read from it.

    close           by date, as it must be read
    series          that a refusal must offer
    without_header  a refusal must offer one
    """

    name: str
    content: bytes
    close: pd.Series
    series: str = ""
    without_header: bool = False


Maker = Callable[[Any, Any], object]  # of a date and a bar
STRANGERS: dict[str, Callable[[], Brought]] = {}


def stranger(about: str) -> Callable[[Callable[[], Brought]], None]:
    """Enter what makes a file under what it is."""
    return lambda make: STRANGERS.__setitem__(about, make)


def text(
    columns: dict[str, Maker],
    *,
    separator: str = ",",
    header: bool = True,
    newest_first: bool = False,
    quoted: bool = False,
) -> str:
    """A table of text: each column is called as its key and made from the date and the bar."""
    mark = '"' if quoted else ""
    rows = [
        separator.join(f"{mark}{make(day, bar)}{mark}" for make in columns.values())
        for day, bar in BARS.iterrows()
    ]
    rows = rows[::-1] if newest_first else rows
    names = [separator.join(f"{mark}{name}{mark}" for name in columns)] if header else []
    return "\n".join([*names, *rows]) + "\n"


def of(name: str, form: str = "{:.2f}") -> Maker:
    return lambda day, bar: form.format(bar[name])


def on(form: str) -> Maker:
    return lambda day, bar: day.strftime(form)


def comma(name: str, form: str = "{:.2f}") -> Maker:
    return lambda day, bar: form.format(bar[name]).replace(".", ",")


def always(value: str) -> Maker:
    return lambda day, bar: value


def without(sign: str, make: Maker) -> Maker:
    absent = set(BARS.index[GAPS])
    return lambda day, bar: sign if day in absent else make(day, bar)


def brought(
    name: str,
    content: str | bytes,
    encoding: str = "utf-8",
    rows: "pd.Series[float]" = BARS["Close"],
    **more: Any,
) -> Brought:
    content = content.encode(encoding) if isinstance(content, str) else content
    return Brought(name, content, rows, **more)


def traded() -> pd.Series:
    return BARS["Close"].drop(BARS.index[GAPS])


def later(time: str) -> "pd.Series[float]":
    return BARS["Close"].set_axis(BARS.index + pd.Timedelta(time))


def usual(**changed: Maker) -> dict[str, Maker]:
    columns: dict[str, Maker] = {"Date": on("%Y-%m-%d")}
    columns |= {name: of(name) for name in OHLC} | {"Volume": of("Volume", "{:.0f}")}
    return columns | changed


def named(*names: str, date: str = "%Y-%m-%d", order: str = "dohlcv") -> dict[str, Maker]:
    makes = {"d": on(date), "v": of("Volume", "{:.0f}")} | {n[0].lower(): of(n) for n in OHLC}
    return {name: makes[which] for name, which in zip(names, order, strict=True)}


# --- missing values -----------------------------------------------------------------------------


@stranger("Yahoo, holidays as null")
def _() -> Brought:
    columns = usual(**{name: without("null", of(name)) for name in OHLC})
    columns["Adj Close"] = without("null", of("Close"))
    columns["Volume"] = without("null", of("Volume", "{:.0f}"))
    return brought("XYZ.csv", text(columns), rows=traded())


@stranger("TWSE month by month, -- without a trade, Big5")
def _() -> Brought:
    columns = {
        "日期": lambda day, bar: f"{day.year - 1911}/{day:%m/%d}",
        "成交股數": of("Volume", "{:,.0f}"),
        "成交金額": of("Volume", "{:,.0f}"),
        **{
            zh: without("--", of(name, "{:,.2f}"))
            for zh, name in zip(("開盤價", "最高價", "最低價", "收盤價"), OHLC, strict=True)
        },
        "漲跌價差": without("X0.00", of("Open", "+{:.2f}")),
        "成交筆數": of("Volume", "{:,.0f}"),
    }
    body = text(columns, quoted=True)
    head = '"114年11月 2330 某公司           各日成交資訊"\n'
    return brought(
        "STOCK_DAY_2330.csv", head + body + '"說明:"\n"符號說明"\n', "cp950", rows=traded()
    )


@stranger("FRED, a point where there is no value")
def _() -> Brought:
    columns = {"observation_date": on("%Y-%m-%d"), "DEXINVENTED": without(".", of("Close"))}
    return brought("DEXINVENTED.csv", text(columns), rows=traded())


@stranger("blank closes")
def _() -> Brought:
    return brought("blank.csv", text(usual(Close=without("", of("Close")))), rows=traded())


@stranger("a spreadsheet's #N/A")
def _() -> Brought:
    columns = usual(**{name: without("#N/A", of(name)) for name in OHLC})
    return brought("sheet.csv", text(columns, separator=";"), rows=traded())


@stranger("Bundesbank: titles, decimal commas, a remark where there is no value")
def _() -> Brought:
    columns = {
        "": on("%Y-%m-%d"),
        "BBEX3.D.XYZ": without(".", comma("Close")),
        "BBEX3.D.XYZ_FLAGS": lambda d, b: "Kein Wert vorhanden" if d in BARS.index[GAPS] else "",
    }
    head = "\n".join(
        [
            '"";BBEX3.D.XYZ;BBEX3.D.XYZ_FLAGS',
            '"";"Erfundener Kurs / Euro";',
            '"Einheit";"XYZ";',
            '"Dimension";"Eins";',
            '"Stand vom";"14.11.2025 16:01:20 Uhr";',
        ]
    )
    body = text(columns, separator=";", header=False)
    return brought("BBEX3.D.XYZ.csv", f"{head}\n{body}", "utf-8-sig", rows=traded())


@stranger("features with a warm-up and a quarterly figure")
def _() -> Brought:
    numbers = {day: n for n, day in enumerate(BARS.index)}
    columns = usual()
    columns["sma20"] = lambda d, b: "" if numbers[d] < 19 else f"{b['Close'] * 0.99:.3f}"
    columns["eps"] = lambda d, b: f"{1 + numbers[d] / 500:.2f}" if numbers[d] % 63 == 5 else ""
    return brought("features.csv", text(columns))


@stranger("today's row without values, and lines of commas")
def _() -> Brought:
    return brought("export.csv", text(usual()) + "2025-11-17,,,,,\n,,,,,\n,,,,,\n")


# --- dates --------------------------------------------------------------------------------------


@stranger("NSE India, 14-Nov-25")
def _() -> Brought:
    names = ("Date ", "Open ", "High ", "Low ", "Close ", "Shares Traded ", "Turnover (₹ Cr)")
    columns = named(*names[:6], date="%d-%b-%y") | {names[6]: of("Volume", "{:.2f}")}
    return brought("nifty.csv", text(columns, newest_first=True, quoted=True), "utf-8-sig")


@stranger("niftyindices.com, 31 Dec 2025")
def _() -> Brought:
    columns = {"Index Name": always("NIFTY X")} | named(
        "Date", "Open", "High", "Low", "Close", date="%d %b %Y", order="dohlc"
    )
    return brought("NIFTY X_Historical.csv", text(columns, quoted=True, newest_first=True))


@stranger("cn.investing.com, 2011年5月19日")
def _() -> Brought:
    columns = {
        "日期": lambda d, b: f"{d.year}年{d.month}月{d.day}日",
        **{
            n: of(o, "{:,.2f}")
            for n, o in zip(
                ("收盘", "开盘", "高", "低"), ["Close", "Open", "High", "Low"], strict=True
            )
        },
        "交易量": of("Volume", "{:.2f}K"),
        "涨跌幅": lambda d, b: f"{b['Close'] - b['Open']:.2f}%",
    }
    return brought("历史数据.csv", text(columns, quoted=True, newest_first=True), "utf-8-sig")


@stranger("CoinGecko, 2013-04-28 00:00:00 UTC")
def _() -> Brought:
    columns = {
        "snapped_at": on("%Y-%m-%d 00:00:00 UTC"),
        "price": of("Close", "{}"),
        "market_cap": of("Close", "{}e6"),
        "total_volume": of("Volume", "{}"),
    }
    return brought("xyz-usd-max.csv", text(columns))


@stranger("pandas' numbers of dates, 20111031.0")
def _() -> Brought:
    return brought(
        "tej.csv",
        text(named("mdate", "open_d", "high_d", "low_d", "close_d", "vol", date="%Y%m%d.0")),
    )


@stranger("dd-mm-yy that is certain")
def _() -> Brought:
    return brought("broker.csv", text(usual(Date=on("%d-%m-%y"))))


@stranger("GOOGLEFINANCE, 8/26/2024 16:00:00")
def _() -> Brought:
    date = lambda d, b: f"{d.month}/{d.day}/{d.year} 16:00:00"  # noqa: E731
    return brought("Sheet1.csv", text(usual(Date=date)), rows=later("16:00:00"))


@stranger("a spreadsheet's day numbers, 45530")
def _() -> Brought:
    date = lambda d, b: str((d - pd.Timestamp("1899-12-30")).days)  # noqa: E731
    return brought("values.csv", text(usual(Date=date)))


@stranger("German points and commas, 26.08.24")
def _() -> Brought:
    columns = {"Datum": on("%d.%m.%y")}
    columns |= {
        n: comma(o) for n, o in zip(("Erster", "Hoch", "Tief", "Schlusskurs"), OHLC, strict=True)
    }
    columns |= {"Stuecke": of("Volume", "{:.0f}"), "Volumen": of("Volume", "{:.0f}")}
    return brought("wkn_historic.csv", text(columns, separator=";", newest_first=True), "cp1252")


@stranger("CoinMarketCap: four times beside the date")
def _() -> Brought:
    iso = on("%Y-%m-%dT00:00:00.000Z")
    end = on("%Y-%m-%dT23:59:59.999Z")
    odd = lambda d, b: f"{d:%Y-%m-%d}T{int(b['Volume']) % 24:02d}:13:00.000Z"  # noqa: E731
    columns = {"timeOpen": iso, "timeClose": end, "timeHigh": odd, "timeLow": odd}
    columns |= {"name": always("2781")} | {n.lower(): of(n) for n in OHLC}
    columns |= {"volume": of("Volume"), "marketCap": of("Close", "{:.2f}"), "timestamp": end}
    return brought(
        "Bitcoinvented_historical_data.csv",
        text(columns, separator=";", newest_first=True),
        rows=later("23:59:59.999"),
    )


@stranger("JavaScript's dates, Mon Aug 26 2024 00:00:00 GMT+0000 (...)")
def _() -> Brought:
    date = on("%a %b %d %Y 00:00:00 GMT+0000 (Coordinated Universal Time)")
    return brought("chart.csv", text(usual(Date=date)))


@stranger("Finam: DATE and TIME in digits")
def _() -> Brought:
    columns = {"<TICKER>": always("XYZ"), "<PER>": always("D")}
    columns |= {"<DATE>": on("%Y%m%d"), "<TIME>": always("000000")}
    columns |= {f"<{n.upper()}>": of(n, "{:.7f}") for n in OHLC} | {"<VOL>": of("Volume", "{:.0f}")}
    return brought("XYZ_240826_251114.txt", text(columns, separator=";"))


# --- names in other languages ---------------------------------------------------------------------


@stranger("indexes.nikkei.co.jp, Shift-JIS")
def _() -> Brought:
    names = ("データ日付", "終値", "始値", "高値", "安値")
    body = text(named(*names, date="%Y/%m/%d", order="dcohl"), quoted=True)
    return brought(
        "nikkei_stock_average_daily_jp.csv", body + "本資料は、日経の著作物です。\n", "cp932"
    )


@stranger("vn.investing.com")
def _() -> Brought:
    names = ("Ngày", "Lần cuối", "Mở", "Cao", "Thấp", "KL")
    return brought(
        "vn.csv",
        text(named(*names, date="%d/%m/%Y", order="dcohlv"), quoted=True, newest_first=True),
    )


@stranger("br.investing.com, decimal commas")
def _() -> Brought:
    columns = {"Data": on("%d.%m.%Y")}
    columns |= {
        n: comma(o)
        for n, o in zip(
            ("Último", "Abertura", "Máxima", "Mínima"),
            ["Close", "Open", "High", "Low"],
            strict=True,
        )
    }
    columns["Vol."] = lambda d, b: f"{b['Volume'] / 1000:.2f}K".replace(".", ",")
    columns["Var%"] = lambda d, b: f"{b['Close'] - b['Open']:.2f}%".replace(".", ",")
    return brought("br.csv", text(columns, quoted=True, newest_first=True))


@stranger("KRX, cp949")
def _() -> Brought:
    columns = named(
        "일자", "종가", "시가", "고가", "저가", "거래량", date="%Y/%m/%d", order="dcohlv"
    )
    columns |= {
        "대비": lambda d, b: f"{b['Close'] - b['Open']:.2f}",
        "등락률": lambda d, b: f"{b['Open'] - b['Close']:.2f}",
    }
    return brought("data_5930_20251114.csv", text(columns, quoted=True, newest_first=True), "cp949")


@stranger("stooq.pl")
def _() -> Brought:
    names = ("Data", "Otwarcie", "Najwyzszy", "Najnizszy", "Zamkniecie", "Wolumen")
    return brought("xyz_d.csv", text(named(*names)))


@stranger("ru.investing.com")
def _() -> Brought:
    columns = {"Дата": on("%d.%m.%Y")}
    columns |= {
        n: comma(o)
        for n, o in zip(
            ("Цена", "Откр.", "Макс.", "Мин."), ["Close", "Open", "High", "Low"], strict=True
        )
    }
    columns["Объём"] = lambda d, b: f"{b['Volume'] / 1000:.2f}K".replace(".", ",")
    columns["Изм. %"] = lambda d, b: f"{b['Close'] - b['Open']:.2f}%".replace(".", ",")
    return brought("ru.csv", text(columns, quoted=True, newest_first=True), "utf-8-sig")


@stranger("Boursorama: tabs, a time in the date")
def _() -> Brought:
    names = ("date", "ouv", "haut", "bas", "clot", "vol")
    columns = named(*names, date="%d/%m/%Y 00:00") | {"devise": always("EUR")}
    return brought("XYZ_2025-11-14.txt", text(columns, separator="\t"), "cp1252")


@stranger("BYMA and BMV: Spanish")
def _() -> Brought:
    names = ("Fecha Cotización", "Apertura", "Máximo", "Mínimo", "Cierre", "Volumen Nominal")
    return brought("historico.csv", text(named(*names, date="%d/%m/%Y"), separator=";"), "cp1252")


# --- no header ------------------------------------------------------------------------------------


@stranger("no header, six columns")
def _() -> Brought:
    return brought("plain.csv", text(usual(), header=False), without_header=True)


@stranger("no header, TWSE's nine")
def _() -> Brought:
    makes = [
        lambda d, b: f"{d.year - 1911}/{d:%m/%d}",
        of("Volume", "{:.0f}"),
        of("Volume", "{:.0f}"),
    ]
    makes += [
        *(of(n) for n in OHLC),
        lambda d, b: f"{b['Close'] - b['Open']:.2f}",
        of("Volume", "{:.0f}"),
    ]
    columns = {str(n): make for n, make in enumerate(makes)}
    return brought("1312A.csv", text(columns, header=False), without_header=True)


@stranger("no header, date and price")
def _() -> Brought:
    columns = {"a": on("%d/%m/%Y"), "b": of("Close")}
    return brought("two.csv", text(columns, header=False), without_header=True)


@stranger("MetaTrader 4: no header, a time of its own")
def _() -> Brought:
    columns = {"a": on("%Y.%m.%d"), "b": always("00:00")} | {n: of(n, "{:.5f}") for n in OHLC}
    columns["v"] = of("Volume", "{:.0f}")
    return brought("EURXYZ1440.csv", text(columns, header=False), without_header=True)


# --- encodings ------------------------------------------------------------------------------------


@stranger("Excel's Unicode text: UTF-16, tabs")
def _() -> Brought:
    return brought("Mappe1.txt", text(usual(), separator="\t"), "utf-16")


@stranger("a Taiwanese database, Big5, dates in eight digits")
def _() -> Brought:
    names = (
        "證券代碼",
        "年月日",
        "開盤價(元)",
        "最高價(元)",
        "最低價(元)",
        "收盤價(元)",
        "成交量(千股)",
    )
    columns = {names[0]: always("2330 某公司")} | named(*names[1:], date="%Y%m%d")
    return brought("tej_price.csv", text(columns, separator="\t"), "cp950")


@stranger("a German bank: cp1252, a minus of its own")
def _() -> Brought:
    columns = {"Börsentag": on("%d.%m.%Y")} | {
        n: comma(o) for n, o in zip(("Eröffnung", "Höchst", "Tiefst", "Schluß"), OHLC, strict=True)
    }
    columns["Veränderung"] = lambda d, b: f"{b['Close'] - b['Open']:.2f}".replace(".", ",")
    return brought("kurse.csv", text(columns, separator=";"), "cp1252")


# --- containers -----------------------------------------------------------------------------------


def _workbook(frame: pd.DataFrame, **more: object) -> bytes:
    file = io.BytesIO()
    frame.to_excel(file, **more)  # type: ignore[arg-type]
    return file.getvalue()


@stranger("a workbook with a title and a logo's empty rows")
def _() -> Brought:
    return brought("prices.xlsx", _workbook(BARS, startrow=4, startcol=1))


@stranger("csv.gz")
def _() -> Brought:
    return brought("prices.csv.gz", gzip.compress(text(usual()).encode()))


@stranger("a zip from a Mac")
def _() -> Brought:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("prices/", "")
        archive.writestr("prices/prices.csv", text(usual()))
        archive.writestr("__MACOSX/prices/._prices.csv", b"\0")
        archive.writestr("prices/.DS_Store", b"\0")
    return brought("Archiv.zip", file.getvalue())


@stranger("JSON of Alpha Vantage")
def _() -> Brought:
    days = {
        str(day.date()): {
            f"{n}. {name.lower()}": f"{bar[name]}" for n, name in enumerate([*OHLC, "Volume"], 1)
        }
        for day, bar in BARS[::-1].iterrows()
    }
    content = {
        "Meta Data": {"1. Information": "Daily Prices", "2. Symbol": "XYZ"},
        "Time Series (Daily)": days,
    }
    return brought("query.json", json.dumps(content))


@stranger("JSON of Yahoo's chart")
def _() -> Brought:
    stamps = [int(day.timestamp()) + 14 * 3600 + 1800 for day in BARS.index]
    quote = {name.lower(): BARS[name].tolist() for name in [*OHLC, "Volume"]}
    result = {
        "meta": {"symbol": "XYZ"},
        "timestamp": stamps,
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": BARS["Close"].tolist()}]},
    }
    return brought(
        "XYZ.json",
        json.dumps({"chart": {"result": [result], "error": None}}),
        rows=later("14:30:00"),
    )


@stranger("tsv with a byte-order mark")
def _() -> Brought:
    return brought("prices.tsv", text(usual(), separator="\t"), "utf-8-sig")


# --- frames of yfinance ---------------------------------------------------------------------------


def _pairs(*tickers: str) -> pd.DataFrame:
    frames = {
        (name, one): BARS[name] + 100 * n
        for name in ["Close", "High", "Low", "Open", "Volume"]
        for n, one in enumerate(tickers)
    }
    return pd.DataFrame(frames).rename_axis(columns=["Price", "Ticker"])


@stranger("yfinance, one ticker to CSV")
def _() -> Brought:
    return brought("aapl.csv", _pairs("AAPL").to_csv())


@stranger("yfinance, one ticker to Parquet")
def _() -> Brought:
    file = io.BytesIO()
    _pairs("AAPL").to_parquet(file)
    return brought("aapl.parquet", file.getvalue())


@stranger("yfinance, two tickers to CSV")
def _() -> Brought:
    return brought("both.csv", _pairs("AAPL", "MSFT").to_csv(), series="AAPL")


# --- categories -----------------------------------------------------------------------------------


@stranger("a regime in words")
def _() -> Brought:
    columns = usual()
    columns["regime"] = lambda d, b: ("bear", "flat", "bull")[d.month % 3]
    return brought("regime.csv", text(columns))


@stranger("signals, mostly none, and a remark")
def _() -> Brought:
    columns = usual()
    columns["signal"] = lambda d, b: ("BUY", "SELL", "", "")[int(b["Volume"]) % 4]
    columns["comment"] = lambda d, b: f"note {b['Volume']:.0f}"
    return brought("signals.csv", text(columns))


@stranger("yes and no, True and False")
def _() -> Brought:
    columns = usual()
    columns["holiday"] = lambda d, b: "Yes" if int(b["Volume"]) % 5 == 0 else "No"
    columns["up"] = lambda d, b: b["Close"] > b["Open"]
    return brought("flags.csv", text(columns))


# --- others ---------------------------------------------------------------------------------------


@stranger("oil: one low under zero")
def _() -> Brought:
    low = lambda d, b: "-0.18" if d == BARS.index[200] else f"{b['Low']:.2f}"  # noqa: E731
    return brought("oil.csv", text(usual(Low=low)))


@stranger("a long file of three tickers")
def _() -> Brought:
    frame = text({"Ticker": lambda d, b: "{}", **usual()}).split("\n", 1)
    body = "".join(frame[1].replace("{}", one) for one in ("AAA", "BBB", "CCC"))
    return brought("long.csv", f"{frame[0]}\n{body}", series="AAA")


@stranger("quantmod: every name with its ticker, and an adjusted close")
def _() -> Brought:
    paid = BARS.index[100]
    adjusted = BARS["Close"].where(BARS.index >= paid, BARS["Close"] * 0.98)
    columns = {"": on("%Y-%m-%d")} | {f"XYZ.{name}": of(name) for name in OHLC}
    columns |= {
        "XYZ.Volume": of("Volume", "{:.0f}"),
        "XYZ.Adjusted": lambda d, b: f"{b['Close'] * (0.98 if d < paid else 1):.4f}",
    }
    return brought("XYZ.csv", text(columns, quoted=True), rows=adjusted)


# --- the same kinds again, from elsewhere -------------------------------------------------------


def times() -> list[int]:
    return [int(day.timestamp() * 1000) for day in BARS.index]


@stranger("prices with commas, and a word where the market was closed")
def _() -> Brought:
    columns = usual(**{name: without("休市", of(name, "1,{:06.2f}")) for name in OHLC})
    return brought("closed.csv", text(columns, quoted=True), rows=traded() + 1000)


@stranger("the Federal Reserve, ND where there is no value")
def _() -> Brought:
    columns = {"Time Period": on("%Y-%m-%d"), "RXI$US_N.B.XY": without("ND", of("Close"))}
    return brought("FRB_H10.csv", text(columns), rows=traded())


@stranger("year, month and day in columns")
def _() -> Brought:
    parts = {"Year": on("%Y"), "Month": lambda d, b: d.month, "Day": lambda d, b: d.day}
    return brought("parts.csv", text(parts | named("Open", "High", "Low", "Close", order="ohlc")))


@stranger("a terminal's export: titles, and the date under a name of its own")
def _() -> Brought:
    names = ("Börsdag", "Close", "Open", "Low", "High", "Volume")
    body = text(named(*names, date="%d-%b-%Y", order="dcolhv"), separator=";", newest_first=True)
    return brought("Price History.csv", "XYZ.N\nHistory\n\n" + body)


@stranger("copied from Yahoo's page")
def _() -> Brought:
    about = (
        "Adjusted close price adjusted for splits and dividend and/or capital gain distributions."
    )
    columns = {"Date": on("%b %d, %Y"), "Open": of("Open"), "High": of("High"), "Low": of("Low")}
    columns |= {"Close Close price adjusted for splits.": of("Close")}
    columns |= {f"Adj Close {about} distributions.": of("Close"), "Volume": of("Volume", "{:,.0f}")}
    return brought("pasted.txt", text(columns, separator="\t", newest_first=True))


@stranger("Binance's files, which have no header")
def _() -> Brought:
    start: Maker = lambda d, b: int(d.timestamp() * 1000)  # noqa: E731
    makes = [start, *map(of, OHLC), of("Volume"), lambda d, b: start(d, b) + 86_399_999]  # type: ignore[operator]
    makes += [of("Volume"), always("12"), of("Volume"), of("Volume"), always("0")]
    columns = {str(number): make for number, make in enumerate(makes)}
    return brought("XYZUSDT-1d-2024.csv", text(columns, header=False))


@stranger("JSON of Binance")
def _() -> Brought:
    rows = [
        [time, *map(str, bar), str(bar.Volume), time + 86_399_999, "1.0", 2, "3.0", "4.0", "0"]
        for time, bar in zip(times(), BARS[[*OHLC, "Volume"]].itertuples(index=False), strict=True)
    ]
    rows = [[*row[:6], *row[7:]] for row in rows]
    return brought("klines.json", json.dumps(rows))


@stranger("JSON of Finnhub: a letter for each list")
def _() -> Brought:
    lists = {name[0].lower(): BARS[name].tolist() for name in [*OHLC, "Volume"]}
    content = lists | {"s": "ok", "t": [time // 1000 for time in times()]}
    return brought("candle.json", json.dumps(content))


@stranger("JSON of CoinGecko: pairs of time and value")
def _() -> Brought:
    pairs = [list(pair) for pair in zip(times(), BARS["Close"].tolist(), strict=True)]
    caps = [[time, price * 1e6] for time, price in pairs]
    return brought("market_chart.json", json.dumps({"prices": pairs, "market_caps": caps}))


@stranger("JSON of the TWSE: fields and data")
def _() -> Brought:
    names = ["日期", "成交股數", "開盤價", "最高價", "最低價", "收盤價"]
    rows = [
        [
            f"{day.year - 1911}/{day:%m/%d}",
            f"{bar.Volume:,.0f}",
            *(f"{bar[name]:,.2f}" for name in OHLC),
        ]
        for day, bar in BARS.iterrows()
    ]
    return brought("STOCK_DAY.json", json.dumps({"stat": "OK", "fields": names, "data": rows}))
