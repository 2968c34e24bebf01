"""1 if `target[r] > target[t]`, else 0 (an unchanged price did not rise)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.targets.base import Target
from rnnsearch.targets.scale import Quotes, TargetScale


class Direction(Target):
    """A forecast is the probability of a rise."""

    name = "direction"
    loss = "bce"
    priced = False
    naive_words: ClassVar = {"base_rate": "the base rate"}

    def values(self, target: Floats, rows: Rows, h: int) -> Floats:
        return (target[rows] > target[rows - h]).astype(np.float64)

    def to_price(self, forecast: Floats, origin: Floats) -> Floats:
        raise ValueError("a direction forecast is a probability and has no price")

    def move(self, forecast: Floats, origin: Floats, usual: Floats) -> Floats:
        """Up and down by the mean size of a normal move, each as likely as it was said to be."""
        return (2 * forecast - 1) * math.sqrt(2 / math.pi) * usual

    def reference(self, origin: Floats) -> Floats:
        return np.full(len(origin), 0.5)

    def naive(
        self, quotes: Quotes, rows: Rows, h: int, train: Rows
    ) -> Mapping[str, Sequence[Floats]]:
        """The share of rises among the training rows: of all, and of those that closed on the same
        side of the price forecast as the row does."""
        rises = self.values(quotes.target, train, h)
        rate = float(rises.mean())
        variants = [np.full(len(rows), rate)]
        if quotes.close is not None:
            side, then = self._side(quotes, rows - h), self._side(quotes, train - h)
            rates = {s: float(rises[then == s].mean()) for s in np.unique(then)}
            variants.append(np.array([rates.get(s, rate) for s in side]))
        return {"base_rate": variants}

    def first_naive(self, quotes: Quotes, rows: Rows, h: int, train: Rows) -> Floats:
        return np.full(len(rows), self.values(quotes.target, train, h).mean())

    def known(self, quotes: Quotes, rows: Rows, h: int) -> list[Floats]:
        return [] if quotes.close is None else [self._side(quotes, rows - h)]

    def fit_scale(self, train_targets: Floats) -> TargetScale:
        """y itself."""
        return TargetScale(0.0, 1.0)

    def squash(self, outputs: Any) -> Any:
        return outputs.sigmoid()

    def _side(self, quotes: Quotes, origins: Rows) -> Floats:
        assert quotes.close is not None
        return np.sign(quotes.close[origins] - quotes.target[origins])


TARGET = Direction()
