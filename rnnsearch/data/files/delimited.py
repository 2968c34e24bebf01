"""A text file as it is written: where its header is, its columns under their names."""

import codecs
import csv
import io
import itertools
import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.data.files.encodings import check_decodes, encoding_of
from rnnsearch.data.files.headers import (
    KLINES,
    NAMELESS,
    Header,
    checked_names,
    header_of,
    is_kline,
    two_lines,
)
from rnnsearch.data.files.names import USUAL, date_column, series_column, usual_names
from rnnsearch.data.files.numbers import is_dressed, undress, words_as_gaps
from rnnsearch.data.files.unpacking import Source, opened
from rnnsearch.errors import DataError
from rnnsearch.shown import number_of

KNOWN = 3  # names of prices that make a line the header, where none names a date
TITLES = 8  # most lines above the header
LONGEST = 2**20  # characters of one of its lines
UNICODE = ("utf-8-sig", "utf-16")


@dataclass(frozen=True)
class Delimited:
    """frame, notes, numbers: as `files.RawTable`; of: as `headers.Header`."""

    frame: pd.DataFrame
    numbers: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    of: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Layout:
    """How a text file is laid out; `skipped` lines stand above its first row."""

    encoding: str
    separator: str
    header: Header
    skipped: int


def read_delimited(source: Source, file: str) -> Delimited:
    """Columns of a text file: numbers are read as numbers, exactly; all else is text.

    Raises DataError, and UnicodeDecodeError where nothing shows its encoding.
    """
    separator = ","
    try:
        layout = _layout(source, file)
        separator = layout.separator
        names = checked_names(file, layout.header.names)
        frame = _rows(source, layout, names)
        frame, notes = _data_rows(frame)
        if layout.encoding not in UNICODE:
            notes.append(f"is not UTF-8, so its text is read as {layout.encoding}")
        others = [name for name in names if not _is_text(name)]
        if any(_is_dressed(frame[name]) for name in others):
            # 1.234 among 12,5 is a number already, and another one: read it as text again
            raw = _rows(source, layout, names, as_text=True).loc[frame.index, others]
            for name, usual in zip(names, usual_names(names), strict=True):
                if name in others and usual in USUAL:  # a word among prices hides no comma
                    raw[name] = words_as_gaps(raw[name])[0]
            read, told = undress(raw)
            if told:
                frame[others], notes = read, [*notes, *told]
    except pd.errors.EmptyDataError:
        raise DataError(f"{file}: the file is empty; it needs a header and rows.") from None
    except (csv.Error, pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        if isinstance(error, UnicodeError):
            raise
        raise DataError(
            f"{file}: is not a table with {separator!r} between its columns: "
            f"{str(error).strip()[:200]}; every row needs as many values as the header, and "
            f"numbers no thousands separators."
        ) from None
    numbers = frame.index.to_numpy(np.int64) + 1
    return Delimited(frame.reset_index(drop=True), numbers, tuple(notes), layout.header.of)


def _is_text(name: str) -> bool:
    """Whether a column is kept as it is written: 20240111 is a date, and 0050 a ticker."""
    return date_column([name]) is not None or series_column(name)


def _is_dressed(column: pd.Series) -> bool:
    return bool(pd.api.types.is_string_dtype(column)) and is_dressed(column)


def _rows(
    source: Source, layout: _Layout, names: list[str], *, as_text: bool = False
) -> pd.DataFrame:
    with warnings.catch_warnings(), opened(source) as stream:
        # A row longer than the header is cut with no more than this warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            stream,
            sep=layout.separator,
            skiprows=layout.skipped,
            header=None,
            names=names,
            index_col=False,
            dtype=str if as_text else {name: str for name in names if _is_text(name)},
            encoding=layout.encoding,
            low_memory=False,
        )


def _layout(source: Source, file: str) -> _Layout:
    """Raises UnicodeDecodeError where no encoding makes its names those of a price file."""
    with opened(source) as stream:
        start = stream.read(4)
    marked = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if marked else "utf-8-sig"
    try:
        check_decodes(source, encoding)
        return _header(source, file, encoding)
    except UnicodeError as error:
        found = None
        if not marked:
            found = encoding_of(source, lambda one: _header(source, file, one).header.names)
        if found is not None:
            return _header(source, file, found)
        if isinstance(error, UnicodeDecodeError):
            raise
        raise UnicodeDecodeError("utf-16", start, 0, 1, str(error)) from None


def _header(source: Source, file: str, encoding: str) -> _Layout:
    """The first line that names a date among other columns, else the first line."""
    with (
        opened(source) as stream,
        io.TextIOWrapper(stream, encoding=encoding, newline="") as text,
    ):
        lines = (text.readline(LONGEST) for _ in range(TITLES + 3))
        top = list(itertools.takewhile(bool, lines))
    if any(len(line) >= LONGEST for line in top):
        raise DataError(
            f"{file}: a line must be shorter than {LONGEST} characters, but one of the first "
            f"{len(top)} is longer; write a row of the table on each line."
        )
    filled = [
        (number, *_cells(line))
        for number, line in enumerate(top, 1)
        if line.strip() and not line.startswith("sep=")
    ]
    rows = [cells for *_, cells in filled]
    for at, (number, separator, cells) in enumerate(filled):
        double = two_lines(*(rows[at : at + 3] + [[]] * 2)[:3]) if rows[at + 1 :] else None
        if double is not None:
            return _Layout(encoding, separator, double, filled[at + double.lines - 1][0])
        if len([cell for cell in cells if cell.strip()]) > 1 and date_column(cells) is not None:
            return _Layout(encoding, separator, header_of(cells), number)
    number, separator, cells = filled[0] if filled else (0, ",", [])
    if is_kline(cells):
        return _Layout(encoding, separator, Header(list(KLINES)), number - 1)
    known = [sum(one in USUAL for one in usual_names(line)) for *_, line in filled]
    if filled and max(known) >= KNOWN:  # titles above the names of prices
        number, separator, cells = filled[int(np.argmax(known))]
    return _Layout(encoding, separator, header_of(cells), number)


def _cells(line: str) -> tuple[str, list[str]]:
    separator = max(",;\t|", key=line.count)
    return separator, next(csv.reader([line], delimiter=separator), [])


def _data_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Without the text that exchanges write around their rows, and between those of joined files;
    without rows that have no value at all.
    """
    notes: list[str] = []
    if frame.shape[1] < 2 or not len(frame):
        return frame, notes
    empty = frame.isna().all(axis=1).to_numpy()
    if empty.any() and not empty.all():
        notes.append(
            number_of(empty.sum(), "row without any value is", "rows without any value are")
            + " left out"
        )
        frame = frame[~empty]
    if above := _titles(frame):
        told = " ".join(frame.iloc[0].dropna().astype("str"))[:200]
        many = number_of(
            above, "line of text above the rows is", "lines of text above the rows are"
        )
        notes.append(f"{many} left out, the first is {told!r}")
        frame = frame.iloc[above:]
    first, others = frame.iloc[:, 0].astype("str").fillna("0"), frame.iloc[:, 1:]
    alone = others.isna().all(axis=1).to_numpy()
    named = [name for name in others.columns.astype(str) if not NAMELESS.fullmatch(name)]
    header = (others[named] == named).all(axis=1).to_numpy() & ~alone
    words = np.array([text.isprintable() and not text[:1].isdigit() for text in first], dtype=bool)
    below = np.logical_and.accumulate((alone & words)[::-1])[::-1]
    text = alone | header if header.any() else below
    if not text.any() or text.all():
        return frame, notes
    told = first[text].iloc[0]
    notes.append(
        f"{number_of(text.sum(), 'line of text is', 'lines of text are')} left out, "
        f"the first is {told[:200]!r}"
    )
    return frame[~text], notes


def _titles(frame: pd.DataFrame) -> int:
    """How many rows below the names tell more of them (units, remarks): they have no date."""
    date = date_column([str(name) for name in frame.columns])
    if date is None:
        return 0
    top = frame.iloc[: TITLES + 1].astype("str").apply(lambda column: column.str.strip())
    numbers = top.apply(pd.to_numeric, errors="coerce").notna().any(axis=1)
    rows = (top.iloc[:, date].str.contains(r"\d", na=False) | numbers).to_numpy()
    return int(np.argmax(rows)) if rows.any() else 0
