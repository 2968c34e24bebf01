"""A price file of any kind as columns under their names.

Rows are counted from 1 at the first row below the header, in every message of this package.

`unpacking` opens what is packed, `grids` makes text of workbooks and JSON, `encodings` finds how
text is encoded, `headers` names columns, and `delimited` reads the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.data.files.columnar import read_arrow
from rnnsearch.data.files.delimited import read_delimited
from rnnsearch.data.files.grids import json_table, looks_like_json, workbook_sheets
from rnnsearch.data.files.names import date_column
from rnnsearch.data.files.unpacking import Source, kind_of, opened, unpacked
from rnnsearch.errors import DataError, SeveralSeriesError


@dataclass(frozen=True, eq=False)
class RawTable:
    """The columns of a file in its order, and what was read otherwise than it stands there.

    of       the series and the field of each column, where the header tells them
    chosen   names of series that are chosen already: a sheet
    numbers  (rows,) of the rows in the file, from 1; None where they are 1, 2, 3, ...
    """

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    of: dict[str, tuple[str, str]] = field(default_factory=dict)
    chosen: frozenset[str] = frozenset()
    numbers: NDArray[np.int64] | None = None


def read_table(path: Path, series: Sequence[str] = ()) -> RawTable:
    """The columns of a file, in its order, under their trimmed names.

    Text (CSV, tabs, semicolons), Parquet, Arrow, Excel and JSON are told by their content, packed
    or not. A first column without a name is the date where no other column is one; other columns
    without a name are called `column 7`. Of a workbook with several tables, `series` names one.

    Raises `DataError` for a file that is missing, empty, damaged, of another format, or that has
    one column twice.
    """
    try:
        if path.is_dir():
            raise DataError(
                f"{path}: is a folder; give the file with the prices itself, or {path.name}/*.csv "
                f"in a study file, which `rnnsearch init {path.name}` writes, for a search for "
                "each of its files."
            )
        if path.exists() and not path.is_file():  # a pipe would never end
            raise DataError(f"{path}: is no regular file; copy what it holds into one.")
        if path.stat().st_size == 0:
            raise DataError(f"{path.name}: the file is empty; it needs a header and rows.")
        if path.suffix.lower() == ".toml":
            raise DataError(f"{path.name}: is a study file; give the file with the prices.")
        return _read(unpacked(path), path.name, series)
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


def sheets_of(path: Path) -> list[str]:
    """The sheets of a workbook that have a date; none of another file, or of one that is not there.

    Raises `DataError` for a workbook that cannot be read.
    """
    try:
        source = unpacked(path) if path.is_file() and path.stat().st_size else None
        if source is None or kind_of(source, path.name) != "workbook":
            return []
        sheets = workbook_sheets(source, path.name)
    except OSError:  # it is told where the file is read
        return []
    return [name for name, text in sheets.items() if _dated(text, path.name) is not None]


def _read(source: Source, file: str, series: Sequence[str]) -> RawTable:
    kind = kind_of(source, file)
    if kind in ("Parquet", "Arrow"):
        table = read_arrow(source, file, kind)
        return RawTable(table.frame, table.notes, table.of)
    if kind == "workbook":
        return _workbook(source, file, series)
    with opened(source) as stream:
        start = stream.read(64)
    if looks_like_json(start):
        source = json_table(source, file)
    read = read_delimited(source, file)
    return RawTable(read.frame, read.notes, read.of, numbers=read.numbers)


def _workbook(source: Source, file: str, series: Sequence[str]) -> RawTable:
    """The sheet that is named, or the only one with a date."""
    sheets = workbook_sheets(source, file)
    if not sheets:
        raise DataError(f"{file}: the workbook is empty; it needs a header and rows.")
    named = next((one for one in series if one in sheets), None)
    if named is None and len(sheets) == 1:
        named = next(iter(sheets))
    if named is None:
        tables = {name: _dated(text, f"{file}, sheet {name}") for name, text in sheets.items()}
        dated = [name for name, table in tables.items() if table is not None]
        if len(dated) == 1:
            named = dated[0]
        else:
            one = (dated or list(sheets))[0][:40]
            raise (SeveralSeriesError if dated else DataError)(
                f"{file}: has {len(sheets)} sheets with rows ({', '.join(sheets)[:200]}); choose "
                f'one with series = "{one}" in [data], or --series {one} of init.'
            )
    read = read_delimited(sheets[named], file)
    notes = (f"the prices are those of sheet {named!r}",) if len(sheets) > 1 else ()
    return RawTable(read.frame, (*notes, *read.notes), read.of, frozenset([named]), read.numbers)


def _dated(text: bytes, file: str) -> RawTable | None:
    try:
        read = read_delimited(text, file)
    except DataError:
        return None
    return RawTable(read.frame) if date_column(list(read.frame.columns)) is not None else None
