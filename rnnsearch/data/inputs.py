"""Every candidate input of a study in one table: rows are sessions, columns are inputs.

The table is computed once for its prices and its list of inputs, kept on disk under its hash, and
mapped read-only by every worker (see `table`), so that all of them share one copy in memory.

Nothing here looks at more than one row and the rows before it. Whether an input is constant or
repeats another one is for the training rows of a fold to say, not for the whole file.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnsearch.data.indicators import (
    LEFT_OUT,
    WARMUP,
    InputSpec,
    catalogue,
    compute_indicators,
    filled,
    needs_volume,
)
from rnnsearch.data.table import ALWAYS, InputTable, load_inputs, read_inputs, write_inputs
from rnnsearch.errors import DataError, StorageError, StudyFileError

if TYPE_CHECKING:
    import pandas as pd

    from rnnsearch.config import StudyFile
    from rnnsearch.data.prices import Prices

__all__ = [
    "InputTable",
    "build_inputs",
    "export_inputs",
    "input_listing",
    "load_inputs",
]

INPUTS_VERSION = 1  # raise it when an input's values change: old caches are then left alone

PRICE_INPUTS = (
    InputSpec("open_close", "price", "return", 0, "log(open / close)"),
    InputSpec("high_close", "price", "return", 0, "log(high / close)"),
    InputSpec("low_close", "price", "return", 0, "log(low / close)"),
    InputSpec("volume_change", "price", "return", 1, "log(volume / volume one session before)"),
)


def build_inputs(prices: Prices, study: StudyFile, cache: Path | None) -> InputTable:
    """The table of every input that `[inputs]` and `[data]` allow.

    It comes from the folder `cache` where it is there; without one it is in memory only.

    Raises `StudyFileError` for an unknown indicator, `DataError` for prices that an input cannot be
    computed from, `StorageError` where the cache cannot be written.
    """
    from rnnsearch.config import digest

    specs, notes = _candidates(prices, study)
    names = [spec.name for spec in specs]
    name = digest(prices.hash, names, INPUTS_VERSION, prices.target, study.data.predict)
    if cache is not None and (table := read_inputs(cache, name)) is not None:
        return table
    indicators = any(spec in catalogue() for spec in specs)
    if indicators and len(prices.dates) <= WARMUP:
        raise DataError(
            f"{prices.name}: indicators need more than {WARMUP} rows to warm up, but there are "
            f'{len(prices.dates)}; give more rows or set indicators = "none" in [inputs].'
        )
    values, kept = _compute(prices, specs)
    dropped = [spec.name for spec in specs if spec not in kept]
    notes += [
        f"column {name!r} has values too large for float32 and is left out" for name in dropped
    ]
    warmup = WARMUP if indicators else max(spec.warmup for spec in kept)
    values.flags.writeable = False
    table = InputTable(values, kept, warmup, name, None, tuple(notes))
    return table if cache is None else write_inputs(cache, table)


def input_listing(table: InputTable, dates: pd.DatetimeIndex) -> pd.DataFrame:
    """One row per input: name, family, unit, warm-up, first date with a value, source."""
    import pandas as pd

    listing = pd.DataFrame(
        [(s.name, s.family, s.unit, s.warmup, s.recursive, s.source) for s in table.specs],
        columns=["name", "family", "unit", "warmup", "recursive", "source"],
    )
    first = [dates[spec.warmup] for spec in table.specs]
    listing.insert(4, "first_date", pd.DatetimeIndex(first))
    return listing


def export_inputs(table: InputTable, dates: pd.DatetimeIndex, path: Path) -> None:
    """Write the table with its dates as CSV or Parquet, by the ending of `path`."""
    import pandas as pd

    frame = pd.DataFrame(np.asarray(table.values), index=dates, columns=list(table.names))
    try:
        if path.suffix.lower() == ".csv":
            frame.to_csv(path)
        elif path.suffix.lower() == ".parquet":
            frame.to_parquet(path)
        else:
            raise StudyFileError(
                f"{path.name}: inputs are exported as .csv or .parquet, got {path.suffix!r}; "
                f"change the ending."
            )
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error}; choose another place.") from None


# --- which inputs -------------------------------------------------------------------------------


def _candidates(prices: Prices, study: StudyFile) -> tuple[list[InputSpec], list[str]]:
    """Specifications in the order of the columns, and a note for each that cannot be computed."""
    have = set(prices.frame.columns)
    computed = (*PRICE_INPUTS, *catalogue())
    wanted = _wanted(study.inputs.indicators, computed)
    possible = [spec for spec in wanted if _needs(spec) <= have]
    lacking = sorted(set().union(*(_needs(spec) for spec in wanted)) - have)
    notes = []
    if lacking:
        text = (
            f"{prices.name}: no column {', '.join(lacking)}, so {len(wanted) - len(possible)} "
            f"of {len(wanted)} computed inputs are left out"
        )
        if not possible and study.inputs.indicators != "all":
            raise DataError(
                f"{text}; give a file with them or choose other indicators in [inputs]."
            )
        notes.append(text)
    always = ALWAYS if study.data.predict == "level" else ALWAYS[:1]
    taken = {spec.name for spec in (*ALWAYS, *computed)} | LEFT_OUT.keys()
    for name in prices.extras:
        if name in taken:
            raise DataError(
                f"{prices.name}: column {name!r} has the name of a computed input; rename it, or "
                f"leave it out with columns in [data]."
            )
    extras = [InputSpec(name, "column", "raw", 0, "column of the file") for name in prices.extras]
    return [*always, *possible, *extras], notes


def _wanted(choice: str | tuple[str, ...], computed: tuple[InputSpec, ...]) -> list[InputSpec]:
    """The computed inputs that `indicators` of the study file names."""
    if isinstance(choice, str):
        return list(computed) if choice == "all" else []
    known = list(dict.fromkeys([s.family for s in computed] + [s.name for s in computed]))
    for name in choice:
        if name in LEFT_OUT:
            raise StudyFileError(
                f"[inputs] indicators: {name} is left out because {LEFT_OUT[name]} says the same; "
                f"use {LEFT_OUT[name]}"
            )
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"families: {', '.join(known[:6])}"
            raise StudyFileError(f"[inputs] indicators: there is no {name!r}; {hint}")
    return [spec for spec in computed if spec.name in choice or spec.family in choice]


def _needs(spec: InputSpec) -> set[str]:
    """Columns of the file that a computed input is made from."""
    if spec.name == "volume_change":
        return {"Volume"}
    if spec in PRICE_INPUTS:
        return {"Close", spec.name.removesuffix("_close").capitalize()}
    return {"High", "Low", "Close"} | ({"Volume"} if needs_volume(spec) else set())


# --- their values -------------------------------------------------------------------------------


def _compute(
    prices: Prices, specs: Sequence[InputSpec]
) -> tuple[NDArray[np.float32], tuple[InputSpec, ...]]:
    """(rows, F) values, and the specifications of those columns that float32 can hold."""
    from rnnsearch.data.checks import check_positive

    indicators = [spec.name for spec in specs if spec in catalogue()]
    for column in ("High", "Low", "Close") if indicators else ():
        check_positive(prices.name, prices.frame[column], "an indicator")
    columns = _price_inputs(prices) | compute_indicators(prices.frame, indicators)
    columns |= {name: prices.frame[name].to_numpy(np.float64) for name in prices.extras}
    largest = np.finfo(np.float32).max
    kept = tuple(
        spec for spec in specs if np.abs(columns[spec.name][spec.warmup :]).max() <= largest
    )
    values = np.empty((len(prices.dates), len(kept)), dtype=np.float32)
    for place, spec in enumerate(kept):
        values[:, place] = columns[spec.name]
    return values, kept


def _price_inputs(prices: Prices) -> dict[str, NDArray[np.float64]]:
    frame, close = prices.frame, prices.close
    columns = {"level": close, "return": _change_over_one(close)}
    if "Volume" in frame:
        columns["volume_change"] = _change_over_one(frame["Volume"].to_numpy())
    for name in ("Open", "High", "Low"):
        if {name, "Close"} <= set(frame.columns):
            change = relative_change(frame[name].to_numpy(), frame["Close"].to_numpy())
            columns[f"{name.lower()}_close"] = change
    return columns


def _change_over_one(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return filled(np.concatenate([[np.nan], relative_change(x[1:], x[:-1])]), warmup=1)


def relative_change(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """log(a / b); where a or b is not above 0, (a - b) / mean(|a|, |b|), which lies in -2..2.

    Both agree for small changes, so a session without volume is a large change and no infinite one.
    """
    positive = (a > 0) & (b > 0)
    size = (np.abs(a) + np.abs(b)) / 2
    change = np.divide(a - b, size, out=np.zeros_like(a), where=size > 0)
    return np.log(np.divide(a, b, out=np.ones_like(a), where=positive)) * positive + np.where(
        positive, 0.0, change
    )
