"""Which series `[data]` names: the files of a pattern, or those of one file of several."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnsearch.config import DataSection
from rnnsearch.config.data import EVERY
from rnnsearch.data.files.dispatch import RawTable, sheets_of
from rnnsearch.data.files.names import series_column
from rnnsearch.data.files.stacked import (
    match_name,
    naming_columns,
    pick_series,
    rows_with,
    side_by_side,
)
from rnnsearch.data.prices.load import whole_table
from rnnsearch.errors import DataError, shown

PATTERN = frozenset("*?[")
PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar")


@dataclass(frozen=True)
class Listed:
    """name: as the file has it, or of the file; path, series: the `[data]` that reads it alone."""

    name: str
    path: Path
    series: tuple[str, ...]


def list_series(data: DataSection) -> tuple[Listed, ...]:
    """Each of the series that `[data]` names, in order; none where it names one.

    Raises DataError for a pattern that no file has, two series of one name, and a file in which
    no column names a series.
    """
    if data.path is None:
        return ()
    found: Sequence[Listed] = ()
    if is_pattern(data.path):
        found = _of_files(data)
    elif EVERY in data.series or len(data.series) > 1:
        found = _of_one_file(data, data.path)
    _check_names(data.path.name, found)
    return tuple(found)


def is_pattern(path: Path) -> bool:
    """Whether a path names files by `*`, `?` or `[...]`, and is none of them itself."""
    return bool(PATTERN & set(_pattern(path)[1])) and not path.exists()


def _pattern(path: Path) -> tuple[Path, str]:
    """The folder that is there, whatever it is called, and the pattern below it."""
    folder, rest = Path(path.anchor), list(path.parts[1:] if path.anchor else path.parts)
    while rest and (folder / rest[0]).is_dir():
        folder = folder / rest.pop(0)
    return folder, "/".join(rest)


def _of_files(data: DataSection) -> list[Listed]:
    assert data.path is not None
    if EVERY in data.series:
        raise DataError(
            f'{data.path.name}: names several files, each of them a series, so series = "{EVERY}" '
            "cannot be read too; remove series, or name one file."
        )
    folder, pattern = _pattern(data.path)
    try:
        paths = sorted(path for path in folder.glob(pattern) if path.is_file())
    except ValueError as error:
        raise DataError(f"{shown(pattern)}: is no pattern of files: {error}.") from None
    paths = [path for path in paths if not path.name.startswith(".")]
    if not paths:
        raise DataError(f"{folder / pattern}: no file is called so; correct the path.")
    return [Listed(called(path), path, data.series) for path in paths]


def called(path: Path) -> str:
    """The series of a file of its own: 2330.TW of 2330.TW.csv.gz."""
    while path.suffix.lower() in PACKED and path.stem:
        path = path.with_suffix("")
    return path.stem


def _of_one_file(data: DataSection, path: Path) -> list[Listed]:
    """Values of `series` of one dimension (sheets, headers, a column) are several series."""
    wanted = list(dict.fromkeys(data.series))
    sheets = sheets_of(path)
    named = [value for value in wanted if value in sheets]
    if len(named) > 1 or (EVERY in wanted and not named and len(sheets) > 1):
        others = tuple(value for value in wanted if value not in (*named, EVERY))
        return [Listed(name, path, (name, *others)) for name in named or sheets]
    raw = whole_table(data.model_copy(update={"series": tuple(named)}))
    places = dict(_place(raw, value) for value in wanted if value not in (*named, EVERY))
    several = _several(places)
    if EVERY not in wanted and not several:
        return []
    fixed = tuple(value for value in places if value not in several)
    if EVERY in wanted:
        fixed = tuple(places)
        several = _every(pick_series(path.name, raw, fixed))
        if not several and fixed:
            raise DataError(
                f'{path.name}: series is "{EVERY}", which is each, and {shown(fixed[0])}, which '
                "leaves one; remove one of them."
            )
        if not several:
            raise DataError(
                f'{path.name}: series = "{EVERY}" is each of the file, but no column names a '
                'series; give them their names in a column Ticker, write layout = "wide" where '
                "each column is a close, or remove series."
            )
    return [Listed(name, path, (*named, *fixed, name)) for name in several]


def _place(raw: RawTable, value: str) -> tuple[str, str]:
    """The value as the file has it, and where: in the headers, or in a column; "" for nowhere."""
    if (header := match_name(_headers(raw), value)) is not None:
        return header, "the headers"
    found = rows_with(raw.frame, value)
    if found is None:
        return value, ""
    column, rows = found
    return str(raw.frame.loc[rows, column].iloc[0]), f"column {column}"


def _headers(raw: RawTable) -> list[str]:
    names = list(map(str, raw.frame.columns))
    of = raw.of or side_by_side(names)
    return list(dict.fromkeys(series for series, _ in of.values()))


def _several(places: dict[str, str]) -> list[str]:
    """The values that stand in one place, where several do; with those that are nowhere, so that
    a slip among them is told as one."""
    for place in places.values():
        if place and list(places.values()).count(place) > 1:
            return [value for value, other in places.items() if other in (place, "")]
    return []


def _every(raw: RawTable) -> list[str]:
    """All series of a table; none where nothing names them."""
    if headers := _headers(raw):
        return headers
    counts = {name: raw.frame[name].nunique() for name in naming_columns(raw.frame)}
    usual = [name for name in counts if series_column(name) and counts[name]]
    likely = usual or [name for name in counts if 1 < counts[name] <= len(raw.frame) / 5]
    if not likely:
        return []
    column = raw.frame[likely[0]].dropna().astype("str")
    return [name for name in dict.fromkeys(column) if name.strip()]


def _check_names(file: str, found: Sequence[Listed]) -> None:
    """Each has its own folder and database entries, on systems that know no case, too."""
    known: dict[str, Listed] = {}
    for one in found:
        other = known.setdefault(one.name.casefold(), one)
        if other is not one:
            where = [o.path.name if o.path != one.path else shown(o.name) for o in (other, one)]
            if other.path != one.path:
                where = [other.path.name, one.path.name]
            raise DataError(
                f"{file}: each series needs a name of its own, but {where[0]} and {where[1]} are "
                f"both called {one.name[:100]}; rename or remove one."
            )
