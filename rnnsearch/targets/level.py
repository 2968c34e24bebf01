"""`target[r]` itself, in the unit of the column."""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from rnnsearch.targets.base import Floats, Quotes, Rows, Target, TargetScale


class Level(Target):
    """Prices of either sign, spreads, rates, or anything else that has a number each session."""

    name = "level"
    loss = "mse"
    priced = True
    naive_words: ClassVar = {"no_change": "no change", "average": "the average of the past"}
    in_prices = True

    def values(self, target: Floats, rows: Rows, h: int) -> Floats:
        return target[rows]

    def to_price(self, forecast: Floats, origin: Floats) -> Floats:
        return forecast

    def from_growth(self, growth: Floats, origin: Floats) -> Floats:
        return origin * np.exp(growth)

    def reference(self, origin: Floats) -> Floats:
        return origin

    def naive(
        self, quotes: Quotes, rows: Rows, h: int, train: Rows
    ) -> Mapping[str, Sequence[Floats]]:
        """No change: of the column itself, or it comes to where the row closed. On average: the
        average move of the training rows goes on from there, or their average level comes."""
        still = [base[rows - h] for base in quotes.bases()]
        moves = [float(np.mean(quotes.target[train] - base[train - h])) for base in quotes.bases()]
        level = np.full(len(rows), float(np.mean(quotes.target[train])))
        return {
            "no_change": still,
            "average": [level, *(one + move for one, move in zip(still, moves, strict=True))],
        }

    def first_naive(self, quotes: Quotes, rows: Rows, h: int, train: Rows) -> Floats:
        return quotes.target[rows - h]

    def known(self, quotes: Quotes, rows: Rows, h: int) -> list[Floats]:
        return [base[rows - h] for base in quotes.bases()]

    def fit_scale(self, train_targets: Floats) -> TargetScale:
        """Mean and standard deviation of y."""
        mean = float(train_targets.mean())
        deviation = math.sqrt(np.mean((train_targets - mean) ** 2))
        return TargetScale(mean, deviation if deviation > 0 else 1.0)
