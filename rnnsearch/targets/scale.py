"""Targets in the units that a network forecasts.

    n  rows      r  target row      t = r - h  origin      y  target      z  what the network says

    y = mean + b[t] + z * scale * u[t]

`b` is the price that a forecast starts from, known at the origin; 0 where it starts from none. `u`
is 1, or the size of `b[t]` where moves are shares of the price.
"""

from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats, Rows

Start: TypeAlias = Literal["none", "target", "close"]


@dataclass(frozen=True, eq=False)
class Quotes:
    """The column that is forecast, and the last price of each row where that is another column.

    target  (rows,)
    close   (rows,) known when the row is over, as `target` is; None where `target` is the close
    """

    target: Floats
    close: Floats | None = None

    def bases(self) -> list[Floats]:
        """The prices (rows,) that may be said to stay what they are."""
        return [self.target] if self.close is None else [self.target, self.close]


@dataclass(frozen=True, eq=False)
class RowScale:
    """`TargetScale` on n rows: `y = middle + unit * z`; both (n,), of a path (n, k)."""

    middle: Floats
    unit: Floats

    def scale_values(self, values: Floats) -> NDArray[np.float32]:
        """y -> z, (n,)."""
        return ((values - self.middle) / self.unit).astype(np.float32)

    def unscale(self, scaled: NDArray[np.floating]) -> Floats:
        """z -> y, (n,), or (n, Q) of quantiles; of a path (n, k)."""
        z = np.asarray(scaled, dtype=np.float64)
        if z.ndim == self.unit.ndim:
            return z * self.unit + self.middle
        return z * self.unit[:, None] + self.middle[:, None]

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(self.middle[rows], self.unit[rows])


@dataclass(frozen=True)
class TargetScale:
    """What a network forecasts, fitted on training rows; plain data, kept with a champion.

    start     the price that forecasts start from: of the target's column, of the close, or of none
    relative  whether `scale` is a share of that price; where the price is smaller than `least`, of
              `least`
    """

    mean: float
    scale: float
    start: Start = "none"
    relative: bool = False
    least: float = 0.0

    def at(self, quotes: Quotes, origins: Rows) -> RowScale:
        """The scale of the rows with these origins (n,), by prices known there."""
        if self.start == "none":
            return RowScale(np.full(len(origins), self.mean), np.full(len(origins), self.scale))
        base = (quotes.target if self.start == "target" else quotes.bases()[-1])[origins]
        unit = np.maximum(np.abs(base), self.least) if self.relative else np.ones(len(origins))
        return RowScale(self.mean + base, self.scale * unit)
