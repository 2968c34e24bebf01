"""What of a study's prices can be bought and sold, and how [trade] says that it is.

series     the prices
strategy   how forecasts are followed
why_not    why they cannot be
check      the price to enter at is in the file
"""

import numpy as np

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.config import StudyFile
from rnnsearch.data.prices.load import Prices
from rnnsearch.errors import StudyFileError
from rnnsearch.scoring import objectives
from rnnsearch.scoring.trading import ENTRIES
from rnnsearch.scoring.trading.measures import per_year
from rnnsearch.scoring.trading.strategy import Series, Strategy
from rnnsearch.scoring.trading.words import NO_CLOSE, NO_POSITION, NOT_ABOVE, OF_PATHS, SILENT

CLOSE = "Close"


def check(study: StudyFile, prices: Prices) -> None:
    """Raises StudyFileError where the price to enter at is not in the file."""
    entry = ENTRIES[study.trade.entry]
    if study.trade.position == "none" or not entry.needs_open or "Open" in prices.frame:
        return
    raise StudyFileError(
        f'[trade] entry = "{entry.name}" needs the column Open, which {prices.name} does not have; '
        f'name its price of the open Open, or write entry = "close"'
    )


def strategy(study: StudyFile, prices: Prices) -> Strategy:
    """Raises KeyError where nothing is traded."""
    return objectives.strategy(study.trade.model_dump(), sessions_of_a_year(prices))


def sessions_of_a_year(prices: Prices) -> float:
    return per_year(prices.dates.as_unit("s").asi8 / 86_400)


def series(prices: Prices) -> Series:
    """The target column, and the open on its scale."""
    return Series(prices.closes, opens(prices))


def opens(prices: Prices) -> Floats | None:
    if "Open" not in prices.frame:
        return None
    found = prices.frame["Open"].to_numpy(np.float64)
    if (prices.price or prices.target) != CLOSE and CLOSE in prices.frame:  # an adjusted close
        found = found * (prices.closes / prices.frame[CLOSE].to_numpy(np.float64))
    return found


def why_not(study: StudyFile, prices: Prices, first: int) -> str | None:
    """Why nothing is traded from row `first` on; None where it can be."""
    if study.trade.position == "none":
        return NO_POSITION
    one, kind = np.ones(1), study.data.predict
    if targets.get(kind).move(one, one, one) is None:
        return SILENT.format(kind=kind)
    if study.data.steps > 1:
        return OF_PATHS.format(steps=study.data.steps)
    adjusted = {} if prices.columns is None else prices.columns.adjusted
    is_close = prices.target in (CLOSE, "Adj Close") or adjusted.get(prices.target) == CLOSE
    if CLOSE in prices.frame and not is_close:
        return NO_CLOSE.format(target=prices.target)
    wanted = [prices.close]
    at_open = opens(prices)
    if ENTRIES[study.trade.entry].needs_open and at_open is not None:
        wanted.append(at_open[first:])
    if any((one <= 0).any() or not np.isfinite(one).all() for one in wanted):
        return NOT_ABOVE
    return None
