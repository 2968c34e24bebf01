"""`target[r]` itself, in the unit of the column."""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.targets.base import Target, hardest
from rnnsearch.targets.scale import Quotes, Start, TargetScale

STARTS: tuple[Start, ...] = ("target", "close")
"""Of the prices that `Quotes.bases` gives."""


class Level(Target):
    """Prices of either sign, spreads, rates, or anything else that has a number each session."""

    name = "level"
    loss = "mse"
    priced = True
    naive_words: ClassVar = {"no_change": "no change", "average": "the average of the past"}
    in_prices = True
    formulation = 2
    """1: the value itself. 2: how far it goes from where it starts."""
    formerly = (
        "networks that forecast the value itself, and tend back to values that they have seen; "
        "a new one's forecast how far it goes from the last value"
    )

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

    def taught(self, quotes: Quotes, train: Rows, h: int, formulation: int) -> TargetScale:
        """How far the value goes from what is hardest to beat on the training rows without
        learning: the last value, the row's close, or the average level.

        A network that says 0 says just that, and prices beyond those of the training rows
        cannot draw the forecast back to them. Moves are counted in shares of the price where the
        training rows are likelier so.
        """
        if formulation < 2:
            return super().taught(quotes, train, h, formulation)
        y = self.values(quotes.target, train, h)
        bases = [base[train - h] for base in quotes.bases()]
        place, start = hardest(y, [*bases, np.full(len(y), y.mean())])
        if place == len(bases):
            return self.fit_scale(y)
        moves, name = y - start, STARTS[place]
        size = _rms(moves)
        change = TargetScale(0.0, size if size > 0 else 1.0, name)
        if size == 0 or start.min() <= 0:
            return change
        shares = _rms(moves / start)
        if math.log(shares) + float(np.mean(np.log(start))) >= math.log(size):
            return change
        return TargetScale(0.0, shares, name, relative=True, least=float(start.min()))

    def fit_scale(self, train_targets: Floats) -> TargetScale:
        """Mean and standard deviation of y."""
        mean = float(train_targets.mean())
        deviation = math.sqrt(np.mean((train_targets - mean) ** 2))
        return TargetScale(mean, deviation if deviation > 0 else 1.0)


def _rms(values: Floats) -> float:
    return math.sqrt(np.mean(values**2))


TARGET = Level()
