"""A file of prices continued with newer rows: nothing that was there is lost, changes are told.

Twice on one day it changes nothing.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.shown import number_of

SAME = 1e-6
"""Relative difference of two prices that are the same."""


def read_fetched(path: Path, columns: list[str]) -> pd.DataFrame:
    """A file that `fetch` wrote, by `Date`. Raises StudyFileError for another."""
    try:
        frame = pd.read_csv(path, index_col="Date", parse_dates=["Date"])
        if list(frame) != columns or not isinstance(frame.index, pd.DatetimeIndex):
            raise ValueError(f"its columns are {', '.join(map(str, frame))}")
        if not len(frame) or not frame.index.is_monotonic_increasing or frame.index.has_duplicates:
            raise ValueError("its dates do not increase")
        if not np.isfinite(frame.to_numpy(np.float64)).all():
            raise ValueError("it lacks values")
        return frame
    except (OSError, ValueError, KeyError) as error:
        raise StudyFileError(
            f"{path}: is no file that fetch wrote, so it cannot be continued ({str(error)[:200]}); "
            "name another with --output"
        ) from None


def continued(
    name: str, old: pd.DataFrame, new: pd.DataFrame
) -> tuple[pd.DataFrame | None, list[str]]:
    """The file `old` with what `new` has beside it, and what was told otherwise; None where that
    is the file as it is.

    Where rows that both have differ, all of them are those of `new`: a later dividend or split
    changes every price before it.

    Raises DataError where `new` lacks sessions that `old` has: such an answer is not whole.
    """
    new = new.set_axis(pd.DatetimeIndex(new.index).as_unit("us"))
    old = old.set_axis(pd.DatetimeIndex(old.index).as_unit("us"))
    shared = old.index[old.index <= new.index[-1]]
    if len(lacking := shared.difference(new.index)):
        raise DataError(
            f"{name}: what Yahoo Finance has now lacks "
            f"{number_of(len(lacking), 'session')} that the file has, "
            f"first {lacking[0]:%Y-%m-%d}; nothing was changed. Try again later, or write it anew "
            "with --force"
        )
    was, now = (frame.loc[shared].to_numpy(np.float64) for frame in (old, new))
    apart = np.abs(now - was) > SAME * np.abs(was)
    fresh = new.index.difference(old.index)
    if not apart.any():
        if fresh.empty:
            return None, []
        return pd.concat([old, new.loc[fresh]]).sort_index().rename_axis("Date"), []
    rows = np.flatnonzero(apart.any(axis=1))
    first, column = rows[0], int(np.argmax(apart[rows[0]]))
    note = (
        f"{name}: {len(rows)} of {len(shared)} rows that were there are others now, first "
        f"{shared[first]:%Y-%m-%d}, where {old.columns[column]} was {was[first, column]:g} and is "
        f"{now[first, column]:g}; a dividend or a split changes all prices before it"
    )
    later = old[old.index > new.index[-1]]
    return pd.concat([new, later]).rename_axis("Date"), [note]
