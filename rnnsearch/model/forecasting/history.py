"""What a forecaster was trained on, to notice when a newer file tells the past differently."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnsearch.arrays import Floats
from rnnsearch.data.prices.load import Prices
from rnnsearch.shown import day

SETTLED_ROWS = 400  # from the head of a file on, recursive indicators no longer depend on it
SAME_PRICE = 1e-6  # relative


@dataclass(frozen=True, eq=False)
class History:
    """Dates (rows,) datetime64[us], increasing, and the target column (rows,) of these sessions."""

    dates: NDArray[np.datetime64]
    target: Floats

    def notes(self, prices: Prices, *, unit_matters: bool) -> list[str]:
        """What is odd about `prices`, compared with the history.

        unit_matters  False where prices may be rescaled as a whole (later dividends do that to
                      adjusted prices): their returns are the same
        """
        return [
            *self._other_prices(prices, unit_matters),
            *self._other_sessions(prices),
            *self._late_start(prices),
        ]

    def _other_prices(self, prices: Prices, unit_matters: bool) -> list[str]:
        dates = prices.dates.to_numpy("datetime64[us]")
        shared, old, new = np.intersect1d(self.dates, dates, return_indices=True)
        was, now = self.target[old], prices.close[new]
        nonzero = was != 0
        unit = 1.0 if unit_matters or not nonzero.any() else np.median(now[nonzero] / was[nonzero])
        wrong = np.flatnonzero(np.abs(now - unit * was) > SAME_PRICE * np.abs(unit * was))
        if not len(wrong):
            return []
        first = wrong[0]
        return [
            f"{prices.name}: differs from the history the champion was trained on in "
            f"{len(wrong)} of {len(shared)} shared sessions, first on {_day(shared[first])}, "
            f"where {prices.target} was {was[first]:g} and is {now[first]:g}; if the new prices "
            "are right, search and evaluate again"
        ]

    def _other_sessions(self, prices: Prices) -> list[str]:
        dates = prices.dates.to_numpy("datetime64[us]")
        first = max(self.dates[0], dates[0])
        last = min(self.dates[-1], dates[-1])
        ours = self.dates[(self.dates >= first) & (self.dates <= last)]
        theirs = dates[(dates >= first) & (dates <= last)]
        notes = []
        for absent, verb, whose in (
            (np.setdiff1d(ours, theirs), "lacks", "the history the champion was trained on has"),
            (np.setdiff1d(theirs, ours), "has", "the history the champion was trained on lacks"),
        ):
            if len(absent):
                sessions = "1 session" if len(absent) == 1 else f"{len(absent)} sessions"
                notes.append(
                    f"{prices.name}: {verb} {sessions} that {whose}, first {_day(absent[0])}; its "
                    "windows are then of other sessions than those the champion learnt from"
                )
        return notes

    def _late_start(self, prices: Prices) -> list[str]:
        begins = prices.dates.to_numpy("datetime64[us]")[0]
        if begins <= self.dates[0] or len(prices.dates) >= SETTLED_ROWS:
            return []
        return [
            f"{prices.name}: begins later than the history and has fewer than {SETTLED_ROWS} "
            "rows, so averages that remember their start may differ slightly"
        ]


def _day(date: np.datetime64) -> str:
    return day(pd.Timestamp(date))
