"""A first study file, for one series or for many: which it is, the files say."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnsearch.config import DataSection
from rnnsearch.config.data import EVERY
from rnnsearch.data.files.names import USUAL, date_column, key, usual_names
from rnnsearch.data.files.numbers import parse_numbers
from rnnsearch.data.listing import Listed, is_pattern, list_series
from rnnsearch.data.prices.load import read_prices, whole_table
from rnnsearch.errors import DataError, SeveralSeriesError, cut
from rnnsearch.language import _, listed
from rnnsearch.prepare import draft
from rnnsearch.prepare.draft import Draft, Many
from rnnsearch.prepare.look import PRICE_NAMES, SMALLEST, look

FEWEST_COLUMNS = 3  # of one file that may be closes of as many series


def init(
    data: Path,
    output: Path | None = None,
    *,
    target: str | None = None,
    series: tuple[str, ...] = (),
    **given: Any,
) -> Draft:
    """As `prepare.draft.init`, also for a pattern of files, a folder, or a file of many series.

    A file of several series of which none is named makes a study of each of them.
    """
    if data.is_dir():
        data = data / f"*{_usual_ending(data)}"
    if is_pattern(data) or EVERY in series or len(series) > 1:
        section = DataSection(path=data, series=series)
        if found := list_series(section):
            return _init_many(section, found, output, target, given)
    try:
        return draft.init(data, output, target=target, series=series, **given)
    except SeveralSeriesError:
        section = DataSection(path=data, series=(EVERY,))
        if series or target is not None:
            raise
    except DataError:
        section = DataSection(path=data, series=(EVERY,), layout="wide")
        if series or target is not None or not _is_wide(data):
            raise
    return _init_many(section, list_series(section), output, target, given)


def _usual_ending(folder: Path) -> str:
    """.csv, where most files of a folder end so."""
    endings = [path.suffix for path in folder.iterdir() if path.is_file() and path.suffix]
    endings = [ending for ending in endings if ending not in (".toml", ".md", ".txt", ".py")]
    if not endings:
        raise DataError(f"{folder}: is a folder without files of prices; name a file.")
    return Counter(sorted(endings)).most_common(1)[0][0]


def _is_wide(data: Path) -> bool:
    """Whether a file has a date and columns of prices above 0 alone, none of which says which."""
    table = whole_table(DataSection(path=data)).frame
    names = [str(name) for name in table.columns]
    date = date_column(names)
    others = [name for place, name in enumerate(names) if place != date]
    known = {*map(key, USUAL), *PRICE_NAMES}
    return (
        date is not None
        and len(others) >= FEWEST_COLUMNS
        and not set(usual_names(others)) & set(USUAL)
        and not {key(name) for name in others} & known
        and all(_has_prices(table[name]) for name in others)
    )


def _has_prices(column: pd.Series) -> bool:
    values, wrong = parse_numbers(column)
    values = values[np.isfinite(values)]
    return wrong is None and len(values) > 0 and bool((values > 0).all())


@dataclass(frozen=True)
class _Looked:
    """rows: of the series that can be used; gaps: whether any has rows that must be left out."""

    rows: dict[Listed, int]
    bad: dict[Listed, str]
    gaps: bool


def _init_many(
    section: DataSection,
    found: Sequence[Listed],
    output: Path | None,
    target: str | None,
    given: dict[str, Any],
) -> Draft:
    keys = {k: given[k] for k in ("columns", "time_zone", "calendar") if k in given}
    target_too = target or _likely_target(section, found, given)
    section = section.model_copy(update=keys | {"target": target_too})
    path = section.path
    assert path is not None
    looked = _look_at_all(section, found)
    if not looked.rows:
        reason = next(iter(looked.bad.values()))
        raise DataError(f"{path.name}: none of {len(found)} series can be used: {reason}")
    shortest = min(looked.rows, key=lambda one: looked.rows[one])
    written: dict[str, Any] = {
        "path": path,
        "series": section.series,
        "layout": section.layout,
        "skip_bad": bool(looked.bad),
    }
    if looked.gaps:
        written |= {"missing": "drop", "fill": "forward"}
    made = draft.init(
        shortest.path,
        output,
        target=target,
        series=shortest.series,
        many=Many(_called(path), written, len(looked.rows)),
        **given,
    )
    names = listed(one.name[:40] for one in list(looked.rows)[:10])
    if len(looked.rows) > 10:
        names = _("{names} and {count} more", names=names, count=len(looked.rows) - 10)
    what = {
        "wide": _(
            "each column is read as the close of a series (--target COLUMN: one is forecast, and "
            "the others are inputs)"
        ),
        "auto": _("each file is a series") if is_pattern(path) else _("the file has several"),
    }[section.layout]
    facts = [
        _("series: {count} ({names}); {what}", count=len(looked.rows), names=names, what=what),
        _(
            "each is searched as a study of its own; what follows is {series}, the shortest",
            series=shortest.name,
        ),
    ]
    bad = [
        _("{series} cannot be used and is left out: {why}", series=one.name, why=cut(why))
        for one, why in looked.bad.items()
    ]
    return replace(made, facts=[*facts, *made.facts], warnings=(*bad, *made.warnings))


def _called(path: Path) -> Path:
    """stocks/*.csv makes stocks.toml beside the folder, and many.csv many.toml."""
    return path.parent if is_pattern(path) else path


def _likely_target(section: DataSection, found: Sequence[Listed], given: dict[str, Any]) -> str:
    """The column that the first series that can be read would have forecast."""
    keys = {k: given[k] for k in ("columns", "time_zone", "calendar") if k in given}
    for one in found:
        with contextlib.suppress(DataError):
            own = keys | {"series": one.series, "layout": section.layout}
            return look(one.path, None, own)[1].target
    return "Close"


def _look_at_all(section: DataSection, found: Sequence[Listed]) -> _Looked:
    rows: dict[Listed, int] = {}
    bad: dict[Listed, str] = {}
    gaps = False
    for one in found:
        own = section.model_copy(update={"path": one.path, "series": one.series})
        lenient = own.model_copy(update={"missing": "drop", "fill": "forward"})
        try:
            try:
                prices = read_prices(own)
            except SeveralSeriesError:
                raise
            except DataError:
                prices, gaps = read_prices(lenient), True
            if len(prices.dates) < SMALLEST:
                raise DataError(f"has {len(prices.dates)} rows, and {SMALLEST} are needed.")
            rows[one] = len(prices.dates)
        except DataError as error:
            bad[one] = str(error)
    return _Looked(rows, bad, gaps)
