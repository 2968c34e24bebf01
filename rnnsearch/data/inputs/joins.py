"""Other markets as of the moment they were known: a joined value is that of the newest row whose
bar had closed when the target's session closed, the instant at which its forecast is made.

Inputs of a joined series are computed on its own rows before they are joined, so its return is that
of its own last session, however many sessions of the target lie between. A close at the very same
instant is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnsearch.data.inputs.indicators import InputSpec, catalogue
from rnnsearch.data.inputs.own import (
    PRICE_INPUTS,
    Columns,
    check_rows,
    extra_inputs,
    is_indicator,
    possible_inputs,
    series_columns,
    settled,
    wanted_inputs,
)
from rnnsearch.data.markets.calendars import Instants, close_instants
from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.shown import day, number_of

if TYPE_CHECKING:
    from rnnsearch.config import DataSection, JoinSection
    from rnnsearch.data.prices.load import Prices

RETURN = InputSpec("return", "price", "return", 1, "log(close / close one session before)")
LATE_START = 10  # sessions that a join may cost without a note
LATE_END = 5  # usual steps that a joined file may end before the last session without a note
STALE = 14  # usual steps between rows, after which a newest known row is called stale
COARSE = np.timedelta64(4, "D")  # a step between dates that makes a row a week or more


@dataclass(frozen=True, eq=False)
class Join:
    """One joined series against the target's sessions.

    series  its prices; target "" where it has no Close
    newest  (rows of the target,) its newest row known at that session's close; -1: none yet
    own     the inputs it offers under their own names, warm-up in its own rows
    specs   the same inputs as the table has them: prefixed, warm-up in rows of the target
    warmup  first row of the target on which every input has settled
    notes   what was left out or looks odd
    """

    series: Prices
    newest: NDArray[np.int64]
    own: tuple[InputSpec, ...]
    specs: tuple[InputSpec, ...]
    warmup: int
    notes: tuple[str, ...]

    @property
    def key(self) -> list[Any]:
        """What its values are determined by, for the hash of the table."""
        rows = hashlib.sha256(self.newest.astype("<i8").tobytes()).hexdigest()
        return [self.series.hash, rows, [spec.name for spec in self.specs]]

    def columns(self) -> Columns:
        """(rows of the target,) float64 of each input by its prefixed name; NaN where unknown."""
        names = [spec.name for spec in self.own if is_indicator(spec)]
        computed = series_columns(self.series, names)
        columns = {}
        for own, spec in zip(self.own, self.specs, strict=True):
            values = computed[own.name][self.newest]
            values[self.newest < own.warmup] = np.nan
            columns[spec.name] = values
        return columns


def plan_joins(prices: Prices, data: DataSection, needed: int) -> list[Join]:
    """Which row of each joined series every session of the target knows, and the inputs it gives.

    needed  warm-up of the target's own inputs, which a join may exceed

    Raises `StudyFileError` where a market's close is not told, `DataError` where no session knows a
    settled row of a joined series.
    """
    if len(prices.joined) != len(data.join):
        raise DataError(
            f"{prices.name}: the study joins {len(data.join)} further series "
            f"({', '.join(join.prefix for join in data.join) or 'none'}), but "
            f"{len(prices.joined)} were read; give the prices of each."
        )
    if not data.join:
        return []
    decisions, notes = close_instants("[data]", prices.name, prices.dates, data, late=False)
    joins = [
        _plan(prices, decisions, needed, series, settings)
        for series, settings in zip(prices.joined, data.join, strict=True)
    ]
    return [replace(joins[0], notes=(*notes, *joins[0].notes)), *joins[1:]]


def _plan(
    prices: Prices, decisions: Instants, needed: int, series: Prices, settings: JoinSection
) -> Join:
    place = f"[[data.join]] {settings.prefix}"
    closes, notes = close_instants(place, series.name, series.dates, settings, late=True)
    newest = np.searchsorted(closes, decisions, side="right") - 1
    own, lacking = _inputs(series, settings, place)
    needs = settled(own)
    warmup = int(np.searchsorted(newest, needs))  # newest never decreases
    if warmup == len(newest):
        raise DataError(
            f"{series.name}: {prices.name} must have sessions on which {needs + 1} rows of "
            f"{place} are known, but its last, {prices.dates[-1]}, knows {newest[-1] + 1} (rows "
            f"from {series.dates[0]} to {series.dates[-1]}); give older rows of {series.name}."
        )
    specs = tuple(
        InputSpec(
            settings.prefix + spec.name,
            settings.family,
            spec.unit,
            int(np.searchsorted(newest, spec.warmup)),
            f"{series.name}: {spec.source}",
            spec.recursive,
        )
        for spec in own
    )
    notes += lacking
    notes += _oddities(prices, decisions, series, closes, newest, warmup, needed)
    return Join(series, newest, own, specs, warmup, tuple(notes))


def _inputs(
    series: Prices, settings: JoinSection, place: str
) -> tuple[tuple[InputSpec, ...], list[str]]:
    """What the joined series offers, under its own names, and what it lacks."""
    wanted = wanted_inputs(settings.indicators, catalogue(), place)
    indicators, notes = possible_inputs(series, wanted, place, required=True)
    if indicators:
        check_rows(series, settled(indicators), place)
    computed, _ = possible_inputs(series, [RETURN, *PRICE_INPUTS], place, required=False)
    extras = extra_inputs(series)
    taken = {spec.name for spec in (*computed, *indicators)}
    for name in series.extras:
        if name in taken:
            raise DataError(
                f"{series.name}: column {name!r} has the name of a computed input; rename it, or "
                f"leave it out with columns in {place}."
            )
    if RETURN not in computed and extras:
        notes.append(
            f"{series.name}: no column Close, so its columns enter as they are; name a price "
            f"Close to have its return."
        )
    own = (*computed, *indicators, *extras)
    if not own:
        raise DataError(
            f"{series.name}: {place} has no column that an input can be made from; give a file "
            f"with Close or with further columns."
        )
    return own, notes


def _oddities(
    prices: Prices,
    decisions: Instants,
    series: Prices,
    closes: Instants,
    newest: NDArray[np.int64],
    warmup: int,
    needed: int,
) -> list[str]:
    """A late start, stale rows, and dates that may be those of a bar's beginning."""
    notes, dates = [], prices.dates
    if warmup > needed + LATE_START:
        notes.append(
            f"{series.name}: begins on {day(series.dates[0])}, so the first {warmup} of "
            f"{len(dates)} sessions of {prices.name} are left out, {warmup - needed} more than "
            f"without it; the first in use is {day(dates[warmup])}."
        )
    steps = [np.median(np.diff(instants)) for instants in (decisions, closes)]
    age = (decisions - closes[newest])[warmup:]
    stale = np.flatnonzero(age > STALE * max(steps))
    if len(stale):
        oldest = warmup + int(np.argmax(age))
        notes.append(
            f"{series.name}: on {number_of(len(stale), 'session')}, first "
            f"{day(dates[warmup + stale[0]])}, "
            f"its newest known row is more than {STALE} usual steps old; on "
            f"{day(dates[oldest])} it is that of {day(series.dates[newest[oldest]])}."
        )
    elif newest[-1] == len(closes) - 1 and decisions[-1] - closes[-1] > LATE_END * max(steps):
        notes.append(
            f"{series.name}: ends on {day(series.dates[-1])}, and {prices.name} on "
            f"{day(dates[-1])}, so the last sessions know old values of it; is it up to date?"
        )
    if (series.dates != series.dates.normalize()).any():
        notes.append(
            f"{series.name}: its dates have a time of day, which is taken as the close of a bar; "
            f"where it is the bar's beginning, the join would see the future."
        )
    elif steps[1] >= COARSE:
        notes.append(
            f"{series.name}: its rows are {steps[1].astype('timedelta64[D]').astype(int)} days "
            f"apart, and each is taken as known at the close of its date; where that is the "
            f"beginning of a week or month, the join would see the future."
        )
    return notes


def check_names(specs: Sequence[InputSpec], joins: Sequence[Join], data: DataSection) -> None:
    """No two inputs have one name, and no joined series the family of another input."""
    names = {spec.name for spec in (*specs, *catalogue(), *PRICE_INPUTS)} | {"return", "level"}
    families = {spec.family for spec in (*specs, *catalogue(), *PRICE_INPUTS)}
    for join, settings in zip(joins, data.join, strict=True):
        both = sorted(names & {spec.name for spec in join.specs})
        if both or settings.family in families:
            what = f"input {both[0]!r}" if both else f"family {settings.family!r}"
            raise StudyFileError(
                f"[[data.join]] {settings.prefix}: its {what} is there already; choose another "
                f"prefix"
            )
        names |= {spec.name for spec in join.specs}
