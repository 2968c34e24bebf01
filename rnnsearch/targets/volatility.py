"""The log of the volatility that the next `h` sessions realise, each session counting alike.

    v[i]  variance of session i (see `ranges`), which is `target[i]` squared

    y[r] = log(sum over t < i <= r of v[i], divided by h) / 2

It is per session at every `h`, so that `exp(y)` is what one session of these usually moves: 0.01 is
1 %. In logs its errors are about normal (Andersen, Bollerslev, Diebold & Labys 2003, Modeling and
forecasting realized volatility), and one wild month does not decide what a network learns.
"""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.language import marked
from rnnsearch.targets.base import Target
from rnnsearch.targets.ranges import Measured, volatility
from rnnsearch.targets.scale import Quotes, TargetScale

MAX_LOG = 100.0
"""A wilder forecast counts as this."""


class Volatility(Target):
    """`target` is the volatility of each session, above 0; `Quotes.close` the price it is of."""

    name = "volatility"
    loss = "mse"
    priced = False
    above_zero = True
    noun = "volatility"
    log_volatility = True
    directed = False
    hurdle = "har"
    naive_words: ClassVar = {
        "no_change": marked("the volatility of as many sessions before"),
        "average": marked("the average volatility"),
    }
    naive_meanings: ClassVar = {
        "no_change": marked(
            "the volatility of as many sessions before the forecast (doing nothing)"
        ),
        "average": marked("the average volatility of the past (doing nothing)"),
    }

    def measured(
        self, columns: Mapping[str, Floats], target: str, *, ranged: bool
    ) -> Measured | None:
        return volatility(columns, target, ranged=ranged)

    def values(self, target: Floats, rows: Rows, h: int) -> Floats:
        return log_mean(target, rows, h)

    def to_price(self, forecast: Floats, origin: Floats) -> Floats:
        raise ValueError("a forecast of volatility does not say where the price goes")

    def told(self, forecast: Floats, origin: Floats) -> Floats:
        return np.exp(np.clip(forecast, -MAX_LOG, MAX_LOG))

    def reference(self, origin: Floats) -> Floats:
        return np.log(origin)

    def naive(
        self, quotes: Quotes, rows: Rows, h: int, train: Rows
    ) -> Mapping[str, Sequence[Floats]]:
        """No change: that of the last `h` sessions. On average: the mean of the training rows."""
        average = float(self.values(quotes.target, train, h).mean())
        return {
            "no_change": [self.first_naive(quotes, rows, h, train)],
            "average": [np.full(len(rows), average)],
        }

    def first_naive(self, quotes: Quotes, rows: Rows, h: int, train: Rows) -> Floats:
        return log_mean(quotes.target, rows - h, h)

    def known(self, quotes: Quotes, rows: Rows, h: int) -> list[Floats]:
        return [log_mean(quotes.target, rows - h, h)]

    def fit_scale(self, train_targets: Floats) -> TargetScale:
        """Mean and standard deviation of y."""
        mean = float(train_targets.mean())
        deviation = math.sqrt(np.mean((train_targets - mean) ** 2))
        return TargetScale(mean, deviation if deviation > 0 else 1.0)


def log_mean(sigma: Floats, rows: Rows, sessions: int) -> Floats:
    """`log(mean of sigma^2 over the last so many sessions up to each row) / 2`: (n,).

    `sigma` (rows,). Before the first session there are none: near it the first counts for them.
    """
    total = sum(sigma[np.maximum(rows - back, 0)] ** 2 for back in range(sessions))
    return np.asarray(np.log(total / sessions) / 2, dtype=np.float64)


TARGET = Volatility()
