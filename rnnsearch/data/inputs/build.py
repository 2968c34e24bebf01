"""Every candidate input of a study in one table: rows are sessions, columns are inputs.

The table is computed once for its prices and its list of inputs, kept on disk under its hash, and
mapped read-only by every worker (see `table`), so that all of them share one copy in memory.

Nothing here looks at more than one row and the rows before it. Whether an input repeats another one
is for the training rows of a fold to say, not for the whole file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnsearch import targets
from rnnsearch.data.export import check_ending, write_table
from rnnsearch.data.inputs.functions import own_inputs
from rnnsearch.data.inputs.indicators import KNOWN_AHEAD, LEFT_OUT, InputSpec, catalogue
from rnnsearch.data.inputs.joins import Join, check_names, plan_joins
from rnnsearch.data.inputs.lengths import with_lengths
from rnnsearch.data.inputs.own import (
    PRICE_INPUTS,
    Columns,
    check_rows,
    extra_inputs,
    is_indicator,
    possible_inputs,
    relative_change,
    series_columns,
    settled,
    wanted_inputs,
)
from rnnsearch.data.inputs.table import (
    ALWAYS,
    REALISED,
    InputTable,
    load_inputs,
    read_inputs,
    write_inputs,
)
from rnnsearch.errors import DataError
from rnnsearch.shown import some

if TYPE_CHECKING:
    import pandas as pd

    from rnnsearch.config import StudyFile
    from rnnsearch.data.prices.load import Prices

__all__ = [
    "InputTable",
    "build_inputs",
    "export_inputs",
    "input_listing",
    "load_inputs",
    "relative_change",
]

TOLD = 6  # most indicators whose lengths are told

INPUTS_VERSION = 1  # raise it when an input's values change: old caches are then left alone


def build_inputs(
    prices: Prices, study: StudyFile, cache: Path | None, own: Sequence[str] | None = None
) -> InputTable:
    """The table of every input that `[inputs]` and `[data]` allow.

    It comes from the folder `cache` where it is there; without one it is in memory only. Of the
    user's own functions all are asked, or those that `own` needs.

    Raises `StudyFileError` for an unknown indicator or a market whose close is not told,
    `DataError` for prices that an input cannot be computed from, `StorageError` where the cache
    cannot be written.
    """
    from rnnsearch.config import digest

    specs, notes = _candidates(prices, study)
    warmup = settled(specs)
    if any(map(is_indicator, specs)):
        check_rows(prices, warmup, "[inputs]")
    joins = plan_joins(prices, study.data, warmup)
    check_names(specs, joins, study.data)
    names = [spec.name for spec in specs]
    code = study.module
    keys: list[Any] = [*(join.key for join in joins), *([code.hash] if code else [])]
    if prices.ahead:
        keys.append([KNOWN_AHEAD, *prices.ahead])
    name = digest(prices.hash, names, INPUTS_VERSION, prices.target, study.data.predict, *keys)
    if cache is not None and (table := read_inputs(cache, name)) is not None:
        return replace(table, coming=_coming(prices, table.specs))
    notes += [note for join in joins for note in join.notes]
    columns = series_columns(prices, [spec.name for spec in specs if is_indicator(spec)])
    if code is not None:
        made = own_inputs(prices, code, _taken(specs), own)
        check_names([*specs, *made.specs], joins, study.data)
        specs, columns = [*specs, *made.specs], columns | made.columns
        notes += made.notes
        warmup = max(warmup, settled(specs))
    values, kept, dropped = _compute(columns, specs, joins)
    notes += [
        f"column {name!r} has values too large for float32 and is left out" for name in dropped
    ]
    warmup = max(warmup, *[join.warmup for join in joins], 0)
    values.flags.writeable = False
    table = InputTable(values, kept, warmup, name, None, tuple(notes))
    if cache is not None:
        table = write_inputs(cache, table)
    return replace(table, coming=_coming(prices, kept))


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

    check_ending(path, (".csv", ".parquet"))
    frame = pd.DataFrame(np.asarray(table.values), index=dates, columns=list(table.names))
    write_table(frame, path, index=True)


# --- which inputs -------------------------------------------------------------------------------


def _candidates(prices: Prices, study: StudyFile) -> tuple[list[InputSpec], list[str]]:
    """Specifications in the order of the columns, and a note for each that cannot be computed."""
    computed = (*PRICE_INPUTS, *catalogue())
    choice = study.inputs.indicators
    usual = wanted_inputs(choice, computed, "[inputs]")
    wanted = with_lengths(usual, study.inputs.lengths, "[inputs]")
    possible, notes = possible_inputs(prices, wanted, "[inputs]", required=choice != "all")
    notes += _told_lengths([spec for spec in possible if spec in wanted[len(usual) :]])
    target = targets.get(study.data.predict)
    always = ALWAYS if target.in_prices else ALWAYS[:1]
    if target.log_volatility:
        always = (*always, *REALISED)
    taken = _taken([*wanted, *always])
    for name in prices.extras:
        if name in taken:
            raise DataError(
                f"{prices.name}: column {name!r} has the name of a computed input; rename it, or "
                f"leave it out with columns in [data]."
            )
    return [*always, *possible, *extra_inputs(prices)], notes


def _taken(specs: Sequence[InputSpec]) -> set[str]:
    """Names that no other input can have beside these."""
    computed = (*ALWAYS, *PRICE_INPUTS, *catalogue(), *specs)
    return {spec.name for spec in computed} | LEFT_OUT.keys()


def _told_lengths(specs: Sequence[InputSpec]) -> list[str]:
    """Which lengths a range has become."""
    lengths: dict[str, list[str]] = {}
    for spec in specs:
        base, _, length = spec.name.rpartition("_")
        lengths.setdefault(base, []).append(length)
    told = [f"{base} over {', '.join(each)}" for base, each in lengths.items()]
    return [f"further lengths, in sessions: {some(told, TOLD, '; ')}"] if told else []


def _coming(prices: Prices, specs: Sequence[InputSpec]) -> NDArray[np.float32] | None:
    """(rows past the last price, F) what is known of them; NaN for all else."""
    if prices.coming is None:
        return None
    values = np.full((len(prices.coming), len(specs)), np.nan, dtype=np.float32)
    for place, spec in enumerate(specs):
        if spec.ahead:
            values[:, place] = prices.coming[spec.name]
    return values


# --- their values -------------------------------------------------------------------------------


def _compute(
    columns: Columns, specs: Sequence[InputSpec], joins: Sequence[Join]
) -> tuple[NDArray[np.float32], tuple[InputSpec, ...], list[str]]:
    """(rows, F) values, the specifications of those columns that float32 can hold, other names."""
    for join in joins:
        columns |= join.columns()
    every = (*specs, *(spec for join in joins for spec in join.specs))
    largest = np.finfo(np.float32).max
    kept = tuple(
        spec for spec in every if np.abs(columns[spec.name][spec.warmup :]).max() <= largest
    )
    rows = len(next(iter(columns.values())))
    values = np.empty((rows, len(kept)), dtype=np.float32)
    for place, spec in enumerate(kept):
        values[:, place] = columns[spec.name]
    return values, kept, [spec.name for spec in every if spec not in kept]
