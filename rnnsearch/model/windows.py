"""Which rows a trial trains on, validates on, and may learn anything from.

    n  rows of a block      F  inputs      r  target row      t = r - h  origin
    w  window               s  input shift >= 0               h  output shift >= 1
    W, S, H                 the largest w, s, h that the study allows
    k                       steps: sessions forecast at once, 1 but for paths
    L                       warm-up: rows at the head of the table without usable inputs

Rows are 0-based sessions. The window of target row `r` covers rows `r-h-s-w+1 .. r-h-s`; its target
is a function of `close[r-h]` and `close[r]`, and of nothing later. The target row of a path is that
of its first step, and the last step's is row `r+k-1`. An input that is known ahead of
its date has no input shift: its window covers rows `r-w+1 .. r`, whatever s and h are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Rows
from rnnsearch.errors import DataError

MIN_TRAIN = 50
"""Fewest training rows of a fold."""

MIN_VALIDATION = 10
"""Fewest validation rows of a fold."""

_BLOCK = 8192
"""Rows of a table that are copied column by column: they stay in a core's cache."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One walk-forward step.

    `train` and `validation` are target rows, increasing. `history` are the table rows on which
    anything may be fitted (scalers, rankings, constant inputs): from the first row that a training
    window can reach to the last row of a training target, known at the first validation origin.

    begins  the first table row of the series
    series  its number, where a table has several: see `panel`
    """

    train: Rows
    validation: Rows
    history: slice
    begins: int = 0
    series: int = 0

    @property
    def parts(self) -> "tuple[Fold, ...]":
        """One fold for each of the series that it is of."""
        return (self,)

    @property
    def starts(self) -> Rows | None:
        """The first table row of each series; None where the table has one."""
        return None

    @property
    def days(self) -> Rows | None:
        """(m,) the number of the date of each validation row, of all series; None of one series."""
        return None


@dataclass(frozen=True, eq=False)
class Split:
    """The target rows of a study, the same for each of its trials.

    `first` is the first target row, `development` are all target rows that are known at the first
    origin of the locked `test` rows. `refit` is the fold that trains on all of them; it has no
    validation rows.
    """

    first: int
    folds: tuple[Fold, ...]
    development: Rows
    test: Rows
    refit: Fold

    @property
    def validation(self) -> Rows:
        """The validation rows of all folds, in date order."""
        return np.concatenate([fold.validation for fold in self.folds])


def first_target_row(
    *, warmup: int, max_window: int, max_input_shift: int, max_output_shift: int
) -> int:
    """`L + (W-1) + S + H`: the first target row whose window is full in every trial."""
    return warmup + (max_window - 1) + max_input_shift + max_output_shift


def split_rows(
    rows: int,
    *,
    warmup: int,
    max_window: int,
    max_input_shift: int,
    max_output_shift: int,
    test: float,
    folds: int,
    validation: float,
    expanding: bool,
    steps: int = 1,
    name: str = "the file",
) -> Split:
    """Cut the target rows of a file of `rows` sessions into walk-forward folds and a locked test.

    `test` is the share of all target rows, `validation` the share of development rows that each
    fold validates on. The development rows end `H + k - 1` rows before the first locked row. The
    validation blocks follow each other and end where the development rows end. Training rows end
    `H + k - 1` rows before the first validation row. They begin at the first target row
    (`expanding`), or are as many as the first fold has (rolling).

    Raises DataError if a fold would have fewer than MIN_TRAIN training or MIN_VALIDATION validation
    rows.
    """
    first = first_target_row(
        warmup=warmup,
        max_window=max_window,
        max_input_shift=max_input_shift,
        max_output_shift=max_output_shift,
    )
    purge = max_output_shift + steps - 2
    sizes = Sizes(
        rows - (steps - 1) - first, test=test, folds=folds, validation=validation, purge=purge
    )
    if not sizes.enough:
        raise DataError(
            f"{name}: {too_few_rows(rows, first, test, folds, validation, purge, steps)}"
        )

    targets = np.arange(first, rows - (steps - 1), dtype=np.int64)
    development, locked = targets[: sizes.development], targets[len(targets) - sizes.test :]
    reach = first - warmup  # rows from the first row of the longest window to its target row

    def fold(start: int, stop: int, validation_stop: int) -> Fold:
        train = development[start : stop - purge]
        history = slice(int(train[0]) - reach, int(train[-1]) + steps)
        return Fold(train, development[stop:validation_stop], history)

    every = []
    for number in range(folds):
        stop = sizes.development - (folds - number) * sizes.validation
        start = 0 if expanding else number * sizes.validation
        every.append(fold(start, stop, stop + sizes.validation))
    end = sizes.development + purge
    refit = fold(0, end, end)
    return Split(first, tuple(every), development, locked, refit)


def window_ends(target_rows: Rows, output_shift: int) -> Rows:
    """The origins `t = r - h` of target rows: (n,) -> (n,).

    The last row of each window, once the table's columns are shifted by `shift_columns`.
    """
    return target_rows - output_shift


def shift_columns(
    values: NDArray[np.floating],
    shifts: Sequence[int],
    columns: Sequence[int] | None = None,
    leads: Sequence[int] | None = None,
) -> NDArray[np.float32]:
    """Delay each column: row t of column j becomes `values[t - shifts[j] + leads[j], j]`. (rows, F)

    `columns` says which columns of `values` are meant, in the order of `shifts`; else all are. Rows
    that come from before or after the table become NaN. Applied once per trial, after which the
    window of every target ends at its origin. `leads` are 0 for all but inputs that are known ahead
    of their date, whose window ends at the target. Raises ValueError for a negative shift: it would
    read the future.
    """
    if min(shifts, default=0) < 0:
        raise ValueError(f"an input shift must be 0 or more sessions, got {min(shifts)}")
    leads = (0,) * len(shifts) if leads is None else leads
    if min(leads, default=0) < 0:
        raise ValueError(f"a lead must be 0 or more sessions, got {min(leads)}")
    rows, chosen = len(values), range(values.shape[1]) if columns is None else columns
    shifted = np.full((rows, len(chosen)), np.nan, dtype=np.float32)
    for start in range(0, rows, _BLOCK):
        for place, (column, shift, lead) in enumerate(zip(chosen, shifts, leads, strict=True)):
            first = max(start, shift - lead)
            stop = min(start + _BLOCK, rows, rows + shift - lead)
            if first < stop:
                source = slice(first - shift + lead, stop - shift + lead)
                shifted[first:stop, place] = values[source, column]
    return shifted


class Sizes:
    """How many target rows go where, when there are `count` of them."""

    def __init__(
        self, count: int, *, test: float, folds: int, validation: float, purge: int
    ) -> None:
        self.test = round(test * count)
        self.development = count - self.test - (purge if self.test else 0)
        self.validation = round(validation * self.development)
        first_train = self.development - folds * self.validation - purge
        self.enough = first_train >= MIN_TRAIN and self.validation >= MIN_VALIDATION


def too_few_rows(
    rows: int, first: int, test: float, folds: int, validation: float, purge: int, steps: int = 1
) -> str:
    if folds * validation >= 1 or test >= 1:
        return (
            f"[split] folds * validation and test must both be below 1, but they are "
            f"{folds} * {validation:g} and {test:g}; no file is long enough for that"
        )
    # Rounding moves each block by half a row at most, so this many target rows suffice. From there
    # go down: `needed` is the number of rows from which on every longer file is long enough.
    development = max(
        (MIN_TRAIN + purge + folds / 2) / (1 - folds * validation),
        (MIN_VALIDATION + 0.5) / validation,
    )
    needed = math.ceil((development + purge + 0.5) / (1 - test)) + 1
    while Sizes(needed - 1, test=test, folds=folds, validation=validation, purge=purge).enough:
        needed -= 1
    return (
        f"it has {rows} rows, but these settings need at least {first + needed + steps - 1}; add "
        f"older rows, or lower the largest window, input shift or output shift, "
        f"{'the steps, ' * (steps > 1)}the number of folds, or the test share"
    )
