"""The bars that come next where a market has several in a session and pauses between sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SESSIONS = 20  # newest ones that are looked at
FEWEST = 3  # whole ones that times of day are seen in
USUALLY = 0.8  # share of them that have bars at the same times


def next_bars(dates: pd.DatetimeIndex, closes: pd.Series, count: int) -> list[pd.Timestamp] | None:
    """The `count` bars after the last of `dates`: the times of day of whole sessions go on.

    closes  local close time by session date, from before the `SESSIONS` newest to well after the
            last; it ends bars of the day on which it is early

    None where the days of the bars are not these sessions, or their times of day not the same in
    nearly all of them.
    """
    import pandas as pd

    days = dates.normalize()
    recent = days.unique()[-SESSIONS - 1 :]
    known = closes.index[(closes.index >= recent[0]) & (closes.index <= recent[-1])]
    if len(recent) <= FEWEST or not known.equals(recent):
        return None
    within = days >= recent[0]
    times = (dates[within] - days[within]).to_series(index=days[within])
    whole = times[times.index < recent[-1]].groupby(level=0).agg(tuple)
    usual, often = whole.value_counts().index[0], whole.value_counts().iloc[0]
    ends = (closes.dt.tz_localize(None) - closes.index).astype("timedelta64[us]")
    close = ends[known].max()
    if often < USUALLY * len(whole) or usual[-1] > close:
        return None
    by_end = usual[-1] == close  # a bar is called by its end, otherwise by its beginning
    found: list[pd.Timestamp] = []
    for day in closes.index[closes.index >= recent[-1]]:
        end = ends[day]
        slots = [time for time in usual if time < end or (by_end and time == end)]
        if by_end and end < close and end not in slots:
            slots.append(end)
        found += [day + time for time in slots if day + time > dates[-1]]
        if len(found) >= count:
            return [pd.Timestamp(one) for one in found[:count]]
    return None
