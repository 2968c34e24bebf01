"""Workbooks and JSON as tables of text, which are then read as text files are.

So titles above a header, dates as text, `1,234.5` and every refusal are the same in all of them.
"""

import csv
import datetime as dt
import io
import json
import math
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from rnnsearch.data.files.unpacking import Source, opened
from rnnsearch.errors import DataError
from rnnsearch.shown import day

DEEPEST = 4  # how far down a JSON file its table is looked for
DEEPEST_LIST = 12  # how far down, where its columns lie apart


def workbook_sheets(source: Source, file: str) -> dict[str, bytes]:
    """The sheets of a workbook that have rows, as CSV."""
    try:
        with opened(source) as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl tells of styles and headers it drops
            sheets = pd.read_excel(
                stream, sheet_name=None, header=None, dtype=object, engine="openpyxl"
            )
    except Exception as error:  # a damaged workbook can fail anywhere in the reader
        raise DataError(
            f"{file}: is not an Excel workbook that can be read: {str(error)[:200]}; save it again "
            f"as .xlsx or CSV."
        ) from None
    return {
        str(name): _as_csv(frame.itertuples(index=False))
        for name, frame in sheets.items()
        if len(frame)
    }


def looks_like_json(start: bytes) -> bool:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    return text[:1] == b"[" or (text[:1] == b"{" and text[1:].lstrip()[:1] in (b'"', b"}"))


def json_table(source: Source, file: str) -> bytes:
    """The table in a JSON file as CSV: records, columns, rows, or one record a line.

    A table may lie inside an object: `{"data": [{"Date": ..., "Close": ...}, ...]}`. Raises
    DataError where there is none.
    """
    with opened(source) as stream:
        content = stream.read()
    try:
        text = content.decode("utf-8-sig")
        try:
            value = json.loads(text)
        except ValueError:
            value = [json.loads(line) for line in text.splitlines() if line.strip()]
        rows = _rows(value)
        if rows is None or (len(rows) == 2 and _nested(rows[1])):  # a record of records
            rows = _apart(value) or rows
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{file}: is not JSON: {str(error)[:200]}; write it again, or as CSV."
        ) from None
    if rows is None:
        raise DataError(
            f"{file}: has no table of prices: JSON is read as a list of records like "
            f'{{"Date": "2014-03-07", "Close": 11.5}}; write it so, or as CSV.'
        )
    return _as_csv(rows)


def _rows(value: Any, depth: int = 0) -> list[Sequence[Any]] | None:
    """Header and rows of the table in a JSON value; None where there is none."""
    if isinstance(value, list) and value:
        if all(isinstance(item, dict) for item in value):
            names = list(dict.fromkeys(name for item in value for name in item))
            return [names, *([item.get(name) for name in names] for item in value)]
        if all(isinstance(item, list) for item in value):
            return list(value)
        return None
    if not isinstance(value, dict) or not value or depth == DEEPEST:
        return None
    columns, data = value.get("columns", value.get("fields")), value.get("data")
    if isinstance(columns, list) and isinstance(data, list):  # pandas, orient = "split"
        index = value.get("index")
        if isinstance(index, list) and len(index) == len(data):
            return [["", *columns], *([one, *row] for one, row in zip(index, data, strict=True))]
        return [columns, *data]
    items = list(value.values())
    if all(isinstance(item, dict) and item for item in items):
        keys = list(items[0])
        if len(items) > 1 and all(list(item) == keys for item in items):
            if len(keys) >= len(items):  # of each column, a value per row
                return [["", *value], *([key, *(item[key] for item in items)] for key in keys)]
            # of each date, a value per column
            return [["", *keys], *([name, *item.values()] for name, item in value.items())]
    lengths = {len(item) for item in items if isinstance(item, list)}
    flat = all(isinstance(item, list) and not _nested(item) for item in items)
    if flat and len(items) > 1 and len(lengths) == 1:  # a list per column
        return [list(value), *map(list, zip(*items, strict=True))]
    if dated := _by_time(value):
        return dated
    tables = [rows for item in items if (rows := _rows(item, depth + 1))]
    return tables[0] if len(tables) == 1 else None


def _by_time(value: dict[str, Any]) -> list[Sequence[Any]] | None:
    """Header and rows of columns that are lists of [time, value], at the same times each."""
    pairs = {
        name: item
        for name, item in value.items()
        if isinstance(item, list)
        and item
        and all(isinstance(one, list) and len(one) == 2 for one in item)
    }
    if len(pairs) != len(value) or len({len(item) for item in pairs.values()}) != 1:
        return None
    times = [[one[0] for one in item] for item in pairs.values()]
    if any(other != times[0] for other in times) or not all(
        isinstance(one, int | float | str) for one in times[0]
    ):
        return None
    columns = [[one[1] for one in item] for item in pairs.values()]
    return [["Date", *pairs], *map(list, zip(times[0], *columns, strict=True))]


def _apart(value: Any) -> list[Sequence[Any]] | None:
    """Header and rows of columns that lie in several places, each a list of as many values."""
    found: list[tuple[str, list[Any]]] = []

    def look(value: Any, name: str, depth: int) -> None:
        if depth == DEEPEST_LIST:
            return
        if isinstance(value, dict):
            for inner, item in value.items():
                look(item, inner, depth + 1)
        elif isinstance(value, list) and _nested(value):
            for item in value:
                look(item, name, depth + 1)
        elif isinstance(value, list) and len(value) > 1:
            found.append((name, value))

    look(value, "", 0)
    longest = max((len(values) for _, values in found), default=0)
    columns = [(name, values) for name, values in found if len(values) == longest]
    names = [name for name, _ in columns]
    if len(columns) < 2 or len(set(names)) < len(names):
        return None
    return [names, *map(list, zip(*(values for _, values in columns), strict=True))]


def _nested(items: Sequence[Any]) -> bool:
    return any(isinstance(item, list | dict) for item in items)


def _as_csv(rows: Iterable[Iterable[Any]]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([_text(cell) for cell in row] for row in rows)
    return file.getvalue().encode(errors="replace")


def _text(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)) or cell is pd.NaT:
        return ""
    if isinstance(cell, dt.datetime):
        return day(cell)
    return " ".join(str(cell).split())[:1000]
