"""A price file as it is written: where its header is, its columns under their names.

Rows are counted from 1 at the first row below the header, in every message of this package.
"""

import codecs
import contextlib
import csv
import itertools
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rnnsearch.data.names import DATE_KEYS, USUAL, date_column, key, usual_names
from rnnsearch.data.numbers import is_dressed, undress
from rnnsearch.errors import DataError

ENDINGS = (".csv", ".parquet", ".tsv", ".txt")
ENCODINGS = ("cp950", "gb18030", "cp1252")  # tried where a file is not UTF-8
TITLES = 8  # most lines above the header
VALUE = re.compile(r"[-+\d.,:/ TZ]*\d[-+\d.,:/ TZ]*")  # a number or a date
NAMELESS = re.compile(r"column \d+")  # how a column without a name is called


@dataclass(frozen=True, eq=False)
class RawTable:
    """The columns of a file in its order, and what was read otherwise than it stands there."""

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_table(path: Path) -> RawTable:
    """The columns of a CSV or Parquet file, in the file's order, under their trimmed names.

    Of CSV, numbers are read as numbers, exactly; all else is text. A first column without a name is
    the date where no other column is one; other columns without a name are called `column 7`.

    Raises `DataError` for a file that is missing, empty, damaged, of another format, or that has
    one column twice.
    """
    try:
        if path.is_dir():
            raise DataError(f"{path}: is a folder; give the CSV or Parquet file itself.")
        if path.suffix.lower() not in ENDINGS:
            raise DataError(
                f"{path.name}: prices are read from .csv or .parquet, got "
                f"{path.suffix or 'no ending'!r}; rename or convert the file."
            )
        if path.exists() and not path.is_file():  # a pipe would never end
            raise DataError(f"{path}: is no regular file; copy what it holds into one.")
        if path.stat().st_size == 0:
            raise DataError(f"{path.name}: the file is empty; it needs a header and rows.")
        if path.suffix.lower() == ".parquet":
            return RawTable(_read_parquet(path))
        return _read_csv(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; correct the path.") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name}: is not UTF-8 text: {error.reason} "
            f"(0x{error.object[error.start]:02x}); save it as UTF-8."
        ) from None
    except OSError as error:
        raise DataError(
            f"{path.name}: cannot be read: {error.strerror or error}; check the file."
        ) from None


# --- text ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """How a text file is laid out; `skipped` lines stand above its first row."""

    encoding: str
    separator: str
    header: list[str]
    skipped: int


def _read_csv(path: Path) -> RawTable:
    try:
        layout = _layout(path)
        names = _names(path, layout.header)
        frame = _rows(path, layout, names)
        frame, notes = _data_rows(frame)
        if layout.encoding in ENCODINGS:
            notes.append(f"is not UTF-8, so its text is read as {layout.encoding}")
        texts = [n for n in names if not _is_date(n) and pd.api.types.is_string_dtype(frame[n])]
        if any(is_dressed(frame[name]) for name in texts):
            # 1.234 among 12,5 is a number already, and another one: read it as text again
            texts = [n for n in names if not _is_date(n)]
            raw = _rows(path, layout, names, as_text=True).loc[frame.index, texts]
            read, told = undress(raw)
            if told:
                frame[texts], notes = read, [*notes, *told]
    except (csv.Error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(
            f"{path.name}: is not a table with {layout.separator!r} between its columns: "
            f"{str(error).strip()}; every row needs as many values as the header, and numbers no "
            f"thousands separators."
        ) from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path.name}: the file is empty; it needs a header and rows.") from None
    return RawTable(frame.reset_index(drop=True), tuple(notes))


def _is_date(name: str) -> bool:
    return date_column([name]) is not None


def _rows(path: Path, layout: _Layout, names: list[str], *, as_text: bool = False) -> pd.DataFrame:
    with warnings.catch_warnings():
        # A row longer than the header is cut with no more than this warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            path,
            sep=layout.separator,
            skiprows=layout.skipped,
            header=None,
            names=names,
            index_col=False,
            dtype=str if as_text else {name: str for name in names if _is_date(name)},
            encoding=layout.encoding,
            low_memory=False,
        )


def _layout(path: Path) -> _Layout:
    """Raises UnicodeDecodeError where no encoding makes its names those of a price file."""
    with path.open("rb") as file:
        start = file.read(4)
    marked = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return _header(path, "utf-16" if marked else "utf-8-sig")
    except UnicodeError as error:
        found = []
        for encoding in ENCODINGS:
            with contextlib.suppress(UnicodeError):
                found.append(_header(path, encoding))
        layout = max(found, key=_proofs, default=None)
        if layout and _proofs(layout):
            return layout
        if isinstance(error, UnicodeDecodeError):
            raise
        raise UnicodeDecodeError("utf-16", start, 0, 1, str(error)) from None


def _proofs(layout: _Layout) -> int:
    """How many names are known ones that another encoding would not have shown."""
    read = zip(layout.header, usual_names(layout.header), strict=True)
    return sum(new in ("Date", *USUAL) for old, new in read if not old.isascii())


def _header(path: Path, encoding: str) -> _Layout:
    """The first line that names a date among other columns, else the first line."""
    with path.open(encoding=encoding, newline="") as file:
        top = list(itertools.islice(file, TITLES + 3))
        for _ in file:  # the whole file must be text
            pass
    filled = [(number, line) for number, line in enumerate(top, 1) if line.strip()]
    split = [(number, *_cells(line)) for number, line in filled]
    for number, separator, cells in split:
        if len([cell for cell in cells if cell.strip()]) > 1 and date_column(cells) is not None:
            return _Layout(encoding, separator, cells, number)
    if len(split) > 2 and split[0][2][0] == "Price" and split[2][2][0] == "Date":  # of yfinance
        header = ["Date", *split[0][2][1:]]
        return _Layout(encoding, split[0][1], header, split[2][0])
    number, separator, cells = split[0] if split else (0, ",", [])
    return _Layout(encoding, separator, cells, number)


def _cells(line: str) -> tuple[str, list[str]]:
    separator = max(",;\t", key=line.count)
    return separator, next(csv.reader([line], delimiter=separator), [])


def _data_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Without the text that exchanges write below their rows, and between those of joined files."""
    if frame.shape[1] < 2 or not len(frame):
        return frame, []
    first, others = frame.iloc[:, 0].astype("str").fillna("0"), frame.iloc[:, 1:]
    alone = others.isna().all(axis=1).to_numpy()
    named = [name for name in others.columns.astype(str) if not NAMELESS.fullmatch(name)]
    header = (others[named] == named).all(axis=1).to_numpy() & ~alone
    words = np.array([text.isprintable() and not text[:1].isdigit() for text in first], dtype=bool)
    below = np.logical_and.accumulate((alone & words)[::-1])[::-1]
    text = alone | header if header.any() else below
    if not text.any() or text.all():
        return frame, []
    told = first[text].iloc[0]
    return frame[~text], [f"{text.sum()} lines of text are left out, the first is {told!r}"]


# --- all files ----------------------------------------------------------------------------------


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except OSError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in the reader
        raise DataError(f"{path.name}: is not a Parquet file: {error}; write it again.") from None
    if isinstance(frame.index, pd.DatetimeIndex) or key(str(frame.index.name)) in DATE_KEYS:
        index = frame.index.to_series(index=pd.RangeIndex(len(frame)))
        frame = frame.reset_index(drop=True)
        frame.insert(0, str(index.name or ""), index, allow_duplicates=True)
    frame.columns = pd.Index(_names(path, [str(name) for name in frame.columns]))
    return frame.reset_index(drop=True)


def _names(path: Path, header: list[str]) -> list[str]:
    """Column names, trimmed and all different."""
    names = [name.strip() for name in header]
    if len(names) > 1 and all(map(VALUE.fullmatch, names)):
        raise DataError(
            f"{path.name}: the first line has values ({', '.join(names[:3])}, ...) where the names "
            f"of the columns should be; write a line above it such as "
            f"Date,Open,High,Low,Close,Volume."
        )
    if names and not names[0] and date_column(names) is None:
        names[0] = "Date"
    names = [name or f"column {number}" for number, name in enumerate(names, start=1)]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise DataError(
                f"{path.name}: column names must differ, but column {names.index(name) + 1} and "
                f"column {number + 1} are both {name!r}; rename or remove one."
            )
    return names
