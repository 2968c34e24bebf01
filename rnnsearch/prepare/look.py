"""What a price file has, and the `[data]` of a study file that reads it."""

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from rnnsearch import targets
from rnnsearch.config import DataSection
from rnnsearch.data.files.dispatch import RawTable
from rnnsearch.data.files.names import USUAL, date_column, key, listed, usual_names
from rnnsearch.data.files.numbers import parse_numbers, words_as_gaps
from rnnsearch.data.files.stacked import check_columns_of_one, only_series
from rnnsearch.data.prices.load import Prices, check_table, source
from rnnsearch.errors import DataError, StudyFileError

SMALLEST = 90  # rows; fewer cannot be trained, validated and tested on
PRICE_NAMES = (
    "adjclose",
    "adjustedclose",
    "price",
    "prices",
    "last",
    "settle",
    "value",
    "nav",
)  # by `key`
CLOSE_WORDS = {"close", "closing", "last", "settle", "settlement"}
OTHER_WORDS = {"adj", "adjusted", "prev", "previous", "prior", "time", "date", "volume", "size"}


def look(
    data: Path, target: str | None, given: dict[str, Any]
) -> tuple[Prices, DataSection, dict[str, str]]:
    """The prices, the `[data]` that reads them, and columns that cannot be inputs, with why.

    `given`: series, columns, time_zone and calendar of `[data]`, where the user has told them.
    Raises as `draft.init` does.
    """
    try:
        section = DataSection(path=data, target=target or "Close", **given)
    except ValidationError as error:
        fault = error.errors()[0]
        flag = str(fault["loc"][0]).replace("_", "-") if fault["loc"] else "time-zone, --calendar"
        told = fault["msg"].removeprefix("Value error, ")
        raise StudyFileError(f"--{flag}: {told}") from None
    file, raw = source(section)
    names = list(map(str, raw.frame.columns))
    alone = only_series(names) if target is None and "Close" not in usual_names(names) else None
    if alone is not None:
        section = section.model_copy(update={"series": (*section.series, alone)})
        file, raw = source(section)
    check_columns_of_one(file, raw, target)
    names = usual_names(list(raw.frame.columns))
    if target is None:
        section = section.model_copy(update={"target": _target(file, raw.frame, names)})
    numbers = {
        key(name): parse_numbers(raw.frame[column])[0]
        for column, usual in zip(raw.frame, names, strict=True)
        for name in (str(column), usual)
    }
    wanted = numbers.get(key(section.target))
    if wanted is not None and (wanted <= 0).any():
        section = section.model_copy(update={"predict": "level"})
    section = section.model_copy(update={"missing": "drop", "fill": "forward"})
    section, left_out = _usable(file, raw, section)
    prices, section = _as_it_is(file, raw, section)
    if len(prices.dates) < SMALLEST:
        raise DataError(
            f"{data.name}: has {len(prices.dates)} rows, but at least {SMALLEST} are needed to "
            f"train, validate and test on; add older rows."
        )
    return prices, section, left_out


def _usable(file: str, raw: RawTable, section: DataSection) -> tuple[DataSection, dict[str, str]]:
    """The section without the extra columns that are refused where all else is fine, and why."""
    names = usual_names(list(map(str, raw.frame.columns)))
    own = {"Date", "Time", *USUAL, section.target}
    extras = [place for place, name in enumerate(names) if name not in own]

    def without(places: list[int]) -> RawTable:
        """The table without these columns."""
        left = [place for place in range(len(names)) if place not in places]
        return replace(raw, frame=raw.frame.iloc[:, left])

    def fault(raw: RawTable) -> str | None:
        try:
            check_table(file, raw, section)
        except DataError as error:
            return str(error).removeprefix(f"{file}: ").partition("; ")[0]
        return None

    if section.columns != "all" or fault(raw) is None or fault(without(extras)) is not None:
        return section, {}
    refused: dict[int, str] = {}
    for place in extras:
        why = fault(without([other for other in extras if other != place]))
        if why is not None:
            refused[place] = why
    # Text, counters and constants are no faults: they are told where all columns are read.
    read = check_table(file, without(list(refused)), section)
    told = {names[place]: why for place, why in refused.items()}
    for place in extras:
        if place not in refused and names[place] not in read.sources:
            why = next((one for one in read.warnings if repr(names[place]) in one), "")
            told[names[place]] = why.removeprefix(f"{file}: ").rstrip(".") or "it has no values"
    return section.model_copy(update={"columns": read.sources or "none"}), told


def _as_it_is(file: str, raw: RawTable, section: DataSection) -> tuple[Prices, DataSection]:
    """The prices, with the settings that gaps and adjusted prices of the file need and no others.

    A whole set of adjusted prices, or an adjusted close, is what returns are made of.
    """
    prices = check_table(file, raw, section)
    columns = prices.columns
    assert columns is not None
    adjusted = section.target == "Close" and "Close" in columns.adjusted.values()
    if adjusted and targets.get(section.predict).above_zero:
        section = section.model_copy(update={"adjust": True})
        prices = check_table(file, raw, section)
    needed = {
        "missing": "drop" if len(prices.dates) < len(raw.frame) else "refuse",
        "fill": "forward" if columns.filled else "none",
    }
    return prices, section.model_copy(update=needed)


def _target(file: str, table: pd.DataFrame, usual: list[str]) -> str:
    """The close, or the column that is most like one."""
    if "Close" in usual:
        return "Close"
    names = {key(name): name for name in table.columns if date_column([name]) is None}
    for known in PRICE_NAMES:
        if known in names:
            return names[known]
    numeric = [name for name in names.values() if _has_numbers(table[name])]
    closes = [name for name in numeric if _closes(name)]
    for likely in (numeric, closes):
        if len(likely) == 1:
            return likely[0]
    if not numeric:
        raise DataError(
            f"{file}: there is no column of prices: beside the date, no column has numbers alone. "
            f"The file has {listed(table.columns)}; write the prices as plain numbers, under the "
            f"name Close."
        )
    other = [name for name in numeric if key(name) not in map(key, USUAL)]
    near = f" {shlex.quote((closes or other or numeric)[0][:80])}"
    raise DataError(
        f"{file}: there is no column Close; the numeric columns are {listed(numeric)}; name the "
        f"one to forecast with --target, as --target{near}."
    )


def _has_numbers(column: pd.Series) -> bool:
    values, wrong = parse_numbers(words_as_gaps(column)[0])
    return wrong is None and bool(np.isfinite(values).any())


def _closes(name: str) -> bool:
    """Whether a name is that of a close among others: `XYZ.Close`, `lastPrice`, `Close (USD)`."""
    words = {key(word) for word in re.findall(r"[A-Z]+(?![a-z])|[^\W\d_][^\WA-Z\d_]*", name)}
    return bool(words & CLOSE_WORDS) and not words & OTHER_WORDS
