"""What a kind of target knows of itself.

    n  rows of a block      r  target row      t = r - h  origin      h  output shift >= 1

Rows are 0-based sessions. A target is a function of the prices at `t` and `r`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.targets.ranges import Measured
from rnnsearch.targets.scale import Quotes, TargetScale

SCORING = 2
"""How trials are valued. 1: by skill against no change (of a direction: the base rate) alone. 2: by
`scoring.gain`, of skill against the hardest naive forecast. A study keeps what it began with."""


class Target(ABC):
    """One kind of target. Stateless: what is fitted is returned."""

    name: ClassVar[str]
    loss: ClassVar[Literal["mse", "bce"]]
    priced: ClassVar[bool]
    """Whether a forecast says something about the price."""
    in_prices: ClassVar[bool] = False
    """Whether it is told in the unit of the prices."""
    above_zero: ClassVar[bool] = False
    """Whether prices that are not above 0 have none."""
    noun: ClassVar[str] = "price"
    """What a forecast is told as, where it is no chance of a rise."""
    log_volatility: ClassVar[bool] = False
    """Whether a forecast is the log of a volatility, `Quotes.close` the price it is of."""
    directed: ClassVar[bool] = True
    """Whether it makes sense to ask if a forecast had the direction right."""
    hurdle: ClassVar[str] = ""
    """The baseline that says most with little, where doing nothing is beaten too easily."""

    formulation: ClassVar[int] = 1
    """Raised when its networks learn it in another way. A study keeps what it began with."""
    formerly: ClassVar[str] = ""
    """What networks of earlier formulations do, and what those of the newest do instead."""

    naive_words: ClassVar[Mapping[str, str]]
    """What its naive forecasts are called in a sentence."""
    naive_meanings: ClassVar[Mapping[str, str]] = {}
    """What they are, where it is not what they are of prices."""

    @property
    def chance(self) -> bool:
        """Whether a forecast is the chance of a rise."""
        return self.loss == "bce"

    @property
    def columns(self) -> tuple[str, ...]:
        """What a forecast is told as, the names of numbers in a table."""
        if self.chance:
            return ("probability_up",)
        told = tuple(f"{which}_{self.noun}" for which in ("forecast", "low", "high"))
        return ("forecast_return", *told) if self.priced else told

    # --- what is forecast

    def measured(
        self, columns: Mapping[str, Floats], target: str, *, ranged: bool
    ) -> Measured | None:
        """What is forecast, session by session, where that is not the column `target` itself.

        columns  (rows,) of the file, by name: prices under their usual names
        ranged   whether its Open, High, Low and Close tell of the same price as `target`
        """
        return None

    @abstractmethod
    def values(self, target: Floats, rows: Rows, h: int) -> Floats:
        """`y[r]` for the target rows: (n,)."""

    @abstractmethod
    def to_price(self, forecast: Floats, origin: Floats) -> Floats:
        """A forecast as a price, given `target[t]`: (n,). Raises ValueError unless `priced`."""

    def told(self, forecast: Floats, origin: Floats) -> Floats:
        """A forecast as people read it, in `noun`: (n,)."""
        return self.to_price(forecast, origin) if self.priced else forecast

    def from_growth(self, growth: Floats, origin: Floats) -> Floats:
        """Log growth of the price from the origins as forecasts: (n,). Only where `priced`."""
        raise ValueError("growth does not say what is forecast")

    def move(self, forecast: Floats, origin: Floats, usual: Floats) -> Floats | None:
        """How far the price goes until the target's date by a forecast, as a share of `target[t]`:
        (n,). None where that is not said.

        `usual`: how far it usually goes in as many sessions. Prices are above 0.
        """
        return self.to_price(forecast, origin) / origin - 1 if self.priced else None

    @abstractmethod
    def reference(self, origin: Floats) -> Floats:
        """Where a forecast says neither up nor down, given `target[t]`: (n,)."""

    # --- what needs no learning

    @abstractmethod
    def naive(
        self, quotes: Quotes, rows: Rows, h: int, train: Rows
    ) -> Mapping[str, Sequence[Floats]]:
        """Naive forecasts (n,) by name; the variants of one differ in the price they start from.

        What is averaged is averaged over the target rows `train`, which are known at each origin.
        """

    @abstractmethod
    def first_naive(self, quotes: Quotes, rows: Rows, h: int, train: Rows) -> Floats:
        """The only naive forecast that studies of `SCORING` 1 know: (n,)."""

    # --- what the information test needs

    def known(self, quotes: Quotes, rows: Rows, h: int) -> list[Floats]:
        """What is known at the origin without learning, and varies: (n,) each."""
        return []

    def pieces(self, quotes: Quotes, rows: Rows, h: int) -> Floats | None:
        """`y` less something known at the origin, by session: (h, n); None where it has no parts.

        Row `j - 1` is what session `t + j` brings; `rows` follow each other.
        """
        return None

    # --- what the network forecasts

    def mark(self, formulation: int | None = None) -> tuple[int, ...]:
        """What tells a formulation (None: the newest) in a digest; of the first one nothing."""
        number = self.formulation if formulation is None else formulation
        return (number,) if number > 1 else ()

    @abstractmethod
    def fit_scale(self, train_targets: Floats) -> TargetScale:
        """The scale of a fold, from training targets (n,) alone; 1 if they do not vary."""

    def taught(self, quotes: Quotes, train: Rows, h: int, formulation: int) -> TargetScale:
        """What the network of a fold learns, from the target rows `train` alone."""
        return self.fit_scale(self.values(quotes.target, train, h))

    def squash(self, outputs: Any) -> Any:
        """Network outputs (a torch tensor) on the scale of `TargetScale`."""
        return outputs


def naive_forecasts(
    target: Target, quotes: Quotes, rows: Rows, h: int, train: Rows, scoring: int = SCORING
) -> dict[str, Floats]:
    """The naive forecasts (n,) of these rows by name, of each the variant that errs least there.

    That the rows themselves choose among the variants makes doing nothing as hard to beat as it can
    be, at no charge to it. A study of `scoring` 1 has one naive forecast.
    """
    if scoring < SCORING:
        return {
            next(iter(target.naive(quotes, rows, h, train))): target.first_naive(
                quotes, rows, h, train
            )
        }
    actual = target.values(quotes.target, rows, h)
    variants = target.naive(quotes, rows, h, train)
    return {name: hardest(actual, forecasts)[1] for name, forecasts in variants.items()}


def hardest_of_folds(actual: Sequence[Floats], naive: Sequence[Mapping[str, Floats]]) -> str:
    """The name of the naive forecast with the smallest squared error over all folds' rows.

    One for all of them: chosen fold by fold it would be harder the shorter the folds are, and more
    so for long output shifts, which then win less often than others.
    """
    errors = {
        name: sum(float(np.sum((f[name] - y) ** 2)) for y, f in zip(actual, naive, strict=True))
        for name in naive[0]
    }
    return min(errors, key=lambda name: errors[name])


def hardest(actual: Floats, forecasts: Sequence[Floats]) -> tuple[int, Floats]:
    """Place and values of the forecast with the smallest squared error; the first of equals."""
    errors = [float(np.sum((forecast - actual) ** 2)) for forecast in forecasts]
    place = int(np.argmin(errors))
    return place, forecasts[place]
