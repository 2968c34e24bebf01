"""Daily prices from Yahoo Finance, through the package yfinance, as a file that `init` takes.

Yahoo has no documented interface and changes what it has; `_download` is the one function that
knows yfinance and turns each way it can fail into an error of ours.
"""

import datetime as dt
import logging
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsearch.data.atomic import replace_file
from rnnsearch.data.markets.continued import continued, read_fetched
from rnnsearch.errors import DataError, RnnsearchError, StudyFileError
from rnnsearch.shown import number_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["Open", "High", "Low", "Close", "Adj Close", "Volume"]
TIMEOUT_SECONDS = 30
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Fetched:
    """The file that was written, its days, and what the user should know about them.

    `new` rows are later than those that were there, of a file that was continued.
    """

    path: Path
    rows: int
    first: dt.date
    last: dt.date
    notes: tuple[str, ...]
    new: int = 0


def fetch(
    ticker: str,
    first: dt.date,
    last: dt.date | None = None,
    output: Path | None = None,
    *,
    force: bool = False,
    update: bool = False,
) -> Fetched:
    """Write a ticker's daily prices from `first` to `last` to a CSV file.

    `last` is by default yesterday (UTC), the last day whose sessions are surely over. `output` is
    by default TICKER.csv in the current folder; a file that is there is overwritten with `force`
    alone, and continued with `update`: one that has all rows stays as it is. Close has splits taken
    out, Adj Close dividends too.

    Raises StudyFileError for a wrong argument, DataError where Yahoo has no such prices,
    RnnsearchError where it does not answer, StorageError where the file cannot be written.
    """
    today = dt.datetime.now(dt.UTC).date()
    last = last or today - DAY
    if not re.fullmatch(r"[\w.^=&-]+", ticker):
        raise StudyFileError(
            f"TICKER: is written as Yahoo Finance does, like 2330.TW, AAPL or ^GSPC, got {ticker!r}"
        )
    if first > last:
        raise StudyFileError(f"--from: must not lie after the last day, but {first} > {last}")
    path = output or Path(re.sub(r"[^\w.-]+", "_", ticker).strip("_") + ".csv")
    if path.suffix.lower() != ".csv":
        raise StudyFileError(f"--output: prices are written as .csv, got {path.name!r}")
    if force and update:
        raise StudyFileError("--update: continues the file that --force overwrites; give one")
    old = read_fetched(path, COLUMNS) if update and path.exists() else None
    if path.exists() and not force and not update:
        raise StudyFileError(
            f"{path}: is there already; name another file with --output, continue it with "
            f"--update, or overwrite it with --force"
        )
    if old is not None:  # a later dividend changes every row
        first = min(first, old.index[0].date())
    answer = _download(ticker, first, last + DAY)
    frame = answer.dropna()
    if frame.empty:
        raise DataError(_unknown(ticker, first, last + DAY))
    notes = []
    if len(frame) < len(answer):
        lacking = len(answer) - len(frame)
        days = number_of(lacking, "day lacks a price and is", "days lack a price and are")
        notes.append(f"{ticker}: {days} left out")
    if (end := frame.index[-1].date()) >= today:
        notes.append(f"{ticker}: the session of {end} may not be over; its row may change")
    if old is None:
        replace_file(path, lambda file: frame.to_csv(file))
        return _told(path, frame, notes)
    changed, told = continued(path.name, old, frame)
    if changed is not None:
        replace_file(path, lambda file: changed.to_csv(file))
    whole = old if changed is None else changed
    return _told(path, whole, [*notes, *told], int((whole.index > old.index[-1]).sum()))


def _told(path: Path, frame: "pd.DataFrame", notes: list[str], new: int = 0) -> Fetched:
    begin, end = (frame.index[row].date() for row in (0, -1))
    return Fetched(path, len(frame), begin, end, tuple(notes), new)


def _download(ticker: str, start: dt.date, end: dt.date) -> "pd.DataFrame":
    """Rows of `COLUMNS` by `Date`, from `start` to the day before `end`; perhaps none."""
    try:
        import yfinance
        from yfinance import exceptions
    except ImportError:
        raise RnnsearchError(
            "fetch: the package yfinance is not installed; say pip install 'rnnsearch[yahoo]'"
        ) from None
    yfinance.config.debug.hide_exceptions = False  # else every failure is an empty table
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = yfinance.Ticker(ticker).history(
                start=start, end=end, auto_adjust=False, actions=False, timeout=TIMEOUT_SECONDS
            )
        frame.index = frame.index.tz_localize(None).rename("Date")
        prices: pd.DataFrame = frame[COLUMNS]
        return prices
    except exceptions.YFTickerMissingError:
        raise DataError(_unknown(ticker, start, end)) from None
    except exceptions.YFRateLimitError:
        raise RnnsearchError(
            f"{ticker}: Yahoo Finance had too many requests from this address; try again later"
        ) from None
    except OSError as error:  # what curl_cffi and requests raise is one
        if getattr(getattr(error, "response", None), "status_code", 0) == 404:
            raise DataError(_unknown(ticker, start, end)) from None
        raise RnnsearchError(
            f"{ticker}: Yahoo Finance cannot be reached: {str(error).partition('. See ')[0]}; "
            f"look at the network, or try again later"
        ) from None
    except Exception as error:  # an answer that yfinance does not understand fails anywhere in it
        raise RnnsearchError(
            f"{ticker}: Yahoo Finance answered with something else than prices "
            f"({type(error).__name__}: {str(error)[:100]}); try again later, or renew the package: "
            f"pip install -U yfinance"
        ) from None


def _unknown(ticker: str, start: dt.date, end: dt.date) -> str:
    return (
        f"{ticker}: Yahoo Finance has no prices of it from {start} to {end - DAY}; look there how "
        f"the ticker is written, and since when it has prices: https://finance.yahoo.com/lookup"
    )
