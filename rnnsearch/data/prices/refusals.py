"""What is refused in prices: places, rules, values and remedies."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.data.prices.rows import FileRows, day
from rnnsearch.errors import DataError

OHLC = ("Open", "High", "Low", "Close")
ZONES = (  # of summer times: one zone for each of the days on which they end
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "America/New_York", "America/Chicago"),
    *("America/Denver", "America/Los_Angeles", "America/Sao_Paulo", "America/Santiago"),
    *("Australia/Sydney", "Pacific/Auckland", "Asia/Jerusalem", "Asia/Tehran", "Africa/Cairo"),
)
LARGEST = 1e30  # beyond it sums and squares of float32 are infinite
SMALLEST_PRICE = 1e-30


def check_clock(
    file: str, dates: pd.DatetimeIndex, numbers: NDArray[np.int64], zone: Callable[[], str | None]
) -> None:
    """The first date that is out of order is not so because summer time ended.

    `zone` is asked for theirs only where a clock has gone back.
    """
    falls, wrong = _out_of_order(dates)
    if not len(wrong):
        return
    row = int(wrong[0]) + 1
    earlier, later = dates[[row, row - 1]] if falls else dates[[row - 1, row]]
    example = _hour_again(earlier, later, zone)
    if example is not None:
        raise DataError(
            f"{file}: dates must {'decrease' if falls else 'increase'}, but row {numbers[row]} is "
            f"{day(dates, row)} after {day(dates, row - 1)}, as where summer time ends and clocks "
            f"show an hour twice; keep both rows, and write every date in UTC "
            f'({example:%Y-%m-%d %H:%M}Z for the later) with time_zone = "UTC" in [data] '
            f"(--time-zone UTC of init). If they are one bar, remove one."
        )


def check_order(file: str, dates: pd.DatetimeIndex, numbers: NDArray[np.int64]) -> bool:
    """Dates increase, or all decrease, which is told; none is there twice."""
    falls, wrong = _out_of_order(dates)
    if not len(wrong):
        return falls
    row = int(wrong[0]) + 1
    now, before = day(dates, row), day(dates, row - 1)
    if now == before:
        raise DataError(
            f"{file}: dates must differ, but rows {numbers[row - 1]} and {numbers[row]} are both "
            f"{now}; remove one of them."
        )
    order = "decrease in every row, as in most" if falls else "increase"
    raise DataError(
        f"{file}: dates must {order}, but row {numbers[row]} is {now} after {before}; "
        f"sort the file or remove the row."
    )


def _out_of_order(dates: pd.DatetimeIndex) -> tuple[bool, NDArray[np.intp]]:
    """Whether most dates fall, and the steps that do not go the way of most."""
    steps = np.diff(dates.asi8)
    falls = 2 * int((steps < 0).sum()) > len(steps)
    return falls, np.flatnonzero(steps >= 0 if falls else steps <= 0)


def _hour_again(
    earlier: pd.Timestamp, later: pd.Timestamp, zone: Callable[[], str | None]
) -> pd.Timestamp | None:
    """The second of two rows in UTC, where a clock goes back by an hour between them."""
    back = earlier - later
    if not pd.Timedelta(0) <= back < pd.Timedelta("1h") or later == later.normalize():
        return None
    own = zone()
    for one in [own] if own else ZONES:
        if pd.isna(later.tz_localize(one, ambiguous="NaT", nonexistent="shift_forward")):
            return later.tz_localize(one, ambiguous=False).tz_convert(None)
    return None


def check_number(
    rows: FileRows, name: str, column: pd.Series, wrong: int | None, way: str = ""
) -> None:
    """`wrong`: the first row of the column that has something else than a number; `way`: another
    remedy.
    """
    if wrong is None:
        return
    text = str(column.iloc[wrong])
    grouped = re.fullmatch(r"[-+]?[\d.,' ]*\d", text.strip()) is not None
    plain = "with a decimal point and no thousands separators" if grouped else "alone"
    raise DataError(
        f"{rows.file}: {name} must be a number, but {rows[wrong]} is {text[:40]!r}; write the "
        f"number {plain}{way}."
    )


def beyond_range(name: str, values: NDArray[np.float64]) -> int | None:
    """The first row (0-based) whose finite value no network can be computed with."""
    size = np.abs(values)
    far = np.isfinite(values) & (size > LARGEST)
    if name in OHLC:
        far |= (size < SMALLEST_PRICE) & (size > 0)
    return int(np.argmax(far)) if far.any() else None


def check_range(rows: FileRows, name: str, values: NDArray[np.float64]) -> None:
    """Every value can be computed with."""
    if (row := beyond_range(name, values)) is not None:
        raise DataError(
            f"{rows.file}: {name} must lie within ±{LARGEST:g}, and a price not under "
            f"{SMALLEST_PRICE:g}, but {rows[row]} is {values[row]:g}; write it in other units, or "
            f"correct the row."
        )


def refuse_gaps(
    rows: FileRows, missing: pd.DataFrame, extras: list[str], place: str, past: list[str]
) -> None:
    """Every value is there: the first column with a gap is told, and the ways out.

    `past`: as `values_past_prices` tells them.
    """
    absent = np.flatnonzero(missing.any(axis=1).to_numpy())
    name = next(name for name in missing if missing[name].any())
    gaps = np.flatnonzero(missing[name].to_numpy())
    many = f"the {len(absent)} rows" if len(absent) > 1 else "the row"
    remedy = f'fill it or remove the row, or write missing = "drop" in {place}: {many} without '
    remedy += "every value will be left out"
    if all(missing[other].sum() == 0 for other in missing if other not in extras):
        remedy += ', or fill = "forward": each has the last known value'
    if name in extras:
        remedy += f", or leave {name} out with columns = [...] (--columns of init)"
    if past:
        remedy += f", or {as_known_ahead(past)}"
    if name == "Volume":
        remedy += ", or remove the column: a file need not have it"
    raise DataError(
        f"{rows.file}: {name} must be there in every row, but {rows[int(gaps[0])]} is missing"
        f"{rows.listed(gaps)}; {remedy}."
    )


def values_past_prices(missing: pd.DataFrame, extras: list[str]) -> list[str]:
    """Those of the `extras` that have values in rows at the end of the file, where no price is."""
    empty = missing[[name for name in missing if name in OHLC]].all(axis=1).to_numpy()
    past = int(np.argmin(empty[::-1])) if not empty.all() else 0
    return [name for name in extras if past and not missing[name].iloc[-past:].all()]


def as_known_ahead(names: list[str]) -> str:
    """What may be written of columns that have values past the last price."""
    listed = ", ".join(f'"{name}"' for name in names)
    return (
        f"where {', '.join(names)} is known before its date, known_ahead = [{listed}]: rows past "
        "the last price are then sessions to come"
    )


def check_prices(rows: FileRows, frame: pd.DataFrame, target: str, *, needing: str) -> None:
    """No bar has its high under its low, no volume is negative, the target is above 0 where
    something, a setting, is `needing` that."""
    if target and frame[target].nunique() == 1:
        raise DataError(
            f"{rows.file}: {target} must move, but it is {frame[target].iloc[0]:g} in every row: "
            f"there is nothing to forecast."
        )
    if needing:
        check_positive(rows, frame[target], needing)
    if {"High", "Low"} <= set(frame.columns):
        low, high = frame["Low"].to_numpy(), frame["High"].to_numpy()
        wrong = np.flatnonzero(high < low)
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{rows.file}: High must not be under Low, but {rows[row]} has High {high[row]:g} "
                f"and Low {low[row]:g}{rows.listed(wrong)}; correct or remove the row."
            )
    if "Volume" in frame:
        volume = frame["Volume"].to_numpy()
        wrong = np.flatnonzero(volume < 0)
        if len(wrong):
            row = int(wrong[0])
            raise DataError(
                f"{rows.file}: Volume must not be negative, but {rows[row]} is {volume[row]:g}"
                f"{rows.listed(wrong)}; correct or remove the row."
            )


def check_positive(
    rows: FileRows, column: pd.Series, need: str, way: str = 'set predict = "level"'
) -> None:
    """Every price is above 0, which `need` (a setting or a use) asks for; `way`: another setting.

    The rows of the column are those of `rows`, or some of them.
    """
    wrong = np.flatnonzero(column.to_numpy() <= 0)
    if len(wrong):
        places = rows.dates.get_indexer(column.index[wrong])
        raise DataError(
            f"{rows.file}: {need} needs prices above 0, but {column.name} in "
            f"{rows[int(places[0])]} is {column.iloc[int(wrong[0])]:g}{rows.listed(places)}; "
            f"correct or remove the row, or {way}."
        )
