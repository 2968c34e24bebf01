"""What a price series alone offers as inputs: changes of its prices, and indicators of them.

Every value at row t is a function of rows <= t of that series.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnsearch.data.inputs.indicators import (
    KNOWN_AHEAD,
    LEFT_OUT,
    WARMUP,
    InputSpec,
    Unit,
    filled,
    needs_volume,
    of_close_alone,
)
from rnnsearch.data.inputs.lengths import LONGEST, SHORTEST, compute_named, named, recipes
from rnnsearch.data.inputs.table import REALISED
from rnnsearch.errors import DataError, StudyFileError, shown
from rnnsearch.targets.volatility import log_mean

if TYPE_CHECKING:
    from rnnsearch.data.prices.load import Prices

Columns = dict[str, NDArray[np.float64]]

PRICE_INPUTS = (
    InputSpec("open_close", "price", "return", 0, "log(open / close)"),
    InputSpec("high_close", "price", "return", 0, "log(high / close)"),
    InputSpec("low_close", "price", "return", 0, "log(low / close)"),
    InputSpec("volume_change", "price", "return", 1, "log(volume / volume one session before)"),
)


def wanted_inputs(
    choice: str | tuple[str, ...], computed: Sequence[InputSpec], place: str
) -> list[InputSpec]:
    """Those of the `computed` inputs that `indicators` of the study file names, at `place`."""
    if isinstance(choice, str):
        return list(computed) if choice == "all" else []
    known = list(dict.fromkeys([s.family for s in computed] + [s.name for s in computed]))
    at_length = {}
    for name in choice:
        if name not in known and (spec := named(name)) is not None:
            at_length[name] = spec
            continue
        if name in LEFT_OUT:
            raise StudyFileError(
                f"{place} indicators: {name} is left out because {LEFT_OUT[name]} says the same; "
                f"use {LEFT_OUT[name]}"
            )
        if name not in known:
            parts = sorted((one for one in known if name.lower() in one), key=len)
            near = parts[:3] or get_close_matches(name, known, n=1, cutoff=0.6)
            families = dict.fromkeys(s.family for s in computed)
            hint = f"families: {', '.join(families)}; `rnnsearch inputs STUDY` lists all names"
            if near:
                hint = f"did you mean {' or '.join(near)}?"
            if with_length := _with_length(name):
                hint = with_length
            raise StudyFileError(f"{place} indicators: there is no {shown(name)}; {hint}")
    return [
        *(spec for spec in computed if spec.name in choice or spec.family in choice),
        *at_length.values(),
    ]


def _with_length(name: str) -> str | None:
    """What to write where a length was meant: momentum_rsi(7), momentum_rsi_0007."""
    match = re.fullmatch(r"(\w+?)\W*_?(\d{1,9})\W*", name)
    if match is None or match[1] not in recipes():
        return None
    base, length = match[1], int(match[2])
    if not SHORTEST <= length <= LONGEST:
        return f"a length lies between {SHORTEST} and {LONGEST} sessions"
    if length == recipes()[base].length:
        return f"{base} has this length; write {base}"
    return f"write {base}_{length}, or give lengths = {{ {base} = {length} }} in [inputs]"


def possible_inputs(
    prices: Prices, wanted: list[InputSpec], place: str, *, required: bool
) -> tuple[list[InputSpec], list[str]]:
    """Those of the `wanted` inputs whose columns are there, and a note where some are not.

    Raises `DataError` where none is, and one is `required`.
    """
    have = set(prices.frame.columns)
    possible = [spec for spec in wanted if _needs(spec) <= have]
    lacking = sorted(set().union(*(_needs(spec) for spec in wanted)) - have)
    if not lacking:
        return possible, []
    text = (
        f"{prices.name}: no column {', '.join(lacking)}, so {len(wanted) - len(possible)} "
        f"of {len(wanted)} computed inputs are left out"
    )
    if required and not possible:
        raise DataError(f"{text}; give a file with them or choose other indicators in {place}.")
    return possible, [text]


def check_rows(prices: Prices, warmup: int, place: str) -> None:
    """There are enough rows for indicators to warm up."""
    if len(prices.dates) <= warmup:
        shorter = "shorter lengths" if warmup > WARMUP else 'indicators = "none"'
        raise DataError(
            f"{prices.name}: indicators need more than {warmup} rows to warm up, but there are "
            f"{len(prices.dates)}; give more rows or set {shorter} in {place}."
        )


def settled(specs: Sequence[InputSpec]) -> int:
    """First row on which inputs of one series have settled, alike for all usual indicators."""
    usual = WARMUP if any(map(is_indicator, specs)) else 0
    return max(usual, *(spec.warmup for spec in specs))


def series_columns(prices: Prices, indicators: Sequence[str]) -> Columns:
    """(rows,) float64 of each price input, named indicator and extra column of the series.

    Raises `DataError` for prices that an indicator cannot be computed from.
    """
    _check_positive(prices, indicators)
    columns = _price_inputs(prices) | compute_named(prices.frame, indicators)
    return columns | {name: prices.frame[name].to_numpy(np.float64) for name in prices.extras}


def extra_inputs(prices: Prices) -> list[InputSpec]:
    """The extra columns as they are; before its first value, a column warms up."""
    specs = []
    for name in prices.extras:
        warmup = int(np.argmin(np.isnan(prices.frame[name].to_numpy(np.float64))))
        unit: Unit = "raw"
        source = "column of the file"
        if name in prices.words:
            column, word = prices.words[name]
            unit, source = "flag", f"1 where column {column} of the file is {word}, else 0"
        if name in prices.ahead:
            source = f"{source}; at the target's date"
            specs.append(InputSpec(name, KNOWN_AHEAD, unit, warmup, source, ahead=True))
        else:
            specs.append(InputSpec(name, "column", unit, warmup, source))
    return specs


def is_indicator(spec: InputSpec) -> bool:
    return named(spec.name) == spec


def _check_positive(prices: Prices, indicators: Sequence[str]) -> None:
    """Prices are above 0 where an indicator needs them to be."""
    from rnnsearch.data.prices.refusals import check_positive

    for column in ("Close", "High", "Low"):
        needing = [name for name in indicators if column == "Close" or not of_close_alone(name)]
        if needing:
            others = '["price"] or "none"'
            if column != "Close":
                others = '["price", "momentum_rsi", "trend_macd_diff"], which need no High and Low'
            way = (
                f"choose others than {needing[0]}"
                + (f" and {len(needing) - 1} more" if len(needing) > 1 else "")
                + f", as indicators = {others}"
            )
            check_positive(prices.rows, prices.frame[column], "an indicator", way)


def _needs(spec: InputSpec) -> set[str]:
    """Columns of the file that a computed input is made from."""
    if spec.name == "return":  # of a joined series; the target has its own column
        return {"Close"}
    if spec.name == "volume_change":
        return {"Volume"}
    if spec in PRICE_INPUTS:
        return {"Close", spec.name.removesuffix("_close").capitalize()}
    return {"High", "Low", "Close"} | ({"Volume"} if needs_volume(spec) else set())


def _price_inputs(prices: Prices) -> Columns:
    frame = prices.frame
    columns: Columns = {}
    if prices.target in frame:
        close = prices.closes
        columns |= {"level": close, "return": _change_over_one(close)}
    if prices.price:
        rows = np.arange(len(frame))
        columns |= {
            spec.name: filled(log_mean(prices.close, rows, spec.warmup), warmup=spec.warmup)
            for spec in REALISED
        }
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
