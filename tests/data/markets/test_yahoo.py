"""Prices from Yahoo Finance: the real yfinance against a server that speaks like Yahoo's.

What Yahoo itself answers today cannot be tested here. The answers below have the form that
yfinance 1 reads, and the failures are those its code tells apart.
"""

import datetime as dt
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rnnsearch.config import DataSection
from rnnsearch.data.markets.yahoo import Fetched, fetch
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import DataError, RnnsearchError, StorageError, StudyFileError

ZONE = "Asia/Taipei"
FIRST, LAST = dt.date(2024, 1, 2), dt.date(2024, 1, 9)
ANSWERS: dict[str, tuple[int, Any]] = {
    "unknown": (
        404,
        {"chart": {"result": None, "error": {"code": "Not Found", "description": "No data"}}},
    ),
    "empty": (
        200,
        {
            "chart": {
                "result": [
                    {
                        "meta": {"exchangeTimezoneName": ZONE},
                        "indicators": {"quote": [{}], "adjclose": [{}]},
                    }
                ],
                "error": None,
            }
        },
    ),
    "rate limit": (429, "Too Many Requests"),
    "page": (200, "<html>Will be right back</html>"),
    "broken": (200, {"chart": {"result": [{"meta": {"exchangeTimezoneName": ZONE}}]}}),
}


def bars(adjusted: list[float | None]) -> tuple[int, Any]:
    """Daily bars from 2024-01-02 on, all prices of one day alike: 100, 101, ..."""
    days = pd.bdate_range(FIRST, periods=len(adjusted)) + pd.Timedelta("9h")
    closes = [100.0 + number for number in range(len(adjusted))]
    quote = dict.fromkeys(("open", "high", "low", "close"), closes) | {"volume": [1000] * len(days)}
    times = [int(day.timestamp()) for day in days.tz_localize(ZONE)]
    hours = {"timezone": "CST", "start": times[-1], "end": times[-1] + 16200, "gmtoffset": 28800}
    meta = {
        "currency": "TWD",
        "symbol": "2330.TW",
        "instrumentType": "EQUITY",
        "exchangeTimezoneName": ZONE,
        "regularMarketTime": times[-1],
        "firstTradeDate": times[0],
        "gmtoffset": 28800,
        "priceHint": 2,
        "dataGranularity": "1d",
        "validRanges": ["1d", "max"],
        "currentTradingPeriod": dict.fromkeys(("pre", "regular", "post"), hours),
    }
    indicators = {"quote": [quote], "adjclose": [{"adjclose": adjusted}]}
    result = {"meta": meta, "timestamp": times, "indicators": indicators}
    return 200, {"chart": {"result": [result], "error": None}}


@pytest.fixture
def yahoo(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[tuple[int, Any]], None]]:
    """Say what Yahoo's server answers from now on; nothing leaves this machine."""
    import yfinance

    answer: tuple[int, Any] = (500, "")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write((body if isinstance(body, str) else json.dumps(body)).encode())

        def log_message(self, *_: Any) -> None: ...

    def answers(new: tuple[int, Any]) -> None:
        nonlocal answer
        answer = new
        yfinance.data.YfData.cache_get.cache_clear()  # it asks once for days that are past

    yfinance.set_tz_cache_location(str(tmp_path_factory.mktemp("yfinance")))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        for module, name in (
            ("base", "_BASE_URL_"),
            ("scrapers.history", "_BASE_URL_"),
            ("scrapers.quote", "_QUOTE_SUMMARY_URL_"),
            ("scrapers.quote", "_QUERY1_URL_"),
        ):
            monkeypatch.setattr(f"yfinance.{module}.{name}", url)
        no_cookie = (None, "basic")
        monkeypatch.setattr(
            "yfinance.data.YfData._get_cookie_and_crumb", lambda self, timeout=30: no_cookie
        )
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield answers
        server.shutdown()


def get(folder: Path, ticker: str = "2330.TW", **changes: Any) -> Fetched:
    return fetch(ticker, FIRST, LAST, folder / f"{ticker}.csv", **changes)


def test_prices_come_with_their_dates_and_both_closes(
    yahoo: Callable[..., None], tmp_path: Path
) -> None:
    yahoo(bars([90.0, 91.0, 92.0, 93.0, 104.0, 105.0]))
    found = get(tmp_path)
    assert (found.rows, found.first, found.last, found.notes) == (6, FIRST, LAST, ())
    written = pd.read_csv(found.path, index_col="Date")
    assert list(written) == ["Open", "High", "Low", "Close", "Adj Close", "Volume"]
    assert list(written.index)[:2] == ["2024-01-02", "2024-01-03"]
    prices = read_prices(DataSection(path=found.path, adjust=True))
    assert list(prices.close) == pytest.approx([90, 91, 92, 93, 104, 105])
    assert list(read_prices(DataSection(path=found.path)).close) == [100, 101, 102, 103, 104, 105]


def test_a_day_without_a_price_is_left_out_and_told(
    yahoo: Callable[..., None], tmp_path: Path
) -> None:
    yahoo(bars([90.0, None, 92.0, 93.0]))
    found = get(tmp_path)
    assert found.rows == 3
    assert found.notes == ("2330.TW: 1 day lacks a price and is left out",)


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        ("unknown", DataError, "Yahoo Finance has no prices of it from 2024-01-02 to 2024-01-09"),
        ("empty", DataError, "Yahoo Finance has no prices of it from 2024-01-02 to 2024-01-09"),
        ("rate limit", RnnsearchError, "too many requests from this address; try again later"),
        ("page", RnnsearchError, "answered with something else than prices"),
        ("broken", RnnsearchError, "answered with something else than prices"),
    ],
)
def test_an_answer_without_prices_is_told_and_writes_nothing(
    yahoo: Callable[..., None],
    tmp_path: Path,
    answer: str,
    kind: type[RnnsearchError],
    told: str,
) -> None:
    yahoo(ANSWERS[answer])
    ticker = answer.replace(" ", "")  # yfinance remembers the time zone of one it has seen
    with pytest.raises(kind, match=f"^{ticker}: .*{told}") as caught:
        get(tmp_path, ticker)
    assert type(caught.value) is kind
    assert not list(tmp_path.iterdir())


def test_a_network_that_is_not_there_is_told(
    yahoo: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("base", "scrapers.history"):
        monkeypatch.setattr(f"yfinance.{module}._BASE_URL_", "http://127.0.0.1:1")
    with pytest.raises(RnnsearchError, match=r"cannot be reached: .*; look at the network") as told:
        get(tmp_path)
    assert told.value.exit_code == 1


def test_without_the_package_the_remedy_is_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(RnnsearchError, match=r"pip install 'rnnsearch\[yahoo\]'"):
        get(tmp_path)


def test_a_file_that_is_there_stays_unless_told_otherwise(
    yahoo: Callable[..., None], tmp_path: Path
) -> None:
    yahoo(bars([90.0, 91.0]))
    path = tmp_path / "2330.TW.csv"
    path.write_text("mine")
    with pytest.raises(StudyFileError, match=r"is there already; .* --update, or .* --force"):
        get(tmp_path)
    assert path.read_text() == "mine"
    assert get(tmp_path, force=True).rows == 2


def test_a_file_is_continued_with_newer_rows_and_twice_changes_nothing(
    yahoo: Callable[..., None], tmp_path: Path
) -> None:
    yahoo(bars([90.0, 91.0, 92.0]))
    assert get(tmp_path, update=True).rows == 3  # where there is no file yet, it is written
    path = tmp_path / "2330.TW.csv"
    before, written = path.read_text(), path.stat().st_mtime_ns
    same = get(tmp_path, update=True)
    assert (same.rows, same.new, same.notes) == (3, 0, ())
    assert (path.read_text(), path.stat().st_mtime_ns) == (before, written)
    yahoo(bars([90.0, 91.0, 92.0, 93.0]))
    more = get(tmp_path, update=True)
    assert (more.rows, more.new, more.notes) == (4, 1, ())
    assert path.read_text().startswith(before)
    assert fetch("2330.TW", LAST, LAST, path, update=True).rows == 4  # from where the file begins


def test_a_dividend_since_is_told_and_taken_over(
    yahoo: Callable[..., None], tmp_path: Path
) -> None:
    yahoo(bars([90.0, 91.0, 92.0]))
    get(tmp_path)
    yahoo(bars([89.0, 90.0, 91.0, 93.0]))
    found = get(tmp_path, update=True)
    assert "3 of 3 rows that were there are others now, first 2024-01-02" in found.notes[0]
    assert "Adj Close was 90 and is 89" in found.notes[0]
    written = pd.read_csv(found.path)
    assert written["Adj Close"].tolist() == [89.0, 90.0, 91.0, 93.0]


def test_an_answer_that_lacks_what_the_file_has_changes_nothing(
    yahoo: Callable[..., None], tmp_path: Path
) -> None:
    yahoo(bars([90.0, 91.0, 92.0, 93.0]))
    get(tmp_path)
    path = tmp_path / "2330.TW.csv"
    before = path.read_text()
    yahoo(bars([90.0, None, 92.0, 93.0, 94.0]))
    with pytest.raises(DataError, match=r"lacks 1 session that the file has, first 2024-01-03;"):
        get(tmp_path, update=True)
    assert path.read_text() == before
    yahoo(bars([90.0, 91.0]))  # an answer that ends before the file does
    assert get(tmp_path, update=True).rows == 4
    assert path.read_text() == before


@pytest.mark.parametrize("text", ["mine", "Date,Close\n2024-01-02,1\n", ""])
def test_a_file_of_another_kind_is_not_continued(
    yahoo: Callable[..., None], tmp_path: Path, text: str
) -> None:
    yahoo(bars([90.0, 91.0]))
    path = tmp_path / "2330.TW.csv"
    path.write_text(text)
    with pytest.raises(StudyFileError, match="is no file that fetch wrote, so it cannot be"):
        get(tmp_path, update=True)
    assert path.read_text() == text
    with pytest.raises(StudyFileError, match="--update: continues the file that --force"):
        get(tmp_path, update=True, force=True)


def test_wrong_arguments_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(StudyFileError, match="2024-01-09 > 2024-01-02"):
        fetch("2330.TW", LAST, FIRST, tmp_path / "x.csv")
    with pytest.raises(StudyFileError, match=r"got 'x.txt'"):
        fetch("2330.TW", FIRST, LAST, tmp_path / "x.txt")
    with pytest.raises(StudyFileError, match=r"like 2330\.TW"):
        fetch("../etc", FIRST, LAST)


def test_a_place_that_cannot_be_written_is_a_storage_error(
    yahoo: Callable[..., None], tmp_path: Path
) -> None:
    yahoo(bars([90.0, 91.0]))
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        fetch("2330.TW", FIRST, LAST, tmp_path / "file" / "x.csv")


def test_todays_session_may_not_be_over(
    yahoo: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yahoo(bars([90.0, 91.0]))
    today = dt.datetime(2024, 1, 3, 6, tzinfo=dt.UTC)

    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return today

    monkeypatch.setattr("rnnsearch.data.markets.yahoo.dt.datetime", Clock)
    assert "2024-01-03 may not be over" in get(tmp_path, force=True).notes[0]
    assert fetch("2330.TW", FIRST, None, tmp_path / "x.csv").last == dt.date(2024, 1, 2)
