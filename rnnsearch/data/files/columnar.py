"""Parquet and Arrow files."""

import io
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from rnnsearch.data.files.headers import MOST_COLUMNS, Header, checked_names, header_of, paired
from rnnsearch.data.files.names import DATE_KEYS, key
from rnnsearch.data.files.unpacking import Source
from rnnsearch.errors import DataError


@dataclass(frozen=True)
class Columnar:
    """frame, notes: as `files.RawTable`; of: as `headers.Header`."""

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    of: dict[str, tuple[str, str]] = field(default_factory=dict)


def read_arrow(source: Source, file: str, kind: str) -> Columnar:
    """The columns of a Parquet or Arrow file that hold plain values; nested ones are left out."""
    where = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        schema = pq.read_schema(where) if kind == "Parquet" else None
        if schema is not None and len(schema.names) > MOST_COLUMNS:
            checked_names(file, schema.names)  # refuses so many
        nested = [one.name for one in schema or () if not _is_plain(one.type)]
        if isinstance(where, io.BytesIO):
            where.seek(0)
        if schema is None:
            frame = pyarrow.feather.read_table(where).to_pandas()
        elif nested:
            wanted = [one.name for one in schema if _is_plain(one.type)]
            frame = pd.read_parquet(where, columns=wanted)
        else:
            frame = pd.read_parquet(where)
    except (OSError, DataError):
        raise
    except Exception as error:  # a damaged file can fail anywhere in the reader
        raise DataError(
            f"{file}: is not a Parquet file: {str(error)[:200]}; write it again."
            if kind == "Parquet"
            else f"{file}: is not an Arrow file: {str(error)[:200]}; write it again, or as Parquet."
        ) from None
    told = (
        f"columns that hold lists, structures or raw bytes are left out: {', '.join(nested)[:200]}"
    )
    notes = (told,) if nested else ()
    if isinstance(frame.index, pd.DatetimeIndex) or key(str(frame.index.name)) in DATE_KEYS:
        index = frame.index.to_series(index=pd.RangeIndex(len(frame)))
        frame = frame.reset_index(drop=True)
        top = str(frame.index.name or index.name or "")
        frame.insert(0, _index_name(frame, top), index, allow_duplicates=True)
    header = _header(frame)
    frame.columns = pd.Index(checked_names(file, header.names))
    return Columnar(frame.reset_index(drop=True), notes, header.of)


def _index_name(frame: pd.DataFrame, name: str) -> str | tuple[str, ...]:
    levels = frame.columns.nlevels
    return name if levels == 1 else (name, *[""] * (levels - 1))


def _header(frame: pd.DataFrame) -> Header:
    if frame.columns.nlevels == 2:
        return paired([(str(pair[0]), str(pair[1])) for pair in frame.columns])
    return header_of([str(name) for name in frame.columns])


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    raw = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    odd = (pa.types.is_nested, pa.types.is_union, *raw)
    return not any(is_odd(kind) for is_odd in odd)
