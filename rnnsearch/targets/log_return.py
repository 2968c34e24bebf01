"""`log(target[r] / target[t])`: how much the price grows until the target's date."""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.targets.base import Target
from rnnsearch.targets.scale import Quotes, TargetScale

MAX_LOG_RETURN = 100.0
"""A wilder forecast counts as this: its price and squared error stay finite."""


class LogReturn(Target):
    """Prices must be above 0."""

    name = "log_return"
    loss = "mse"
    priced = True
    above_zero = True
    naive_words: ClassVar = {"no_change": "no change", "average": "the average move"}

    def values(self, target: Floats, rows: Rows, h: int) -> Floats:
        return np.log(target[rows] / target[rows - h])

    def to_price(self, forecast: Floats, origin: Floats) -> Floats:
        return origin * np.exp(np.clip(forecast, -MAX_LOG_RETURN, MAX_LOG_RETURN))

    def from_growth(self, growth: Floats, origin: Floats) -> Floats:
        return growth

    def reference(self, origin: Floats) -> Floats:
        return np.zeros(len(origin))

    def naive(
        self, quotes: Quotes, rows: Rows, h: int, train: Rows
    ) -> Mapping[str, Sequence[Floats]]:
        """No change: of the price forecast, or it comes to where the row closed. The average of the
        training rows goes on from each of the two."""
        still = [self._move(quotes, base, rows, h) for base in quotes.bases()]
        mean = [
            float(np.mean(np.log(quotes.target[train] / base[train - h])))
            for base in quotes.bases()
        ]
        return {
            "no_change": still,
            "average": [move + m for move, m in zip(still, mean, strict=True)],
        }

    def first_naive(self, quotes: Quotes, rows: Rows, h: int, train: Rows) -> Floats:
        return np.zeros(len(rows))

    def known(self, quotes: Quotes, rows: Rows, h: int) -> list[Floats]:
        return [] if quotes.close is None else [self._move(quotes, quotes.close, rows, h)]

    def pieces(self, quotes: Quotes, rows: Rows, h: int) -> Floats:
        first = quotes.bases()[-1]
        origins = rows - h
        steps = [np.log(quotes.target[origins + 1] / first[origins])]
        steps += [
            np.log(quotes.target[origins + j] / quotes.target[origins + j - 1])
            for j in range(2, h + 1)
        ]
        return np.stack(steps)

    def fit_scale(self, train_targets: Floats) -> TargetScale:
        """Mean 0, scale RMS(y): a network that says 0 says no change."""
        rms = math.sqrt(np.mean(train_targets**2))
        return TargetScale(0.0, rms if rms > 0 else 1.0)

    def _move(self, quotes: Quotes, base: Floats, rows: Rows, h: int) -> Floats:
        """The return where the price comes to `base[t]`."""
        return np.log(base[rows - h] / quotes.target[rows - h])


TARGET = LogReturn()
