"""How many outcomes intervals held: of all rows, of each quarter of the dates, of each series.

n  rows of a series
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats
from rnnsearch.scoring.intervals import coverage
from rnnsearch.targets import Target

QUARTERS = 4
IN_PRICES = "price"


@dataclass(frozen=True, eq=False)
class Bands:
    """Intervals of a series and what came; (n,) each, in the target's unit save `widths`.

    widths  in `unit`: "share" of the price at the origin, or "price", or "volatility"
    dates   of the targets, increasing
    """

    actual: Floats
    low: Floats
    high: Floats
    widths: Floats
    unit: str
    dates: NDArray[np.datetime64]

    @classmethod
    def of(
        cls,
        target: Target,
        origin: Floats,
        actual: Floats,
        low: Floats,
        high: Floats,
        dates: NDArray[np.datetime64],
    ) -> Self | None:
        """`origin` (n,): the prices known then. None where a row has no interval."""
        if not (np.isfinite(low) & np.isfinite(high)).all():
            return None
        least, most = (target.told(bound, origin) for bound in (low, high))
        widths, unit = most - least, target.noun
        if target.priced and bool((origin > 0).all()):
            widths, unit = widths / origin, "share"
        return cls(actual, low, high, widths, unit, dates)

    def held(self, promised: float) -> float:
        """The share of the outcomes inside."""
        return coverage(self.actual, self.low, self.high, 1 - promised).share


def told(every: Sequence[Bands], promised: float) -> dict[str, Any]:
    """What the intervals of one series, or of many together, come to; plain JSON.

    Keys: promised, share, rows, quarters (of the test: first, last, rows, share, width), width (the
    mean), narrowest, widest, unit. Of many series every row counts alike, and quarters are those of
    the dates; widths in prices of several series have no mean, and are None.
    """
    dates, actual, low, high, widths = (
        np.concatenate([getattr(one, name) for one in every])
        for name in ("dates", "actual", "low", "high", "widths")
    )
    units = {one.unit for one in every}
    compared = len(every) == 1 or (len(units) == 1 and units != {IN_PRICES})

    def of(rows: NDArray[np.bool_]) -> dict[str, Any]:
        held = coverage(actual[rows], low[rows], high[rows], 1 - promised)
        width = float(widths[rows].mean()) if compared else None
        return {"rows": held.rows, "share": held.share, "width": width}

    quarters = [
        {"first": str(part[0])[:10], "last": str(part[-1])[:10]}
        | of((part[0] <= dates) & (dates <= part[-1]))
        for part in np.array_split(np.unique(dates), QUARTERS)
        if len(part)
    ]
    return {
        "promised": promised,
        **of(np.ones(len(dates), dtype=bool)),
        "narrowest": float(widths.min()) if compared else None,
        "widest": float(widths.max()) if compared else None,
        "unit": units.pop() if len(units) == 1 else IN_PRICES,
        "quarters": quarters,
    }


def of_series(every: Mapping[str, Bands], promised: float) -> dict[str, Any]:
    """`told` of many series by name, and the ones that held the least and the most: `worst` and
    `best`, each series, share and rows."""
    shares = {name: one.held(promised) for name, one in every.items()}
    ends = {
        "worst": min(shares, key=shares.__getitem__),
        "best": max(shares, key=shares.__getitem__),
    }
    return told(list(every.values()), promised) | {
        which: {"series": name, "share": shares[name], "rows": len(every[name].actual)}
        for which, name in ends.items()
    }
