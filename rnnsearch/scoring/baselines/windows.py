"""Windows of inputs flattened to columns, and the choice of a setting on the last of them.

n  training rows      m  forecast rows      w  window      F  inputs
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats, Rows
from rnnsearch.scoring.baselines.base import MIN_TRAIN, Fitted
from rnnsearch.scoring.inference.skipped import Skipped

MAX_BYTES = 200_000_000
"""Largest matrix of flattened windows; a fit holds it twice and its products, about 500 MB."""

PENALTIES = np.logspace(5, -1, 7)
"""Penalties tried, strongest first, per flattened column (those have variance 1)."""

Setting = TypeVar("Setting")


class Predict(Protocol):
    def __call__(self, X: NDArray[np.floating], /) -> Floats: ...


Fit: TypeAlias = Callable[[NDArray[np.floating], Floats, Sequence[Setting]], list[Predict]]
"""X (n, w * F), y (n,) and settings -> one fitted model for each setting."""


class Windows:
    """Scaled, flattened windows of the training rows that fit into memory."""

    def __init__(
        self,
        table: NDArray[np.floating],
        train_ends: Rows,
        targets: Floats,
        window: int,
        output_shift: int,
        *,
        max_cells: int | None = None,
        when: Rows | None = None,
    ) -> None:
        self.columns = window * table.shape[1]
        most = max_cells if max_cells is not None else MAX_BYTES // 4
        self.rows = min(len(train_ends), max(MIN_TRAIN, most // self.columns))
        if when is not None:  # of many series: the earlier dates first
            order = np.argsort(when[train_ends], kind="stable")
            train_ends, targets = train_ends[order], targets[order]
        self.ends, self.targets = train_ends[-self.rows :], targets[-self.rows :]
        # float64 while it is cheap.
        self.dtype = np.float64 if self.rows * self.columns <= 8_000_000 else np.float32
        self.window = window
        self.table = table
        said, came = self.ends, self.ends + output_shift  # made, and known to be right or wrong
        if when is not None:
            said, came = when[said], when[came]
        self.cut = self.rows - self.rows // 5
        before = np.empty(0, np.int64)
        if self.cut < self.rows:
            self.cut = int(np.searchsorted(said, said[self.cut]))  # a date is not split
            before = np.flatnonzero(came <= said[self.cut])
        self.known = _together(before)
        self.enough = len(before) >= MIN_TRAIN // 2

    def choose_and_forecast(
        self,
        fit: Fit[Setting],
        settings: Sequence[Setting],
        told: Callable[[Setting], str],
        test_ends: Rows,
    ) -> Fitted | Skipped:
        """Choose the setting on the last fifth (the first of equals), fit all rows, forecast.

        `told` is the setting in words.
        """
        if self.rows < MIN_TRAIN:
            return Skipped(f"needs {MIN_TRAIN} training rows, has {self.rows}")
        if not self.enough:
            return Skipped(f"too few training rows ({self.rows}) for the output shift")
        span = np.asarray(self.table[self._reached()], dtype=np.float64)
        mean, deviation = span.mean(axis=0), span.std(axis=0)
        deviation[deviation == 0] = 1.0
        self.mean, self.deviation = mean, deviation

        X = self._flat(self.ends)
        later, outcome = X[self.cut :], self.targets[self.cut :]
        tried = fit(X[self.known], self.targets[self.known], settings)
        errors = [np.mean((predict(later) - outcome) ** 2) for predict in tried]
        best = int(np.argmin(errors))
        predict = fit(X, self.targets, [settings[best]])[0]
        forecast = np.concatenate([predict(part) for part in self._chunks(test_ends)])
        return Fitted(forecast, told(settings[best]), self.rows)

    def _reached(self) -> slice | Rows:
        """The rows that any training window covers; of many series none between them."""
        there = np.zeros(len(self.table), dtype=bool)
        for lag in range(self.window):
            there[self.ends - lag] = True
        return _together(np.flatnonzero(there))

    def _chunks(self, ends: Rows) -> Iterator[NDArray[np.floating]]:
        size = max(1, MAX_BYTES // 4 // (8 * self.columns))
        return (self._flat(ends[start : start + size]) for start in range(0, len(ends), size))

    def _flat(self, ends: Rows) -> NDArray[np.floating]:
        """(n,) -> (n, w * F), oldest row of the window first."""
        flat = np.empty((len(ends), self.window, self.table.shape[1]), dtype=self.dtype)
        for lag in range(self.window):
            rows = self.table[ends - self.window + 1 + lag]
            flat[:, lag] = (rows - self.mean) / self.deviation
        return flat.reshape(len(ends), self.columns)


def _together(rows: Rows) -> slice | Rows:
    """Increasing rows as a slice, where they follow each other: it copies nothing."""
    if not len(rows):
        return slice(0, 0)
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows


def penalties(windows: Windows) -> list[float]:
    """Penalties to choose from."""
    return [float(alpha) for alpha in PENALTIES * windows.columns]


def strength(alpha: float) -> str:
    """A penalty in words."""
    return f"alpha {alpha:,.4g}"
