"""What a file of prices says came of the forecasts of a journal."""

from collections.abc import Iterator, Sequence

import numpy as np

from rnnsearch import targets
from rnnsearch.data.prices.load import Prices
from rnnsearch.model.forecasting.history import SAME_PRICE
from rnnsearch.search.store.entries import Entry, Outcome
from rnnsearch.shown import day
from rnnsearch.targets import Target


def came_true(entries: Sequence[Entry], prices: Prices) -> list[Entry]:
    """Those whose outcome these prices tell, with it; also where they tell it otherwise now."""
    rows = {day(date): row for row, date in enumerate(prices.dates)}
    found = (_told(entry, rows, prices) for entry in entries)
    return [entry for entry in found if entry is not None]


def notes(entries: Sequence[Entry], prices: Prices) -> Iterator[str]:
    """What is odd about judging these forecasts by these prices."""
    rows = {day(date): row for row, date in enumerate(prices.dates)}
    known = [entry for entry in entries if entry.origin in rows]
    if lacking := [entry.origin for entry in entries if _lacks(entry, rows, prices)]:
        yield (
            f"{prices.name}: lacks the day from which {len(lacking)} of {len(entries)} forecasts "
            f"were made, first {min(lacking)}; what came of them is told by a file that has it"
        )
    was = np.array([entry.said.start for entry in known])
    now = prices.close[[rows[entry.origin] for entry in known]]
    in_prices = any(targets.get(entry.said.predict).in_prices for entry in known)
    # A later dividend rescales adjusted prices as a whole, and no return.
    whole = was != 0
    unit = 1.0 if in_prices or not whole.any() else float(np.median(now[whole] / was[whole]))
    wrong = np.flatnonzero(np.abs(now - unit * was) > SAME_PRICE * np.abs(unit * was))
    if len(wrong):
        first = wrong[0]
        yield (
            f"{prices.name}: {len(wrong)} of {len(known)} forecasts were made from prices that are "
            f"others there, first on {known[first].origin}, where {prices.target} was "
            f"{was[first]:g} and is {now[first]:g}; they are judged by the moves of this file"
        )


def _lacks(entry: Entry, rows: dict[str, int], prices: Prices) -> bool:
    """Whether the origin is not there, although the file has rows of before and after it."""
    if entry.origin in rows or entry.outcome is not None:
        return False
    return entry.origin < day(prices.dates[-1])


def _told(entry: Entry, rows: dict[str, int], prices: Prices) -> Entry | None:
    """The target is the row of its date; where that was unknown, or is no session, so many
    sessions after the origin."""
    origin = rows.get(entry.origin)
    if origin is None:
        return None
    row = rows.get(entry.said.target or "", -1)
    if row <= origin:
        row = origin + entry.ahead
    if row >= len(prices.dates):
        return None
    start, price = float(prices.close[origin]), float(prices.close[row])
    target = targets.get(entry.said.predict)
    actual = _actual(target, prices.close[origin : row + 1], entry.said.start)
    outcome = Outcome(date=day(prices.dates[row]), start=start, price=price, actual=actual)
    return entry.with_outcome(outcome)


def _actual(target: Target, passed: np.ndarray, start: float) -> float:
    """What came, counted from the price that was forecast from: the first that was passed."""
    scale = start / passed[0] if target.in_prices and passed[0] != 0 else 1.0
    last = len(passed) - 1
    return float(target.values(passed * scale, np.array([last]), last)[0])
