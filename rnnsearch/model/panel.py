"""Rows of many series in one table, one series under another, cut into folds and test by date.

    S  series      D  dates that any series has a target on, in order      H  largest output shift

No series' later day may train what forecasts another's earlier one, so what trains and what
validates is told by dates: position `v` of D begins a validation block, training targets are of
date `D[v - H]` at the latest, and a validation target counts where its origin, H sessions earlier,
is no earlier than that. Of a series with a session on every date these are the rows of
`windows.split_rows`; one that did not trade for a while has fewer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Rows
from rnnsearch.errors import DataError
from rnnsearch.model.windows import MIN_TRAIN, Fold, Sizes, Split, too_few_rows

Dates = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class PooledFold(Fold):
    """A fold of several series; `train` and `validation` are those of all, one after the other.

    Only series that have MIN_TRAIN training rows take part: on fewer nothing can be fitted.
    """

    each: tuple[Fold, ...] = ()
    all_starts: Rows = field(default_factory=lambda: np.zeros(1, np.int64))
    all_days: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def parts(self) -> tuple[Fold, ...]:
        return self.each

    @property
    def starts(self) -> Rows:
        return self.all_starts

    @property
    def days(self) -> Rows:
        return self.all_days


def newest_dates(fold: PooledFold, dates: Dates, window: int) -> PooledFold:
    """The fold with the newest so many training dates alone; `dates` (rows,) of the table.

    A series that has fewer than MIN_TRAIN training rows among them takes no part. Raises DataError
    where that leaves none.
    """
    there = np.unique(dates[fold.train])
    first = there[-min(window, len(there))]
    parts = []
    for part in fold.each:
        train = part.train[dates[part.train] >= first]
        if len(train) >= MIN_TRAIN:
            reach = int(part.train[0]) - part.history.start
            history = slice(int(train[0]) - reach, part.history.stop)
            parts.append(replace(part, train=train, history=history))
    if not parts:
        raise DataError(
            f"no series has {MIN_TRAIN} rows to train on since {str(first)[:10]}; give more dates"
        )
    return replace(
        fold,
        train=np.concatenate([part.train for part in parts]),
        history=slice(parts[0].history.start, parts[-1].history.stop),
        each=tuple(parts),
    )


@dataclass(frozen=True, eq=False)
class Stretch:
    """One series of the table.

    dates   (rows,) of its sessions
    begins  its first row in the table
    first   its first target row, counted within the series
    """

    dates: Dates
    begins: int
    first: int


def split_panel(
    series: Sequence[Stretch],
    *,
    reach: int,
    max_output_shift: int,
    test: float,
    folds: int,
    validation: float,
    expanding: bool,
    name: str = "the series",
) -> Split:
    """Cut the target rows of many series, by date; the shares are those of `windows.split_rows`.

    `reach`: from the first row of the longest window to its target row. Raises DataError where
    there are too few dates, or no series has enough rows to train on.
    """
    dates = np.unique(np.concatenate([one.dates[one.first :] for one in series]))
    furthest, purge = max_output_shift, max_output_shift - 1
    sizes = Sizes(len(dates), test=test, folds=folds, validation=validation, purge=purge)
    if not sizes.enough:
        most = max(len(one.dates) for one in series)
        first = min(one.first for one in series)
        reason = too_few_rows(max(most, len(dates) + first), first, test, folds, validation, purge)
        raise DataError(f"{name}: {reason}")

    def fold(begin: int, start: int, stop: int) -> PooledFold:
        """Trains from position `begin` of the dates, validates on `start` to `stop`."""
        # What is known when the first of these forecasts is made, or for a refit everything.
        last = dates[start - furthest] if start < stop else dates[start - 1]
        ends = None if start == stop else (dates[start], dates[stop - 1])
        parts = [
            part
            for number, one in enumerate(series)
            if (part := _part(one, number, dates[begin], last, ends, furthest, reach))
        ]
        if not parts:
            raise DataError(
                f"{name}: no series has {MIN_TRAIN} rows to train on before {str(last)[:10]}; add "
                "older rows, or lower the number of folds, the largest window or the shifts"
            )
        train, validated = (
            np.concatenate([getattr(part, which) for part in parts])
            for which in ("train", "validation")
        )
        history = slice(parts[0].history.start, parts[-1].history.stop)
        starts = np.array([one.begins for one in series], dtype=np.int64)
        days = [
            np.searchsorted(dates, one.dates[part.validation - one.begins])
            for part in parts
            for one in [series[part.series]]
        ]
        return PooledFold(
            train,
            validated,
            history,
            each=tuple(parts),
            all_starts=starts,
            all_days=np.concatenate(days).astype(np.int64),
        )

    steps = []
    for number in range(folds):
        start = sizes.development - (folds - number) * sizes.validation
        steps.append(
            fold(0 if expanding else number * sizes.validation, start, start + sizes.validation)
        )
    for number, step in enumerate(steps, start=1):
        if not len(step.validation):
            raise DataError(
                f"{name}: no series that has {MIN_TRAIN} rows to train on in fold {number} has "
                "rows to validate on; add series that go on longer, or lower the number of folds"
            )
    end = sizes.development
    refit = fold(0, end, end)
    locked = len(dates) - sizes.test
    test_rows = np.empty(0, np.int64)
    if sizes.test:
        learnt = {part.series for part in refit.parts}
        ends = (dates[locked], dates[-1])
        known = dates[locked - furthest]
        test_rows = np.concatenate(
            [_between(one, ends, known, furthest) for n, one in enumerate(series) if n in learnt]
        )
        if not len(test_rows):
            raise DataError(
                f"{name}: no series that has {MIN_TRAIN} rows to train on before the locked test "
                f"({str(dates[locked])[:10]}) has rows in it; add series that go on longer, or "
                "older rows, or lower [split] test"
            )
    return Split(
        min(one.begins + one.first for one in series), tuple(steps), refit.train, test_rows, refit
    )


def _part(
    one: Stretch,
    number: int,
    first: np.datetime64,
    last: np.datetime64,
    ends: tuple[np.datetime64, np.datetime64] | None,
    furthest: int,
    reach: int,
) -> Fold | None:
    """The rows of one series in a fold; None where too few would train."""
    begin = max(int(np.searchsorted(one.dates, first)), one.first)
    stop = int(np.searchsorted(one.dates, last, side="right"))
    if stop - begin < MIN_TRAIN:
        return None
    train = one.begins + np.arange(begin, stop, dtype=np.int64)
    validated = np.empty(0, np.int64)
    if ends is not None:
        validated = _between(one, ends, last, furthest)
    history = slice(int(train[0]) - reach, int(train[-1]) + 1)
    return Fold(train, validated, history, begins=one.begins, series=number)


def _between(
    one: Stretch, ends: tuple[np.datetime64, np.datetime64], known: np.datetime64, furthest: int
) -> Rows:
    """Table rows of targets within these dates whose origins are no earlier than `known`."""
    begin = max(int(np.searchsorted(one.dates, ends[0])), one.first)
    stop = int(np.searchsorted(one.dates, ends[1], side="right"))
    rows = np.arange(begin, stop, dtype=np.int64)
    return one.begins + rows[one.dates[rows - furthest] >= known]
