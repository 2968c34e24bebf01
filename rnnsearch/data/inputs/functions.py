"""Inputs that a user's own functions make of the table of prices.

    def speed(prices):                       # one DataFrame: Open, High, Low, Close, Volume where
        return prices["Close"].pct_change(5)  # the file has them, its other columns; index: dates

A public function of the file with one argument is an input of its name; one that returns a
DataFrame gives an input for each column, `speed_low`. Values may be missing before the first one
and nowhere else. Each call has a copy of the prices of its own.

Before a search they are tried: called twice, on prices that end earlier, and on prices that go on
otherwise. What they say of a session must not change (see `lookahead`).
"""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnsearch.data.inputs.indicators import InputSpec
from rnnsearch.data.inputs.lookahead import (
    REMEDY,
    SHARES,
    Leak,
    cut_rows,
    find_leaks,
    first_difference,
    number,
)
from rnnsearch.errors import DataError, StudyFileError, cut, shown
from rnnsearch.own_code import OwnCode, load_module, public, running
from rnnsearch.shown import day

if TYPE_CHECKING:
    import pandas as pd

    from rnnsearch.data.prices.load import Prices

PLACE = "[inputs] module"
FAMILY = "own"
TOLD = 6  # most names that a note lists
EXACT = 1e-14  # of a value: by less the same call may differ, where threads add numbers up
OTHER_PRICES = (2.0, 0.5)  # what later prices are multiplied by, in turn


@dataclass(frozen=True)
class Function:
    """One function of the file: its name, and the first line of what it says of itself."""

    name: str
    call: Callable[[pd.DataFrame], Any]
    meaning: str

    def makes(self, name: str) -> bool:
        """Whether an input of this name can be its own."""
        return name == self.name or name.startswith(f"{self.name}_")


@dataclass(frozen=True, eq=False)
class OwnInputs:
    """specs of the inputs, their columns (rows,) by name, and notes to be told."""

    specs: tuple[InputSpec, ...]
    columns: dict[str, NDArray[np.float64]]
    notes: tuple[str, ...]


def own_inputs(
    prices: Prices, code: OwnCode, taken: Collection[str], wanted: Sequence[str] | None = None
) -> OwnInputs:
    """The inputs of all functions, or of those that can make the `wanted` ones.

    Raises StudyFileError for a file that gives none, or one whose name is `taken`, DataError for
    what cannot be an input: another length, no numbers, infinite or missing values.
    """
    functions, notes = _functions(code)
    if wanted is not None:
        functions = [one for one in functions if any(map(one.makes, wanted))]
    specs: list[InputSpec] = []
    columns: dict[str, NDArray[np.float64]] = {}
    for function in functions:
        table = _call(function, code, prices.frame)
        _check_names(function, table, {*taken, *columns}, code)
        for name, column in table.items():
            called = str(name)
            columns[called] = column.to_numpy(np.float64)
            warmup = _warmup(called, columns[called], prices, code)
            source = f"{code.name}: {function.meaning or function.name}"
            specs.append(InputSpec(called, FAMILY, "raw", warmup, source))
    listed = ", ".join(columns) if len(columns) <= TOLD else f"{', '.join([*columns][:TOLD])}, ..."
    if wanted is None:
        notes.insert(0, f"{code.name}: inputs of your own: {listed}")
    return OwnInputs(tuple(specs), columns, tuple(notes))


def try_functions(prices: Prices, code: OwnCode) -> pd.DataFrame:
    """See that no function looks ahead, and that each repeats itself; returns all their columns.

    For each other table of prices the file is run anew, so that nothing remembers the whole ones.
    Raises DataError with name, row, values and remedy.
    """
    frame = prices.frame
    whole = _all(code, frame, anew=True)
    with _unheard():
        again = _all(code, frame)
    if found := first_difference(whole, again, EXACT):
        name, row = found
        values = [
            number(table[name].iloc[row]) if name in table else "absent" for table in (whole, again)
        ]
        raise DataError(
            f"{PLACE}: {code.name}: {name} is {values[0]} in {prices.rows[row]} and {values[1]} "
            "when it is asked again for the same prices; let it depend on the prices alone (a "
            "random generator needs a fixed seed inside the function)"
        )
    heads = [(row, frame[:row]) for row in cut_rows(len(frame))]
    leaks: dict[str, Leak] = {}
    for row, other in (*heads, *_other_futures(prices)):
        with _unheard():
            made = _all(code, other, anew=True)
        for leak in find_leaks(whole, made[:row]):
            leaks.setdefault(leak.column, leak)
    if leaks:
        told = [_told(leak, prices, code) for leak in leaks.values()]
        more = [f"and {len(told) - TOLD} more"] * (len(told) > TOLD)
        raise DataError("\n".join([*told[:TOLD], *more, REMEDY]))
    return whole


def check_same(
    made: pd.DataFrame,
    names: Sequence[str],
    values: NDArray[np.float32],
    prices: Prices,
    code: OwnCode,
) -> None:
    """What functions make now is what the table `values` (rows, F) of an earlier command has."""
    for place, name in enumerate(names):
        if name not in made:
            continue
        now, then = made[name].to_numpy(np.float64), values[:, place].astype(np.float64)
        slack = 1e-5 * float(np.nanstd(then))
        wrong = np.flatnonzero(~np.isclose(now, then, rtol=1e-5, atol=slack, equal_nan=True))
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{PLACE}: {code.name}: {name} is {number(now[row])} in {prices.rows[row]}, and "
                f"was {number(then[row])} for the same prices earlier; let it depend on the prices "
                "alone: not on the date of today, another file or the network"
            )


# --- which functions ------------------------------------------------------------------------------


def _functions(code: OwnCode, *, anew: bool = False) -> tuple[list[Function], list[str]]:
    """Those that take one table, in the order of the file; a note on the others."""
    functions, others = [], []
    for name, value in public(load_module(code, PLACE, anew=anew)):
        if not inspect.isfunction(value):
            continue
        if (reason := _other(value)) is not None:
            others.append(f"{name} ({reason})")
            continue
        lines = (inspect.getdoc(value) or "").strip().splitlines()
        functions.append(Function(name, value, cut(lines[0]).rstrip(".") if lines else ""))
    if not functions:
        had = f"; {', '.join(others[:TOLD])}" if others else ""
        raise StudyFileError(
            f"{PLACE}: {code.name} has no public function of one table of prices{had}; write "
            "`def speed(prices): return prices['Close'].pct_change(5)`"
        )
    if not others:
        return functions, []
    return functions, [
        f"{code.name}: no inputs are made of {', '.join(others[:TOLD])}; functions whose name "
        "begins with _ are not looked at"
    ]


def _other(function: Callable[..., Any]) -> str | None:
    """Why a function is none of a table of prices, by how it is called."""
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "is async"
    parameters = list(inspect.signature(function).parameters.values())
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in parameters if p.default is p.empty and p.kind != p.VAR_KEYWORD]
    needed = [p for p in needed if p.kind != p.VAR_POSITIONAL]
    if not positional or len(needed) > 1 or (needed and needed[0] is not positional[0]):
        return f"takes {len(needed)} arguments" if needed else "takes no table"
    kind = positional[0].annotation
    told = kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
    if kind is not positional[0].empty and "DataFrame" not in told and told != "Any":
        return f"of a {cut(told)}"
    return None


# --- their values ---------------------------------------------------------------------------------


def _call(function: Function, code: OwnCode, frame: pd.DataFrame) -> pd.DataFrame:
    """(rows, columns) float64 of what a function makes, by the names of inputs."""
    import pandas as pd

    about = f"{PLACE}: {code.name}: {function.name}"
    given = f"for {len(frame)} rows with {', '.join(map(str, frame.columns))}"
    with running(code, PLACE, given, DataError), np.errstate(all="ignore"):
        made = function.call(frame.copy())
    if isinstance(made, np.ndarray) and made.ndim == 1:
        made = pd.Series(made)
    if isinstance(made, pd.Series):
        table = made.to_frame(function.name)
    elif isinstance(made, pd.DataFrame):
        names = [f"{function.name}_{_column(name)}" for name in made.columns]
        table = made.set_axis(names, axis="columns")
    else:
        raise DataError(
            f"{about} gave a {type(made).__name__}; return a Series with a value for each row of "
            "the prices, or a DataFrame of such columns"
        )
    if len(table) != len(frame):
        raise DataError(
            f"{about} gave {len(table)} values for {len(frame)} rows; keep every row, and leave "
            "a value empty (NaN) where there is none yet"
        )
    if table.columns.empty or not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()]
        what = f"has the column {shown(twice[0])} twice" if len(twice) else "has no column"
        raise DataError(f"{about} gave a table that {what}; give each column a name of its own")
    _check_index(about, table.index, frame.index)
    columns = {name: _numbers(about, column) for name, column in table.items()}
    return pd.DataFrame(columns, index=frame.index)


def _check_names(
    function: Function, table: pd.DataFrame, taken: Collection[str], code: OwnCode
) -> None:
    """No input has the name of another."""
    for name in table:
        if name in taken:
            raise StudyFileError(
                f"{PLACE}: {code.name}: there is an input {shown(name)} already; give the "
                f"function {function.name} another name"
            )


def _column(name: Any) -> str:
    return "_".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _check_index(about: str, made: pd.Index, dates: pd.Index) -> None:
    """The rows are those of the prices, by their dates, or counted where there are none."""
    import pandas as pd

    if made.equals(dates) or made.equals(pd.RangeIndex(len(dates))):
        return
    other = np.flatnonzero(np.asarray(made != dates))
    row = int(other[0]) if len(other) else 0
    raise DataError(
        f"{about}: its row {row + 1} is of {cut(str(made[row]))}, and that of the prices of "
        f"{day(dates[row])}; keep the dates and their order"
    )


def _numbers(about: str, column: pd.Series) -> NDArray[np.float64]:
    """A column as float64; infinite and missing values stay what they are."""
    import pandas as pd

    kinds = pd.api.types
    if kinds.is_object_dtype(column.dtype) or kinds.is_string_dtype(column.dtype):
        numbers = pd.to_numeric(column, errors="coerce")
        odd = np.flatnonzero(numbers.isna() & column.notna())
    elif kinds.is_bool_dtype(column.dtype) or (
        kinds.is_numeric_dtype(column.dtype) and not kinds.is_complex_dtype(column.dtype)
    ):
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    else:
        numbers, odd = column, np.array([0])
    if len(odd):
        raise DataError(
            f"{about}: {column.name} must be of numbers, but row {odd[0] + 1} is "
            f"{shown(column.iloc[odd[0]])}; make it a number, as 0 and 1"
        )
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan))


def _warmup(name: str, values: NDArray[np.float64], prices: Prices, code: OwnCode) -> int:
    """The first row with a value, after which every row has one."""
    about, rows = f"{PLACE}: {code.name}: {name}", prices.rows
    infinite, missing = np.flatnonzero(np.isinf(values)), np.isnan(values)
    if len(infinite):
        raise DataError(
            f"{about} must be finite, but is {values[infinite[0]]} in {rows[infinite[0]]}"
            f"{rows.listed(infinite)}; a division by 0 is the usual reason: say what is meant there"
        )
    if missing.all():
        raise DataError(
            f"{about} has no value in any of {len(values)} rows; give more rows, or a shorter "
            "window in the function"
        )
    warmup = int(np.argmin(missing))
    gaps = warmup + np.flatnonzero(missing[warmup:])
    if len(gaps):
        last = "; what is missing at the end often looks ahead, as .shift(-1)" * bool(missing[-1])
        raise DataError(
            f"{about} must have a value in every row after its first ({rows[warmup]}), but has "
            f"none in {rows[gaps[0]]}{rows.listed(gaps)}; fill it with what was known then, as "
            f".ffill() does{last}"
        )
    return warmup


# --- the trial ------------------------------------------------------------------------------------


def _all(code: OwnCode, frame: pd.DataFrame, *, anew: bool = False) -> pd.DataFrame:
    """What all functions make, side by side."""
    import pandas as pd

    tables: list[pd.DataFrame] = []
    for function in _functions(code, anew=anew)[0]:
        table = _call(function, code, frame)
        _check_names(function, table, {str(name) for one in tables for name in one}, code)
        tables.append(table)
    return pd.concat(tables, axis="columns")


def _unheard() -> contextlib.redirect_stderr[io.StringIO]:
    """What functions print is heard once, where they have the whole prices."""
    return contextlib.redirect_stderr(io.StringIO())


def _other_futures(prices: Prices) -> Iterator[tuple[int, pd.DataFrame]]:
    """Prices as they were up to a row, and then others: what looks ahead only at rare sessions
    changes where the next ones are unlike all others."""
    frame = prices.frame
    moved = [name for name in frame if name in {"Open", "High", "Low", "Close", prices.target}]
    for turn, share in enumerate(SHARES):
        row = int(len(frame) * share)
        order = np.concatenate([np.arange(row), np.arange(len(frame))[: row - 1 : -1]])
        other = frame.take(order).set_axis(frame.index)
        other.loc[frame.index[row] :, moved] *= OTHER_PRICES[turn % 2]
        yield row, other


def _told(leak: Leak, prices: Prices, code: OwnCode) -> str:
    return (
        f"{PLACE}: {code.name}: {leak.column} looks ahead: in {prices.rows[leak.row]} it is "
        f"{number(leak.short)} where the prices end on {day(leak.cut)} or go on otherwise, and "
        f"{number(leak.long)} with the prices that came later ({leak.rows} such values up to that "
        "day)"
    )
