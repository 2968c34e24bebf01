"""The names of a table's columns: one line of them, or two as yfinance writes them."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rnnsearch.data.files.names import DATE_KEYS, USUAL, date_column, key, series_column
from rnnsearch.errors import DataError

MOST_COLUMNS = 3_000  # more take minutes to look at, and none is a file of prices
# A number or a date. No part of it can match what the one before it does: names may be gigantic.
VALUE = re.compile(r"[-+.,:/ TZ年月日]*\d[-+\d.,:/ TZ年月日%]*")
CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d)?")
DAY = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}.*|(?:19|20)\d{6}|1\d{9}(?:\d{3})?|\d{2,4}年.*")
NAMELESS = re.compile(r"column \d+")  # how a column without a name is called
PAIR = re.compile(r"\(\s*('[^']*'|\"[^\"]*\")\s*,\s*('[^']*'|\"[^\"]*\")\s*\)")
KLINES = (  # of the files and the API of Binance, which have no header
    *("Date", "Open", "High", "Low", "Close", "Volume", "close_time", "quote_volume", "trades"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
FIELDS = {key(name) for name in (*USUAL, "Dividends", "Stock Splits", "Capital Gains", "VWAP")}


@dataclass(frozen=True)
class Header:
    """names   of the columns, all different
    of      the series that a column belongs to, where a header of two lines tells it
    lines   how many lines of a text file it takes
    """

    names: list[str]
    of: dict[str, tuple[str, str]] = field(default_factory=dict)  # name: (series, field)
    lines: int = 1


def pairs_of(names: Sequence[str]) -> list[tuple[str, str]] | None:
    """Names that pandas has made of two levels, `('Close', 'AAPL')`, as pairs; None for others."""
    found = [PAIR.fullmatch(name.strip()) for name in names]
    if sum(match is not None for match in found) < 2:
        return None
    return [
        (ast.literal_eval(match[1]), ast.literal_eval(match[2])) if match else (name, "")
        for name, match in zip(names, found, strict=True)
    ]


def two_lines(first: Sequence[str], second: Sequence[str], third: Sequence[str]) -> Header | None:
    """The header in the first lines of a file where it takes two or three; None where not.

    One of them names what a column has (Close, Volume), the other whose it is (AAPL); the third,
    of yfinance, names the dates alone.
    """
    if len(first) != len(second) or len(first) < 2:
        return None
    for fields, series in ((first, second), (second, first)):
        known = [key(name) in FIELDS for name in fields[1:]]
        told = [name.strip() for name in series[1:]]
        if not all(known) or not all(told) or any(key(name) in FIELDS for name in told):
            continue
        if len(set(fields[1:])) == 1 == len(set(told)) and len(told) > 1:
            continue
        worded = all(any(map(str.isalpha, name)) for name in told)
        named = series_column(series[0]) or key(series[0]) in ("symbols", "level1", "level0")
        if not (named or (worded and not series[0].strip())):  # a row of prices
            continue
        alone = len(third) > 0 and not any(name.strip() for name in third[1:])
        named = alone and (not third[0].strip() or key(third[0]) in DATE_KEYS)
        pairs = [("Date", ""), *zip(fields[1:], told, strict=True)]
        return paired(pairs, lines=3 if named else 2)
    return None


def paired(pairs: Sequence[tuple[str, str]], *, lines: int = 1) -> Header:
    """The header of columns that are a field of a series each, in either order of the two."""
    if not any(key(first) in FIELDS for first, second in pairs if second):
        pairs = [(second, first) if second else (first, "") for first, second in pairs]
    series = {one for _, one in pairs if one}
    alone = len(series) == 1
    names = [(name if alone else f"{name} {one}").strip() for name, one in pairs]
    of = {text: (one, name) for text, (name, one) in zip(names, pairs, strict=True) if one}
    return Header(names, of, lines)


def checked_names(file: str, header: Sequence[str]) -> list[str]:
    """Column names, trimmed and all different. Raises DataError."""
    if len(header) > MOST_COLUMNS:
        raise DataError(
            f"{file}: a file may have {MOST_COLUMNS} columns, but this has {len(header)}; keep the "
            f"date, the prices and the columns that may become inputs."
        )
    names = [_clean(name) for name in header]
    if _are_values(names):
        raise DataError(
            f"{file}: the first line has {len(names)} values ({_cut(', '.join(names[:3]), 60)}, "
            f"...) where the names of the columns should be; write a line above it with "
            f"{len(names)} names in the order of the file, such as {suggested(names)}."
        )
    if names and (not names[0] or names[0] == "None") and date_column(names) is None:
        names[0] = "Date"
    names = [name or f"column {number}" for number, name in enumerate(names, start=1)]
    seen: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name in seen:
            raise DataError(
                f"{file}: column names must differ, but column {seen[name]} and column {number} "
                f"are both {_cut(name, 200)!r}; rename or remove one."
            )
        seen[name] = number
    return names


def _clean(name: str) -> str:
    """Without what no terminal, page or TOML file can show: control and invisible characters."""
    if not name.isprintable():
        name = "".join(one if one.isprintable() else " " for one in name)
    return " ".join(name.split())


def header_of(names: Sequence[str]) -> Header:
    """The header in one line of names."""
    pairs = pairs_of(names)
    return Header(list(names)) if pairs is None else paired(pairs)


def _are_values(names: Sequence[str]) -> bool:
    if len(names) < 2:
        return False
    if all(map(VALUE.fullmatch, names)):
        return True
    values = sum(VALUE.fullmatch(name) is not None for name in names)
    days = any(DAY.fullmatch(name) for name in names)
    return days and 2 * values > len(names) and date_column(names) is None


def is_kline(values: Sequence[str]) -> bool:
    """Whether values are a bar as Binance has them: two times in the same unit around a bar."""
    if len(values) != len(KLINES) or not all(map(VALUE.fullmatch, values)):
        return False
    first, last = values[0], values[6]
    times = re.fullmatch(r"1\d{12}(\d{3})?", first) and len(first) == len(last) and first < last
    return bool(times) and suggested(values).startswith("Date,Open,High,Low,Close,")


def suggested(values: Sequence[str]) -> str:
    """A line of as many names as there are values; the bar is where four values make one."""
    names = [f"x{number}" for number in range(1, len(values) + 1)]
    date = next((place for place, text in enumerate(values) if DAY.fullmatch(text)), 0)
    names[date] = "Date"
    numbers = [_number(text) if place != date else None for place, text in enumerate(values)]
    for place in range(len(values) - 3):
        bar = numbers[place : place + 4]
        if None in bar:
            continue
        opened, high, low, close = (one or 0.0 for one in bar)
        if low <= min(opened, close) and high >= max(opened, close) and 0 < high < 2 * low:
            names[place : place + 4] = ["Open", "High", "Low", "Close"]
            if len(values) == place + 5 and _is_count(values[-1]):
                names[-1] = "Volume"
            break
    else:
        if len(values) == 2:
            names[1 - date] = "Close"
    for place, text in enumerate(values):
        if names[place].startswith("x") and CLOCK.fullmatch(text.strip()):
            names[place] = "Time"
            break
    return ",".join(names)


def _is_count(text: str) -> bool:
    return (number := _number(text)) is not None and number >= 0 and number % 1 == 0


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."
